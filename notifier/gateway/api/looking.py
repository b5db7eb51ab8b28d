"""GET: notifications, their attempts, and why they are where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from notifier.dispatch.explain import Explained
from notifier.domain.api_key import Scope
from notifier.domain.due import TAUGHT, span_of
from notifier.domain.endpoint import PREFIX, check_endpoint_name
from notifier.domain.listing import Place, Wanted
from notifier.domain.notification import ChannelName, State
from notifier.domain.timeline import Standing
from notifier.errors import InvalidInput, NotFound
from notifier.gateway.api.cursor import read_cursor, write_cursor
from notifier.gateway.api.documents import (
    answer,
    attempt_documents,
    explained_document,
    standing_document,
)
from notifier.gateway.part import Gateway

MOST = 500

Id = Annotated[UUID, Path(description="The notification's id.")]
States = Annotated[
    list[State] | None, Query(alias="state", description="Only of these; may be given repeatedly.")
]
Order = Annotated[str | None, Query(max_length=64, description="Only of this order.")]
Reason = Annotated[
    str | None,
    Query(max_length=191, description="Exactly, or its kind: `exhausted` finds `exhausted:500`."),
]
Due = Annotated[str | None, Query(max_length=128, description=f"Only due then: {TAUGHT}.")]
Endpoint = Annotated[str | None, Query(max_length=64, description="Only for this endpoint.")]
Recipient = Annotated[
    str | None, Query(max_length=2048, description="Only for this recipient, exactly.")
]
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most so many.")]
Cursor = Annotated[
    str | None, Query(max_length=64, description="`next` of the page before, same filters.")
]


class Looking:
    def __init__(self, gateway: Gateway) -> None:
        self._keys = gateway.keys
        self._desk = gateway.tools.desk
        self._zone = gateway.tools.zone

    async def many(
        self,
        request: Request,
        state: States = None,
        channel: ChannelName | None = None,
        endpoint: Endpoint = None,
        recipient: Recipient = None,
        order_no: Order = None,
        reason: Reason = None,
        due: Due = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        """List notifications, the newest first; with `due` those due first.

        A page ends with `next`; give it as `cursor` for the next one. It is null at the end.
        `due=overdue` is what waits although its moment has come. Days and times without a zone are
        those of the settings' time zone.
        """
        await self._keys.require(request, Scope.READ)
        span = span_of(due, before=None, zone=self._zone, now=datetime.now(UTC))
        waits = (State.SCHEDULED, State.WAITING) if span.overdue else ()
        wanted = Wanted(
            states=tuple(state or waits),
            channel=channel,
            recipient=_recipient(endpoint, recipient),
            order_no=order_no,
            reason=reason,
            due_since=span.since,
            due_before=span.before,
        )
        if cursor:
            place = read_cursor(cursor, by_moment=wanted.asks_for_a_moment)
            wanted = replace(wanted, after=place)
        found = await self._desk.listing.find(wanted, most=limit + 1)
        return answer(
            {
                "notifications": [standing_document(one) for one in found[:limit]],
                "next": _next(found, limit, by_moment=wanted.asks_for_a_moment),
            }
        )

    async def one(self, request: Request, id: Id) -> Response:
        """One notification: where it is and why, its attempts, and what comes next.

        `caused` are the notifications that it brought about, as a designer's that of the publisher.
        """
        await self._keys.require(request, Scope.READ)
        explained = await self._explained(id)
        mine = next(one for one in explained if one.timeline.standing.id == id)
        caused = [str(one.timeline.standing.id) for one in explained if one is not mine]
        return answer({**explained_document(mine), "caused": caused})

    async def attempts(self, request: Request, id: Id) -> Response:
        """Its attempts, each with when and why then, and what was answered."""
        await self._keys.require(request, Scope.READ)
        mine = next(one for one in await self._explained(id) if one.timeline.standing.id == id)
        return answer({"attempts": attempt_documents(mine)})

    async def _explained(self, id_: UUID) -> Sequence[Explained]:
        explained = await self._desk.explainer.explain(str(id_))
        if all(one.timeline.standing.id != id_ for one in explained):
            raise NotFound(f"there is no notification {id_}")
        return explained


def _recipient(endpoint: str | None, recipient: str | None) -> str | None:
    if endpoint is None:
        return recipient
    if recipient is not None:
        raise InvalidInput("recipient", "give either recipient or endpoint")
    return PREFIX + check_endpoint_name(endpoint)


def _next(found: Sequence[Standing], limit: int, *, by_moment: bool) -> str | None:
    if len(found) <= limit:
        return None
    last = found[limit - 1]
    return write_cursor(Place(id=last.id, due_at=last.due_at if by_moment else None))
