"""The whole benchmark: two brokers for each mechanism, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.delay.broker import private_broker
from benchmarks.delay.hold import Held, hold
from benchmarks.delay.mechanisms import MECHANISMS
from benchmarks.delay.progress import Progress
from benchmarks.delay.punctuality import DELAY_MS, Punctuality, punctuality
from benchmarks.delay.ratio import HOUR_MS, Ratio, publish_ratio
from benchmarks.delay.schedule import Schedule
from notifier.loadtest.machine import Machine, this_machine

_PACED_MESSAGES = 15_000
_ROUND_MESSAGES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """messages: held at once. folder: where the brokers keep their data; None for the default."""

    messages: int
    mechanisms: tuple[str, ...]
    body_bytes: int
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of one mechanism."""

    mechanism: str
    ratio: Ratio
    punctuality: Punctuality
    held: Held

    @property
    def is_clean(self) -> bool:
        return self.held.tally.is_clean and self.punctuality.tally.is_clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    broker: str
    machine: Machine
    plan: Plan
    measured: tuple[Measured, ...]

    @property
    def is_clean(self) -> bool:
        """Everything came out, once and not early."""
        return all(each.is_clean for each in self.measured)


async def run(plan: Plan, progress: Progress) -> Report:
    """Raises BenchmarkError and StackError where there is nothing to report."""
    machine = this_machine()
    measured, version = [], ""
    for name in plan.mechanisms:
        progress.mechanism(name)
        figures, version = await _measure(name, plan, progress)
        measured.append(figures)
    return Report(broker=version, machine=machine, plan=plan, measured=tuple(measured))


async def _measure(name: str, plan: Plan, progress: Progress) -> tuple[Measured, str]:
    make, body_bytes = MECHANISMS[name], plan.body_bytes
    progress.phase("starting a broker")
    async with private_broker(plan.folder) as broker:
        late = await punctuality(
            broker,
            make(DELAY_MS, 1),
            messages=min(plan.messages, _PACED_MESSAGES),
            body_bytes=body_bytes,
            progress=progress,
        )
        ratio = await publish_ratio(
            broker,
            make(HOUR_MS, HOUR_MS // 1000),
            publishes=min(plan.messages, _ROUND_MESSAGES),
            body_bytes=body_bytes,
            progress=progress,
        )
    progress.phase("starting an empty broker")
    async with private_broker(plan.folder) as broker:
        schedule = Schedule.of(plan.messages, publish_per_s=ratio.delayed_per_s)
        held = await hold(
            broker,
            make(schedule.longest_ms, schedule.step_s),
            schedule=schedule,
            body_bytes=body_bytes,
            progress=progress,
        )
        version = broker.version
    return Measured(mechanism=name, ratio=ratio, punctuality=late, held=held), version
