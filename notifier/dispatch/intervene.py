"""What a person does about notifications: replay, drop, resolve, cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol
from uuid import UUID

from notifier.dispatch.explain import id_of
from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.ports import Publisher
from notifier.domain.intervention import Intervened
from notifier.domain.listing import Wanted
from notifier.domain.order import shorten
from notifier.errors import BrokerUnavailable, NotFound

BATCH = 500

Hasten = Callable[[Sequence[UUID]], Awaitable[None]]


class ReplayStore(Protocol):
    async def replay(self, ids: Sequence[UUID], *, force: bool) -> list[Intervened]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """results: for each id. held_up: why the broker has not got the messages yet."""

    results: list[Intervened]
    held_up: str = ""


class Replay:
    """hasten: lets the sweeper publish what the broker did not take."""

    def __init__(self, store: ReplayStore, publisher: Publisher, *, hasten: Hasten) -> None:
        self._store = store
        self._publisher = publisher
        self._hasten = hasten

    async def replay(self, ids: Sequence[UUID], *, force: bool) -> Replayed:
        """Commit, then publish, batch after batch. Raises StoreUnavailable, StoreError.

        Without a broker nothing is lost: the sweeper publishes when it is back.
        """
        results: list[Intervened] = []
        held_up = ""
        for batch in in_batches(ids):
            replayed = await self._store.replay(batch, force=force)
            results += replayed
            late = await publish_or_hasten(replayed, self._publisher, self._hasten)
            held_up = late or held_up
        return Replayed(results=results, held_up=held_up)


async def publish_or_hasten(
    results: Sequence[Intervened], publisher: Publisher, hasten: Hasten
) -> str:
    """Why the broker has not got them yet; "" where it has."""
    messages = [(item.publish, item.delay) for item in results if item.publish is not None]
    if not messages:
        return ""
    pass_by("changed_before_publish")
    try:
        await publisher.publish_many(messages)
    except BrokerUnavailable as error:
        await hasten([message.notification_id for message, _ in messages])
        return str(error)
    return ""


class InterventionStore(Protocol):
    async def cancel(self, ids: Sequence[UUID], *, who: str) -> list[Intervened]: ...

    async def drop(self, ids: Sequence[UUID], *, who: str) -> list[Intervened]: ...


class FindStore(Protocol):
    async def ids(self, wanted: Wanted) -> list[UUID]: ...


async def cancel(
    key: str, *, find: FindStore, store: InterventionStore, who: str
) -> list[Intervened]:
    """key: a notification's id, or an order's number for all of its notifications.

    Raises NotFound, StoreUnavailable.
    """
    results: list[Intervened] = []
    for batch in in_batches(await ids_of_key(key, find)):
        results += await store.cancel(batch, who=who)
    return results


async def ids_of_key(key: str, find: FindStore) -> list[UUID]:
    """key: a notification's id, or an order's number. Raises NotFound, StoreUnavailable."""
    id_ = id_of(key)
    ids = [id_] if id_ else await find.ids(Wanted(order_no=key))
    if not ids:
        raise NotFound(f"no notification of an order {shorten(key)}")
    return ids


async def drop(ids: Sequence[UUID], *, store: InterventionStore, who: str) -> list[Intervened]:
    """Raises StoreUnavailable: some batches may be done; the same again does the others."""
    results: list[Intervened] = []
    for batch in in_batches(ids):
        results += await store.drop(batch, who=who)
    return results


def in_batches(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    """No transaction grows beyond some hundred rows."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
