"""What changes something: logging in and out, replay, pause and resume."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from notifier.dispatch.desk import Outcome
from notifier.dispatch.login import NotLetIn, TooManyTries
from notifier.domain.operator import Operator
from notifier.gateway.pages import documents
from notifier.gateway.pages.looking import answer
from notifier.gateway.pages.sessions import (
    acting_session_of,
    check_origin,
    let_in,
    let_out,
)
from notifier.gateway.problem import Problem
from notifier.wiring.dashboard import Dashboard

MOST_CHOSEN = 500
SHOWN_REFUSALS = 20

Text = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Credentials(_Body):
    """A name and a password, or a link's token."""

    name: Text = ""
    password: Text = ""
    link: Text = ""


class ReplayThose(_Body):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_CHOSEN)]
    why: Text
    force: bool = False


class ReplayAll(_Body):
    """reason: of those; None: all dead ones. confirmed: how many a person was told there are."""

    reason: Text | None = None
    confirmed: Annotated[int, Field(ge=1)]
    why: Text


class Scope(_Body):
    scope: Text
    why: Text


def add(router: APIRouter, dashboard: Dashboard) -> None:
    _add_login(router, dashboard)
    _add_deeds(router, dashboard)


def _add_login(router: APIRouter, dashboard: Dashboard) -> None:
    @router.post("/ui/login")
    async def log_in(request: Request, given: Credentials) -> Response:
        check_origin(request)
        address = request.client.host if request.client else ""
        login = dashboard.login
        try:
            if given.link:
                token = await login.with_link(given.link, address=address)
            else:
                token = await login.with_password(given.name, given.password, address=address)
        except NotLetIn as error:
            raise Problem(403, str(error)) from error
        except TooManyTries as error:
            headers = {"retry-after": f"{error.wait_s:.0f}"}
            raise Problem(429, str(error), headers=headers, wait_s=error.wait_s) from error
        response = answer({})
        let_in(response, request, token)
        return response

    @router.post("/ui/logout")
    async def log_out(request: Request) -> Response:
        session = await acting_session_of(request, dashboard.login)
        await dashboard.login.out(session.token)
        response = answer({})
        let_out(response, request)
        return response


def _add_deeds(router: APIRouter, dashboard: Dashboard) -> None:
    desk = dashboard.desk

    async def operator_of(request: Request) -> Operator:
        return await _operator_of(request, dashboard)

    @router.post("/ui/replay")
    async def replay(request: Request, given: ReplayThose) -> Response:
        who = await operator_of(request)
        return _done(await desk.replay_those(given.ids, who=who, why=given.why, force=given.force))

    @router.post("/ui/replay-all")
    async def replay_all(request: Request, given: ReplayAll) -> Response:
        who = await operator_of(request)
        return _done(
            await desk.replay_all(given.reason, confirmed=given.confirmed, who=who, why=given.why)
        )

    @router.post("/ui/pause")
    async def pause(request: Request, given: Scope) -> Response:
        who = await operator_of(request)
        return answer(documents.of_pauses([await desk.pause(given.scope, who=who, why=given.why)]))

    @router.post("/ui/resume")
    async def resume(request: Request, given: Scope) -> Response:
        who = await operator_of(request)
        return answer({"put_off": await desk.resume(given.scope, who=who, why=given.why)})


async def _operator_of(request: Request, dashboard: Dashboard) -> Operator:
    operator = (await acting_session_of(request, dashboard.login)).operator
    if not operator.may_act:
        raise Problem(403, f"{operator.name} is a viewer, who looks and does not act")
    return operator


def _done(outcome: Outcome) -> Response:
    return answer(
        {
            "done": outcome.done,
            "refused": len(outcome.refused),
            "refusals": [
                {"id": str(one.id), "order_no": one.order_no, "why": one.refused}
                for one in outcome.refused[:SHOWN_REFUSALS]
            ],
            "held_up": outcome.held_up,
        }
    )
