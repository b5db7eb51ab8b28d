"""Who takes part, and the numbers of workers that are tried for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROGRAMS = "benchmarks.peers.programs"
FLOOR = "floor"
NOTIFIER = "notifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """label: for people. command: arguments for Python. environment: on top of the others'."""

    label: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """queue: where its orders wait. variants: of its workers. publishing: of who publishes.

    own: it is installed in the peers' environment, not in ours. retries: it can tell again later.
    """

    name: str
    queue: str
    variants: Sequence[Variant]
    publishing: Sequence[Variant] = (Variant(label="1 process"),)
    own: bool = True
    retries: bool = True

    def put(self, what: str, orders: range, *more: str) -> Sequence[str]:
        """Arguments for Python. what: fill, insist or publish."""
        return ["-m", f"{PROGRAMS}.{self.name}", what, str(orders.start), str(len(orders)), *more]

    @classmethod
    def named(cls, name: str) -> Contestant:
        return next(one for one in CONTESTANTS if one.name == name)

    @property
    def is_peer(self) -> bool:
        return self.name not in (FLOOR, NOTIFIER)


def _celery(label: str, *, pool: str, workers: int, prefetch: int) -> Variant:
    arguments = f"worker -l WARNING -P {pool} -c {workers}".split()
    return Variant(
        label=label,
        command=["-m", "celery", "-A", f"{PROGRAMS}.celery", *arguments],
        environment={"PEERS_PREFETCH": str(prefetch)},
    )


def _dramatiq(processes: int, threads: int) -> Variant:
    workers = ["--processes", str(processes), "--threads", str(threads)]
    return Variant(
        label=f"{processes} x {threads} threads",
        command=["-m", "dramatiq", f"{PROGRAMS}.dramatiq", *workers],
    )


def _taskiq(workers: int, qos: int) -> Variant:
    options = f"--workers {workers} --max-async-tasks {qos} --ack-type when_executed"
    return Variant(
        label=f"{workers} workers, qos {qos}",
        command=["-m", "taskiq", "worker", f"{PROGRAMS}.taskiq:broker", *options.split()],
        environment={"PEERS_PREFETCH": str(qos)},
    )


def _faststream(workers: int, prefetch: int) -> Variant:
    options = f"--workers {workers} --log-level warning"
    return Variant(
        label=f"{workers} workers, prefetch {prefetch}",
        command=["-m", "faststream", "run", f"{PROGRAMS}.faststream:app", *options.split()],
        environment={"PEERS_PREFETCH": str(prefetch)},
    )


def _notifier(processes: int, concurrency: int) -> Variant:
    options = f"--tiers 1,3,5,15,30 --processes 1:{processes} --concurrency {concurrency}"
    return Variant(
        label=f"{processes} x first tier, concurrency {concurrency}",
        command=["-m", "notifier", "run-consumers", *options.split()],
    )


def _floor(processes: int) -> Variant:
    return Variant(
        label="1 process" if processes == 1 else f"{processes} processes",
        command=["-m", f"{PROGRAMS}.floor", "work", str(processes)],
    )


THREADS = tuple(
    Variant(label=f"1 process, {number} threads", environment={"PEERS_THREADS": str(number)})
    for number in (1, 8)
)
CONTESTANTS = (
    Contestant(
        name="celery",
        queue="peer.celery",
        publishing=THREADS,
        variants=(
            _celery("2 prefork", pool="prefork", workers=2, prefetch=4),
            _celery("2 prefork, prefetch 64", pool="prefork", workers=2, prefetch=64),
            _celery("4 prefork, prefetch 64", pool="prefork", workers=4, prefetch=64),
            _celery("16 threads", pool="threads", workers=16, prefetch=4),
        ),
    ),
    Contestant(
        name="dramatiq",
        queue="peer-dramatiq",
        publishing=THREADS,
        variants=(_dramatiq(2, 8), _dramatiq(2, 4), _dramatiq(3, 8)),
    ),
    Contestant(
        name="taskiq",
        queue="peer.taskiq",
        variants=(_taskiq(2, 10), _taskiq(2, 100), _taskiq(1, 100)),
    ),
    Contestant(
        name="faststream",
        queue="peer.faststream",
        retries=False,
        variants=(_faststream(1, 100), _faststream(2, 10), _faststream(2, 100)),
    ),
    Contestant(
        name=NOTIFIER,
        queue="delay_queue1",
        own=False,
        variants=(_notifier(1, 200), _notifier(1, 400), _notifier(2, 200), _notifier(2, 400)),
    ),
    Contestant(
        name=FLOOR,
        queue="peer.floor",
        retries=False,
        own=False,
        variants=(_floor(1), _floor(2)),
    ),
)
