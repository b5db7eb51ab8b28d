"""A gateway dies in the middle of its work: what it has accepted is there, and nothing twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import psutil

from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House, wait_for

COUNT, THREADS = 160, 4


def test_all_that_was_promised_is_there_once_though_it_was_killed_twice(house: House) -> None:
    key = new_key(house, "stubborn", "submit")
    with started(house, "--name", "killed") as gateway:
        promised = list[str]()

        def submit(thread: int) -> None:
            with gateway.client(authorization=f"Bearer {key}") as client:
                for number in range(thread, COUNT, THREADS):
                    promised.append(insist(client, f"key-{number}"))

        killing = threading.Thread(target=kill_twice, args=(gateway, promised))
        killing.start()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(submit, range(THREADS)))
        killing.join()
        wait_for(lambda: gateway.log.read_text().count("process_died") == 2, 30)

    rows = house.rows("SELECT LOWER(HEX(id)), idempotency_key FROM notifier_notification")
    assert len(rows) == COUNT
    assert {row[0] for row in rows} == {id_.replace("-", "") for id_ in promised}


def insist(client: httpx.Client, idempotency_key: str) -> str:
    """The same request, until somebody answers."""
    notice = {"channel": "push", "recipient": "user-7", "delay": "1h"}
    for _ in range(100):
        try:
            answer = client.post(
                "/v1/notifications", json=notice | {"idempotency_key": idempotency_key}
            )
        except httpx.TransportError:
            continue
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])
    raise AssertionError("nobody answers")


def kill_twice(gateway: RunningGateway, promised: list[str]) -> None:
    for number, enough in enumerate((COUNT // 4, COUNT // 2), 1):
        wait_for(partial(has_more, promised, enough), 60)
        # A fast gateway has promised enough before the killed process has a successor.
        wait_for(partial(has_started, gateway, number), 60)
        for child in psutil.Process(gateway.process.pid).children():
            child.kill()


def has_more(promised: list[str], enough: int) -> bool:
    return len(promised) > enough


def has_started(gateway: RunningGateway, times: int) -> bool:
    return gateway.log.read_text().count(" ready (pid ") >= times
