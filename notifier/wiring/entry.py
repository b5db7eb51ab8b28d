"""What accepts orders, and what prepares the servers for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from zoneinfo import ZoneInfo

from notifier.dispatch.intake import Intake
from notifier.dispatch.ordering import Designer, OrderReader, Timing
from notifier.dispatch.publishing import NoticeReader, Reader
from notifier.domain.delay import Choice
from notifier.domain.notification import TERMINAL, State
from notifier.domain.order import OrderRow
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.settings import Settings
from notifier.store.accept import Acceptor
from notifier.store.earlier import conflicts
from notifier.store.mysql import Database
from notifier.store.playground import OpenOrder, make_order_table, put_orders
from notifier.store.settled import states_of
from notifier.wiring import delay
from notifier.wiring.endpoints import addresses_of
from notifier.wiring.parts import (
    ladders_of,
    offer_of,
    open_database,
    open_publisher,
    order_books_of,
    places_of,
)


async def apply_topology(settings: Settings) -> Choice:
    """Raises SettingsError, TopologyError, BrokerUnavailable, StoreUnavailable, StoreError."""
    async with open_database(settings) as database:
        return await delay.apply(settings, database)


@asynccontextmanager
async def open_intake(settings: Settings) -> AsyncIterator[Intake]:
    """Works without the broker too: what is accepted then is published by the sweeper."""
    async with open_database(settings) as database:
        chosen = await delay.chosen_delay(settings, database)
        places = places_of(settings, chosen)
        acceptor = Acceptor(database, ladders=ladders_of(settings), places=places)
        async with open_publisher(settings, chosen, "intake", patient=True) as publisher:
            yield Intake(acceptor, publisher, check=addresses_of(settings, database).check)


@asynccontextmanager
async def open_reader(
    settings: Settings, *, designer: Designer | None, timing: Timing, again: bool
) -> AsyncIterator[Reader]:
    """Reads records, order numbers and notices for `publish`."""
    async with open_database(settings) as database:

        async def faults(submissions: Sequence[Submission]) -> dict[int, InvalidInput]:
            unknown = await addresses_of(settings, database).unknown(submissions)
            return {**await conflicts(database, submissions), **unknown}

        zone = ZoneInfo(settings.wechat.time_zone)
        yield Reader(
            orders=order_reader_of(settings, database),
            faults=faults,
            notices=NoticeReader(offer_of(settings), timing=timing, zone=zone),
            designer=designer,
            timing=timing,
            again=again,
        )


def order_reader_of(settings: Settings, database: Database) -> OrderReader:
    orders = order_books_of(settings).get("orders")

    async def find(number: str) -> tuple[str, OrderRow] | None:
        return await orders.find(database, number) if orders else None

    return OrderReader(find if orders else None)


async def put_order(settings: Settings, order_no: str, *, order_id: int, publisher: str) -> None:
    """An open order in the stack's own order table."""
    async with open_database(settings) as database:
        await make_order_table(database)
        order = OpenOrder(order_id=order_id, order_no=order_no, publisher_openid=publisher)
        await put_orders(database, "tg_order_task", [order])


async def wait_until_settled(
    settings: Settings, which: str, timeout_s: float
) -> list[tuple[str, str]]:
    """(role, state) of each notification, when all have ended or the time is over."""
    async with open_database(settings) as database:
        deadline = monotonic() + timeout_s
        while True:
            states = await states_of(database, which)
            if states and all(State(state) in TERMINAL for _, state in states):
                return states
            if not states or monotonic() > deadline:
                return states
            await asyncio.sleep(0.1)
