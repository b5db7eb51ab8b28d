"""POST: cancel, reschedule and replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from notifier.dispatch import intervene
from notifier.dispatch.explain import id_of
from notifier.domain.api_key import ApiKey, Scope
from notifier.domain.intervention import Intervened, Moment
from notifier.domain.listing import Wanted
from notifier.domain.notification import State
from notifier.domain.order import shorten
from notifier.errors import InvalidInput
from notifier.gateway.api.documents import answer, intervened_document
from notifier.gateway.api.looking import Id
from notifier.gateway.part import Gateway
from notifier.gateway.problem import Problem
from notifier.gateway.reading import (
    count_of,
    duration_of,
    flag_of,
    moment_of,
    read_object,
    text_of,
)

MOST = 1000
OrderNo = Annotated[str, Path(max_length=64, description="The order's number.")]


class Acting:
    def __init__(self, gateway: Gateway) -> None:
        self._keys = gateway.keys
        self._desk = gateway.tools.desk
        self._zone = gateway.tools.zone

    async def cancel(self, request: Request, id: Id) -> Response:
        """Tell nobody any more.

        An attempt under way is not stopped; it is not repeated if it fails. 409 where it has ended.
        """
        key = await self._allowed(request)
        return _one(await self._cancel(str(id), key))

    async def cancel_order(self, request: Request, order_no: OrderNo) -> Response:
        """Tell nobody any more of this order: all its notifications that have not ended."""
        key = await self._allowed(request)
        return _many(await self._cancel(order_no, key))

    async def reschedule(self, request: Request, id: Id) -> Response:
        """Tell at another moment what waits; 409 where it is under way or has ended."""
        key = await self._allowed(request)
        return _one(await self._reschedule(request, str(id), key))

    async def reschedule_order(self, request: Request, order_no: OrderNo) -> Response:
        """Tell at another moment of this order: all its notifications that wait."""
        key = await self._allowed(request)
        return _many(await self._reschedule(request, order_no, key))

    async def replay(self, request: Request, id: Id) -> Response:
        """Tell a dead one again, now and from the ladder's first step.

        With `force` also an unknown one, or after its deadline: somebody may be told twice, or
        late. 409 where it is not dead.
        """
        await self._allowed(request)
        force = flag_of(await read_object(request, known=("force",)), "force")
        return _one((await self._desk.replay.replay([id], force=force)).results)

    async def replay_many(self, request: Request) -> Response:
        """Tell dead ones again: those of `ids`, or the oldest of a `reason`, at most `limit`.

        `reason` is exact, or a kind: `exhausted` finds `exhausted:500`; "*" finds all. `left` says
        how many of them are still dead; ask again for those.
        """
        await self._allowed(request)
        body = await read_object(request, known=("ids", "reason", "limit", "force"))
        force, limit = flag_of(body, "force"), count_of(body, "limit", MOST, most=MOST)
        wanted = None if body.get("ids") is not None else _wanted(body, force=force)
        if wanted is None:
            chosen = _ids(body)
        else:
            chosen = await self._desk.listing.ids(wanted, most=limit)
        replayed = await self._desk.replay.replay(chosen, force=force)
        left = None if wanted is None else await self._desk.listing.count(wanted)
        return _many(replayed.results, held_up=replayed.held_up, left=left)

    async def _allowed(self, request: Request) -> ApiKey:
        return await self._keys.require(request, Scope.OPERATE)

    async def _cancel(self, what: str, key: ApiKey) -> list[Intervened]:
        desk = self._desk
        return await intervene.cancel(
            what, find=desk.listing, store=desk.interventions, who=who(key)
        )

    async def _reschedule(self, request: Request, what: str, key: ApiKey) -> list[Intervened]:
        body = await read_object(request, known=("at", "delay", "reason"))
        moment = self._moment(body)
        why = text_of(body, "reason", longest=191)
        done = await self._desk.reschedule.reschedule(what, moment, who=who(key), why=why)
        return done.results

    def _moment(self, body: dict[str, object]) -> Moment:
        at, delay = moment_of(body, "at", self._zone), duration_of(body, "delay")
        if at is not None and delay is not None:
            raise InvalidInput("at", "give either at or delay")
        if at is not None:
            return at
        if delay is not None:
            return delay
        raise InvalidInput("at", "is missing; give at (a moment) or delay (from now)")


def who(key: ApiKey) -> str:
    """How the records name somebody who came with a key."""
    return f"key:{key.name}"


def _wanted(body: dict[str, object], *, force: bool) -> Wanted:
    reason = text_of(body, "reason", longest=191)
    if not reason:
        raise InvalidInput("ids", 'is missing; give ids, or a reason ("*" for all)')
    states = (State.DEAD, State.UNKNOWN) if force else (State.DEAD,)
    return Wanted(states=states, reason=None if reason == "*" else reason)


def _ids(body: dict[str, object]) -> list[UUID]:
    given = body["ids"]
    if body.get("reason") is not None or not isinstance(given, list):
        raise InvalidInput("ids", "is no list of ids, or stands beside a reason; give one of them")
    if not 1 <= len(given) <= MOST:
        raise InvalidInput("ids", f"has {len(given)}, not 1 to {MOST}")
    found = [id_of(text) if isinstance(text, str) else None for text in given]
    for text, id_ in zip(given, found, strict=True):
        if id_ is None:
            raise InvalidInput("ids", f"{shorten(str(text))} is no notification's id")
    return [id_ for id_ in found if id_ is not None]


def _one(results: Sequence[Intervened]) -> Response:
    """Raises Problem 404, 409."""
    (result,) = results
    if result.refused == "does not exist":
        raise Problem(404, f"there is no notification {result.id}")
    if result.refused:
        raise Problem(409, f"notification {result.id} {result.refused}")
    return answer(intervened_document(result))


def _many(results: Sequence[Intervened], *, held_up: str = "", left: int | None = None) -> Response:
    document = {
        "done": sum(not one.refused for one in results),
        "refused": sum(bool(one.refused) for one in results),
        "results": [intervened_document(one) for one in results],
        "held_up": held_up,
    }
    return answer(document if left is None else {**document, "left": left})
