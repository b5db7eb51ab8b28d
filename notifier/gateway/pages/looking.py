"""What a page asks for beside the overview: who am I, one order's story, the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from notifier import __version__
from notifier.dispatch.desk import MOST_AT_ONCE
from notifier.dispatch.explain import id_of
from notifier.domain.notification import State
from notifier.errors import InvalidInput
from notifier.gateway.pages import documents
from notifier.gateway.pages.assets import PRIVATE
from notifier.gateway.pages.feed import Feed, Seen
from notifier.gateway.pages.sessions import session_of
from notifier.gateway.pages.stories import of_explained
from notifier.wiring.dashboard import Dashboard

PAGE = 50
LONGEST_KEY = 191


def answer(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, headers=PRIVATE, media_type="application/json")


def add(router: APIRouter, dashboard: Dashboard, feed: Feed, *, tiers: Sequence[int]) -> None:
    @router.get("/ui/me")
    async def me(request: Request) -> Response:
        session = await session_of(request, dashboard.login)
        return answer(
            {
                "name": session.operator.name,
                "role": session.operator.role,
                "proof": session.proof,
                "version": __version__,
                "tiers": tiers,
            }
        )

    @router.get("/ui/overview")
    async def overview(request: Request) -> Response:
        await session_of(request, dashboard.login)
        return Response(await feed.look(Seen()), headers=PRIVATE, media_type="application/json")

    _add_notifications(router, dashboard)


def _add_notifications(router: APIRouter, dashboard: Dashboard) -> None:
    @router.get("/ui/explain")
    async def explain(
        request: Request, key: Annotated[str, Query(min_length=1, max_length=LONGEST_KEY)]
    ) -> Response:
        await session_of(request, dashboard.login)
        found = await dashboard.explainer.explain(key.strip())
        return answer([of_explained(item) for item in found])

    @router.get("/ui/dead")
    async def dead(
        request: Request,
        state: State = State.DEAD,
        reason: Annotated[str | None, Query(max_length=LONGEST_KEY)] = None,
        before: str | None = None,
    ) -> Response:
        await session_of(request, dashboard.login)
        if state not in (State.DEAD, State.UNKNOWN):
            raise InvalidInput("state", f"{state} is neither dead nor unknown")
        after = id_of(before) if before else None
        found = await dashboard.failures.listed(state, reason=reason, before=after, most=PAGE)
        return answer(
            {"found": [documents.of_failed(one) for one in found], "more": len(found) == PAGE}
        )

    @router.get("/ui/dead/count")
    async def count(
        request: Request, reason: Annotated[str | None, Query(max_length=LONGEST_KEY)] = None
    ) -> Response:
        await session_of(request, dashboard.login)
        found = await dashboard.desk.count(reason)
        return answer({"count": found, "at_once": min(found, MOST_AT_ONCE)})
