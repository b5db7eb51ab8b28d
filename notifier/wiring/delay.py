"""Which delay mechanism there is: asked of the broker once, recorded, and then the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from notifier.broker import topology
from notifier.broker.delay_exchange import ExchangeDelay
from notifier.broker.delay_queues import QueuesDelay
from notifier.broker.mechanism import Mechanism
from notifier.broker.mending import Mending
from notifier.broker.topology import Topology
from notifier.domain.delay import Choice
from notifier.errors import (
    NotOffered,
    SettingsError,
    StoreError,
    StoreUnavailable,
    TopologyError,
)
from notifier.settings import Settings
from notifier.store.delays import DelayChoices
from notifier.store.mysql import Database
from notifier.wiring.parts import open_database, server_of, topology_of

MECHANISMS: Mapping[str, Callable[[Topology], Mechanism]] = {
    "exchange": ExchangeDelay,
    "queues": QueuesDelay,
}
"""In the order in which `auto` tries them."""
AUTO = "auto"
NONE_CHOSEN = "no delay mechanism is chosen yet ([amqp] delay); run `notifier topology apply`"


def mechanism_of(settings: Settings, name: str) -> Mechanism:
    return MECHANISMS[name](topology_of(settings))


async def recorded_choice(database: Database) -> Choice:
    """Raises SettingsError where there is none, StoreUnavailable, StoreError."""
    choice = await DelayChoices(database).read()
    if choice is None:
        raise SettingsError(NONE_CHOSEN)
    return choice


async def chosen_delay(settings: Settings, database: Database) -> Mechanism:
    """Raises SettingsError where none is chosen, or another one, and StoreUnavailable."""
    choice = await recorded_choice(database)
    return mechanism_of(settings, _agreed(settings, choice).mechanism)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """facts, problems: for people. mechanism: a likely one where none can be said for certain."""

    mechanism: Mechanism
    facts: Sequence[str] = ()
    problems: Sequence[str] = ()


async def recorded(settings: Settings) -> Recorded:
    """For who only looks: what cannot be used is told, not raised. Says nothing without MySQL."""
    wanted = settings.amqp.delay
    likely = mechanism_of(settings, "exchange" if wanted == AUTO else wanted)
    async with open_database(settings) as database:
        try:
            choice = await DelayChoices(database).read()
        except (StoreUnavailable, StoreError):
            return Recorded(mechanism=likely)
    if choice is None:
        return Recorded(mechanism=likely, problems=[NONE_CHOSEN])
    facts = [f"delay: {choice.mechanism} ({choice.why})"]
    try:
        _agreed(settings, choice)
    except SettingsError as error:
        return Recorded(
            mechanism=mechanism_of(settings, choice.mechanism), facts=facts, problems=[str(error)]
        )
    return Recorded(mechanism=mechanism_of(settings, choice.mechanism), facts=facts)


async def apply(settings: Settings, database: Database) -> Choice:
    """Declare the topology of the recorded mechanism; where there is none, choose and record it.

    Raises SettingsError, TopologyError, BrokerUnavailable, StoreUnavailable.
    """
    choices = DelayChoices(database)
    choice = await choices.read()
    if choice is None:
        name, why = await declare(settings, settings.amqp.delay)
        return await choices.choose(name, why=why)
    try:
        await declare(settings, _agreed(settings, choice).mechanism)
    except NotOffered as error:
        others = " or ".join(name for name in MECHANISMS if name != choice.mechanism)
        raise TopologyError(
            f"{error}; the mechanism {choice.mechanism!r} is recorded since {choice.since:%F %T}: "
            f"to change over, run `notifier topology migrate --to {others}`"
        ) from error
    return choice


def mending_of(settings: Settings, database: Database, delay: Mechanism) -> Mending:
    """For a process of the fleet: it declares what the record says, and nothing else."""

    async def declare_again() -> None:
        choice = await recorded_choice(database)
        if choice.mechanism != delay.name:
            raise TopologyError(
                f"this fleet works with the mechanism {delay.name!r}, but {choice.mechanism!r} is "
                "recorded by now: run `notifier reload`"
            )
        await topology.apply(topology_of(settings), server_of(settings), delay)

    return Mending(topology_of(settings), delay, declare=declare_again)


async def declare(settings: Settings, wanted: str) -> tuple[str, str]:
    """Declare the topology with this mechanism, or with the first that is offered for `auto`.

    Returns its name, and why it is this one. Raises NotOffered, TopologyError, BrokerUnavailable.
    """
    refusals = []
    for name in MECHANISMS if wanted == AUTO else (wanted,):
        delay = mechanism_of(settings, name)
        try:
            await topology.apply(topology_of(settings), server_of(settings), delay)
        except NotOffered as error:
            refusals.append(error)
            continue
        if wanted != AUTO:
            return name, f"[amqp] delay = {name}"
        reason = f"{refusals[0]}".split(". ")[0] if refusals else "this broker offers it"
        return name, f"auto: {reason}"
    raise refusals[-1]


def _agreed(settings: Settings, choice: Choice) -> Choice:
    """Raises SettingsError where the settings ask for another one."""
    wanted = settings.amqp.delay
    if wanted not in (AUTO, choice.mechanism):
        raise SettingsError(
            f"[amqp] delay (NOTIFIER_AMQP_DELAY) is {wanted!r}, but {choice.mechanism!r} is "
            f"recorded since {choice.since:%F %T} and may hold messages: change over with "
            f"`notifier topology migrate --to {wanted}`, or set it to auto"
        )
    return choice
