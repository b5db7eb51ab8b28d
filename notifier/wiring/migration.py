"""Change over to another delay mechanism or broker while notifications wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from notifier.broker.connection import open_connection
from notifier.dispatch.handover import BATCH, hand_over
from notifier.domain.delay import Choice
from notifier.errors import SettingsError
from notifier.settings import Settings
from notifier.store.delays import DelayChoices
from notifier.store.handover import FIRST, Handover
from notifier.store.mysql import Database
from notifier.wiring.delay import AUTO, MECHANISMS, declare, mechanism_of, recorded_choice
from notifier.wiring.operator import open_inspector
from notifier.wiring.parts import open_database, places_of, server_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """to: as [amqp] delay says it, auto included. waiting, scheduled: notifications."""

    before: Choice
    to: str
    address: str
    waiting: int
    scheduled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """given_back: notifications that the broker held and the calendar has now."""

    choice: Choice
    given_back: int


async def plan(settings: Settings, to: str | None) -> Plan:
    """What `migrate` would do. Raises SettingsError, StoreUnavailable, StoreError."""
    async with open_database(settings) as database:
        before = await recorded_choice(database)
        wanted = _wanted(settings, to)
        handover = _handover(settings, database, before.mechanism)
        return Plan(
            before=before,
            to=wanted,
            address=server_of(settings).address,
            waiting=len(await handover.waiting()),
            scheduled=await handover.count_scheduled(),
        )


async def migrate(
    settings: Settings, to: str | None, *, progress: Callable[[int], None]
) -> Migrated:
    """Declare the topology, record the choice, and give what waits back to the calendar.

    to: None for what the settings say. Raises SettingsError, TopologyError, BrokerUnavailable:
    nothing was changed. Raises StoreUnavailable, StoreError: the same again goes on.
    """
    wanted = _wanted(settings, to)
    async with open_database(settings) as database:
        before = await recorded_choice(database)
        name, why = await declare(settings, wanted)
        reason = why if wanted != to or to == AUTO else f"--to {to}"
        why = f"{reason}; migrated from {before.mechanism}"
        choice = await DelayChoices(database).change(name, why=why)
        handover = _handover(settings, database, name)
        given_back = await hand_over(handover, start=FIRST, progress=progress)
    return Migrated(choice=choice, given_back=given_back)


async def prune(settings: Settings) -> list[str]:
    """Delete what the mechanisms that are not recorded left, where it holds nothing any more.

    Returns lines for people. Raises SettingsError, BrokerUnavailable, StoreUnavailable, StoreError.
    """
    async with open_database(settings) as database:
        choice = await recorded_choice(database)
    lines = []
    for name in MECHANISMS:
        if name != choice.mechanism:
            lines += await _prune(settings, name)
    return lines


async def _prune(settings: Settings, name: str) -> list[str]:
    delay = mechanism_of(settings, name)
    async with open_inspector(settings, delay) as inspector:
        held = await inspector.held()
    if held is None:
        return [f"{name}: what it holds only the management API tells; set [amqp] management_url"]
    if held:
        return [f"{name}: holds {held} messages, which nobody needs; try again when they are gone"]
    connection = await open_connection(server_of(settings), name="notifier topology prune")
    try:
        removed = await delay.remove(connection)
    finally:
        await connection.close()
    return [f"{name}: {what} is gone" for what in removed]


def _wanted(settings: Settings, to: str | None) -> str:
    """Raises SettingsError where the processes would refuse what is asked for."""
    asked = settings.amqp.delay
    if to is None or to == asked or asked == AUTO:
        return to or asked
    raise SettingsError(
        f"[amqp] delay (NOTIFIER_AMQP_DELAY) is {asked!r}, so no process would start with "
        f"{to!r}: set it to {to!r} or 'auto' first, where the fleet reads its settings too"
    )


def _handover(settings: Settings, database: Database, mechanism: str) -> Handover:
    lead = places_of(settings, mechanism_of(settings, mechanism)).lead
    return Handover(database, lead=lead, batch=BATCH)
