"""The same load twice: all endpoints work, then some of them hang."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from benchmarks.bulkhead.house import BenchmarkError, House
from notifier.dispatch.intake import Intake
from notifier.domain.endpoint import PREFIX, EndpointForm
from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.loadtest.generate import paced
from notifier.loadtest.lateness import Spread, spread_of
from notifier.wiring.endpoints import open_registry
from notifier.wiring.entry import open_intake
from notifier.wiring.parts import open_database

WARM_UP_S = 5
SETTLE_S = 3
"""After the last acceptance: the healthy ones are told, with a first delay of one second."""
RECOVERY_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """rate: notifications a second, to all endpoints in turn."""

    endpoints: int
    hanging: int
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """calm, stormy: how late the healthy ones were told, in ms, the receiver's first byte counts.

    calls: requests that met silence. messages: for those that hang; of these unburnt were told in
    their first attempt, and all together were held back so many times. recovered_s: from the end
    of the hanging until the last one was told.
    """

    calm: Spread
    stormy: Spread
    calls: int
    messages: int
    unburnt: int
    held_back: int
    lost: int
    doubled: int
    recovered_s: float


async def run(house: House, plan: Plan, say: Callable[[str], None]) -> Figures:
    names = [_name(number, plan) for number in range(plan.endpoints)]
    async with open_registry(house.settings) as registry, open_intake(house.settings) as intake:
        for name in names:
            await registry.add(EndpointForm(name=name, url=house.url + name), secret=None)
        say("warming up")
        await _load(intake, names, plan.rate, WARM_UP_S)
        say("all endpoints work")
        calm = await _load(intake, names, plan.rate, plan.seconds)
        await asyncio.sleep(SETTLE_S)
        say(f"{plan.hanging} of {plan.endpoints} hang")
        hang = {"match": {"path": "/webhook/hanging-*"}, "action": "hang"}
        house.sandbox.script([hang])
        stormy = await _load(intake, names, plan.rate, plan.seconds)
        await asyncio.sleep(SETTLE_S)
        calls = house.sandbox.counters()["deliveries"].get("hung", 0)
    house.sandbox.script([])
    say("all endpoints work again")
    ended_s = monotonic()
    await _until_all_are_told(house)
    recovered_s = monotonic() - ended_s
    return await _figures(house, (calm, stormy), calls=calls, recovered_s=recovered_s)


def _name(number: int, plan: Plan) -> str:
    return f"{'hanging' if number < plan.hanging else 'healthy'}-{number:03}"


async def _load(intake: Intake, names: Sequence[str], rate: float, seconds: float) -> set[str]:
    """The ids of what was accepted for the healthy ones."""
    healthy: set[str] = set()

    async def accept(numbers: range) -> None:
        submissions = [_submission(names[number % len(names)], number) for number in numbers]
        receipt = await intake.accept(submissions)
        for submission, accepted in zip(submissions, receipt.accepted, strict=True):
            if submission.recipient.startswith(f"{PREFIX}healthy"):
                healthy.add(str(accepted.id))

    async with asyncio.TaskGroup() as group:
        async for numbers in paced(int(rate * seconds), rate):
            group.create_task(accept(numbers))
    return healthy


def _submission(name: str, number: int) -> Submission:
    return Submission(
        role=Role.RECIPIENT,
        channel=ChannelName.WEBHOOK,
        recipient=PREFIX + name,
        template="benchmark",
        payload={"number": number},
    )


async def _until_all_are_told(house: House) -> None:
    until_s = monotonic() + RECOVERY_S
    sql = "SELECT state, COUNT(*) FROM notifier_notification GROUP BY state"
    async with open_database(house.settings) as database:
        while True:
            states = {row[0]: row[1] for row in await database.fetch(sql)}
            if set(states) == {"sent"}:
                return
            if monotonic() > until_s:
                raise BenchmarkError(f"not all were told within {RECOVERY_S} s: {states}")
            await asyncio.sleep(0.5)


async def _figures(
    house: House, rounds: tuple[set[str], set[str]], *, calls: int, recovered_s: float
) -> Figures:
    async with open_database(house.settings) as database:
        rows = await database.fetch(
            "SELECT LOWER(HEX(id)), UNIX_TIMESTAMP(accepted_at), recipient, attempt, seq - attempt "
            "FROM notifier_notification"
        )
    first_s = house.settings.ladder.delays_s[0]
    due_s = {row[0]: float(row[1]) + first_s for row in rows}
    effects = list(house.sandbox.effects())
    told = Counter(effect["webhook_id"].replace("-", "") for effect in effects)
    late_ms = {
        effect["webhook_id"]: 1000
        * (effect["received_at"] - due_s[effect["webhook_id"].replace("-", "")])
        for effect in effects
    }
    hung = [row for row in rows if row[2].startswith(f"{PREFIX}hanging")]
    calm, stormy = (spread_of([late_ms[id_] for id_ in ids]) for ids in rounds)
    return Figures(
        calm=calm,
        stormy=stormy,
        calls=calls,
        messages=len(hung),
        unburnt=sum(row[3] == 1 for row in hung),
        held_back=sum(row[4] for row in hung),
        lost=len(rows) - len(told),
        doubled=sum(count > 1 for count in told.values()),
        recovered_s=recovered_s,
    )
