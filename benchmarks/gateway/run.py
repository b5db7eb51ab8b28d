"""How fast a gateway accepts, one by one and in batches; all is committed before the answer."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep

import orjson
import psutil

from benchmarks.calendar.servers import private_stack
from benchmarks.gateway.client import Answers, ask, request_of
from notifier.errors import NotifierError
from notifier.store.mysql import Database, MysqlOptions

WITHIN_S = 60
BATCH = 100
SERVERS = ("beam.smp", "mariadbd", "mysqld", "redis-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """cpu_us: of the gateway's process, for each notification; servers_cpu_us: of MySQL, RabbitMQ
    and Redis. committed: rows afterwards.
    """

    way: str
    notifications: int
    connections: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    servers_cpu_us: float
    committed: int


def run(*, one_by_one: int, batched: int, connections: int, folder: Path | None) -> list[Figures]:
    """Raises NotifierError where not all is accepted."""
    with private_stack(folder) as stack:
        environment = {**os.environ, **stack.environment(), "NOTIFIER_LOG_LEVEL": "warning"}
        environment["NOTIFIER_FLEET_RUN_DIR"] = str(stack.folder / "run")
        for arguments in (["db", "upgrade"], ["topology", "apply"]):
            _notifier(environment, *arguments)
        made = _notifier(environment, "key", "add", "load", "--scope", "submit", "--json")
        key = str(json.loads(made)["key"])
        with _gateway(environment, stack.folder / "gateway.log") as (port, process):
            ways = {
                "one by one": [_one(key, number) for number in range(one_by_one)],
                f"in batches of {BATCH}": [_many(key, n) for n in range(batched // BATCH)],
            }
            asyncio.run(ask(port, [_one(key, -n) for n in range(1, 501)], connections=connections))
            found = []
            for way, requests in ways.items():
                each = BATCH if "batches" in way else 1
                wide = connections if each == 1 else min(connections, 8)
                before, rows = _cpu_s(process), _rows(environment)
                servers_before = _servers_cpu_s(stack.folder)
                answers = asyncio.run(ask(port, requests, connections=wide))
                cpu_s = _cpu_s(process) - before
                servers_cpu_s = _servers_cpu_s(stack.folder) - servers_before
                committed, count = _rows(environment) - rows, len(requests) * each
                figures = _figures(way, answers, count, wide, cpu_s, committed)
                found.append(replace(figures, servers_cpu_us=servers_cpu_s / count * 1e6))
            return found


def _figures(
    way: str, answers: Answers, count: int, wide: int, cpu_s: float, committed: int
) -> Figures:
    if committed != count:
        raise NotifierError(f"{way}: {count} were accepted, {committed} are committed")
    latencies = sorted(answers.latencies_s)
    return Figures(
        way=way,
        notifications=count,
        connections=wide,
        per_s=count / answers.took_s,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
        cpu_us=cpu_s / count * 1e6,
        servers_cpu_us=0.0,
        committed=committed,
    )


def _notice(number: int) -> dict[str, object]:
    return {
        "channel": "push",
        "recipient": f"user-{number % 1000}",
        "order_no": f"1912{abs(number):09d}",
        "payload": {"text": "早餐好了,请到柜台领取", "amount": "12.50", "number": number},
        "idempotency_key": f"load-{number}",
        "delay": "30s",
    }


def _one(key: str, number: int) -> bytes:
    return request_of("/v1/notifications", key, orjson.dumps(_notice(number)))


def _many(key: str, batch: int) -> bytes:
    first = 10_000_000 + batch * BATCH
    notices = [_notice(number) for number in range(first, first + BATCH)]
    return request_of("/v1/notifications/batch", key, orjson.dumps({"notifications": notices}))


def _notifier(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "notifier", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotifierError(f"notifier {' '.join(arguments)}: {done.stderr}")
    return done.stdout


@contextmanager
def _gateway(environment: Mapping[str, str], log: Path) -> Iterator[tuple[int, psutil.Process]]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "notifier", "gateway", "--port", "0"]
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = monotonic() + WITHIN_S
        while "fleet ready" not in log.read_text():
            if process.poll() is not None or monotonic() > deadline:
                raise NotifierError(f"the gateway does not start: {log.read_text()[-2000:]}")
            sleep(0.1)
        (port,) = re.findall(r"gateway on \S+:(\d+)", log.read_text())
        (child,) = psutil.Process(process.pid).children()
        yield int(port), child
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _servers_cpu_s(folder: Path) -> float:
    """Of those that name the stack's folder in their commands or environments."""
    total = 0.0
    for process in psutil.process_iter():
        try:
            said = [*process.cmdline(), *process.environ().values()]
            if process.name() in SERVERS and any(str(folder) in word for word in said):
                total += _cpu_s(process)
        except psutil.Error:
            continue
    return total


def _rows(environment: Mapping[str, str]) -> int:
    async def count() -> int:
        database = Database(MysqlOptions(url=environment["NOTIFIER_MYSQL_URL"]))
        try:
            return int((await database.fetch("SELECT COUNT(*) FROM notifier_notification"))[0][0])
        finally:
            await database.close()

    return asyncio.run(count())
