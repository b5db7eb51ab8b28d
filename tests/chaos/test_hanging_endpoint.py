"""An endpoint hangs: the others are told, its own are held, and in the end all are told once."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.stack import Stack
from tests.house import House, built, wait_for
from tests.sandbox.rig import Sandbox

HANG = [{"match": {"path": "/webhook/sick"}, "action": "hang"}]
HELD = (
    "SELECT COUNT(*) FROM notifier_notification WHERE recipient = 'endpoint:sick' "
    "AND reason LIKE 'endpoint_down:timeout, since %' AND state = 'scheduled' "
    "AND step = 0 AND attempt = 1"
)
PROBED = (
    "SELECT COUNT(*) FROM notifier_notification WHERE recipient = 'endpoint:sick' "
    "AND state = 'in_flight' AND claimed_at < NOW(6) - INTERVAL 200000 MICROSECOND"
)


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with built(stack, sandbox, tmp_path) as house:
        house.environment |= {
            "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "NOTIFIER_EGRESS_PORTS": "",
            "NOTIFIER_WEBHOOK_CA_FILE": str(sandbox.addresses["ca_file"]),
            "NOTIFIER_WEBHOOK_KEY": base64.b64encode(b"k" * 32).decode(),
            "NOTIFIER_LADDER_DELAYS_S": ",".join(["0", *["1"] * 15]),
        }
        for name in ("sick", "well"):
            url = f"{sandbox.addresses['data_url']}/webhook/{name}"
            added = house.notifier("endpoint", "add", name, url, "--timeout", "1s")
            assert added.returncode == 0, added.stderr
        yield house


def submit(house: House, name: str, count: int) -> None:
    asyncio.run(
        house.accept(
            [
                Submission(
                    role=Role.RECIPIENT,
                    channel=ChannelName.WEBHOOK,
                    recipient=f"endpoint:{name}",
                    template="payment.paid",
                    payload={"number": number},
                )
                for number in range(count)
            ]
        )
    )


def count(house: House, sql: str) -> int:
    return int(house.rows(sql)[0][0])


def expect_all_told_once(house: House, **expected: int) -> None:
    wait_for(
        lambda: house.states() == {"sent": sum(expected.values())},
        90,
        lambda: str(house.states()),
    )
    effects = list(house.sandbox.control.effects())
    told = Counter(effect["path"].rpartition("/")[2] for effect in effects)
    assert told == Counter(expected)
    house.expect_clean_audit()


def test_the_others_are_told_and_its_own_wait_without_losing_an_attempt(house: House) -> None:
    house.sandbox.control.script(HANG)
    house.start_fleet()
    submit(house, "sick", 40)
    wait_for(lambda: count(house, HELD) >= 15, 40, lambda: str(house.rows(HELD)))

    submit(house, "well", 100)
    wait_for(lambda: house.effects_of("/webhook/well") == 100, 40)
    assert house.effects_of("/webhook/sick") == 0
    assert house.sandbox.control.counters()["deliveries"]["hung"] < 40, "the others were held back"
    assert "endpoint_held_back" in house.logs()
    held = house.rows(HELD.replace("COUNT(*)", "LOWER(HEX(id))") + " ORDER BY due_at DESC LIMIT 1")[
        0
    ][0]
    explained = " ".join(house.notifier("explain", held).stdout.split())
    shown = house.notifier("endpoint", "show", "sick").stdout
    for text in (explained, shown):
        assert "its endpoint does not work: timeout, since" in text
    assert "held" not in house.notifier("endpoint", "show", "well").stdout

    house.sandbox.control.script([])
    expect_all_told_once(house, sick=40, well=100)


def test_processes_killed_while_they_probe_lose_nothing(house: House) -> None:
    house.sandbox.control.script(HANG)
    fleet = house.start_fleet(NOTIFIER_FLEET_GIVE_UP_AFTER="50")
    submit(house, "sick", 30)
    wait_for(lambda: count(house, HELD) >= 5 and count(house, PROBED), 60)

    for child in psutil.Process(fleet.pid).children():
        child.send_signal(signal.SIGKILL)
    house.sandbox.control.script([])
    submit(house, "well", 10)

    expect_all_told_once(house, sick=30, well=10)
