"""Receivers of webhooks: register, look, pause, give a new secret, remove."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.api_key import Scope
from notifier.domain.endpoint import PREFIX, Dialect, EndpointForm, check_endpoint_name
from notifier.domain.order import shorten
from notifier.domain.outcome import Sent
from notifier.errors import InvalidInput
from notifier.gateway.api.acting import who
from notifier.gateway.api.documents import answer, endpoint_document
from notifier.gateway.part import Gateway
from notifier.gateway.reading import duration_of, flag_of, read_object, text_of

FIELDS = ("name", "url", "dialect", "ladder", "rate_per_s", "timeout", "http", "secret")
CHANGEABLE = ("url", "dialect", "ladder", "rate_per_s", "timeout", "http")
OVERLAP = timedelta(hours=24)
Name = Annotated[str, Path(max_length=64, description="The endpoint's name.")]


class EndpointRoutes:
    def __init__(self, gateway: Gateway) -> None:
        self._keys = gateway.keys
        self._registry = gateway.tools.desk.registry
        self._pausing = gateway.tools.desk.pausing

    async def all(self, request: Request) -> Response:
        """All endpoints and how they are; no secrets."""
        await self._keys.require(request, Scope.READ)
        return answer({"endpoints": [endpoint_document(one) for one in await self._registry.all()]})

    async def one(self, request: Request, name: Name) -> Response:
        """One endpoint, with everything but its secret."""
        await self._keys.require(request, Scope.READ)
        return answer(endpoint_document(await self._registry.one(name)))

    async def add(self, request: Request) -> Response:
        """Register an endpoint. The answer has the secret that signs its webhooks, this one time.

        Unless you give one: then it is not repeated. Send to it as `endpoint:NAME`.
        """
        await self._keys.require(request, Scope.OPERATE)
        body = await read_object(request, known=FIELDS)
        given = text_of(body, "secret") or None
        form = _form(body)
        added = await self._registry.add(form, secret=given)
        document = endpoint_document(await self._registry.one(form.name))
        secret = {} if given else {"secret": added.secret}
        return answer(
            {**document, "is_resolved": added.is_resolved, **secret},
            201,
            headers={"location": f"/v1/endpoints/{form.name}", "cache-control": "no-store"},
        )

    async def change(self, request: Request, name: Name) -> Response:
        """Change all of it but its name and its secret: what is left out gets its default.

        What waits for it is told at the new address.
        """
        await self._keys.require(request, Scope.OPERATE)
        body = await read_object(request, known=CHANGEABLE)
        is_resolved = await self._registry.change(_form({**body, "name": name}))
        document = endpoint_document(await self._registry.one(name))
        return answer({**document, "is_resolved": is_resolved})

    async def remove(self, request: Request, name: Name) -> Response:
        """Forget it and its secret. What still waits for it ends dead, and can be replayed."""
        await self._keys.require(request, Scope.OPERATE)
        return answer({"name": name, "waiting": await self._registry.remove(name)})

    async def pause(self, request: Request, name: Name) -> Response:
        """Send it nothing until it is resumed, or for so long. What is for it waits."""
        key = await self._keys.require(request, Scope.OPERATE)
        body = await read_object(request, known=("reason", "for"))
        pause = await self._pausing.pause(
            PREFIX + check_endpoint_name(name),
            lasting=duration_of(body, "for"),
            reason=text_of(body, "reason") or "by hand",
            who=who(key),
        )
        return answer(
            {
                "name": name,
                "since": pause.since,
                "until": pause.until,
                "reason": pause.reason,
                "who": pause.who,
            }
        )

    async def resume(self, request: Request, name: Name) -> Response:
        """Lift its rest, whoever ordered it. What was put off is told now."""
        key = await self._keys.require(request, Scope.OPERATE)
        count = await self._pausing.resume(PREFIX + check_endpoint_name(name), who=who(key))
        return answer({"name": name, "resumed": count})

    async def rotate(self, request: Request, name: Name) -> Response:
        """Give it a new secret, shown this one time; for `overlap` (24h) both sign."""
        await self._keys.require(request, Scope.OPERATE)
        body = await read_object(request, known=("overlap", "secret"))
        overlap, given = duration_of(body, "overlap"), text_of(body, "secret") or None
        both_for = OVERLAP if overlap is None else overlap
        secret = await self._registry.rotate(name, secret=given, overlap=both_for)
        document = {"name": name} | ({} if given else {"secret": secret})
        return answer(document, headers={"cache-control": "no-store"})

    async def test(self, request: Request, name: Name) -> Response:
        """Send it one signed webhook of type notifier.test now; the answer says what came of it."""
        await self._keys.require(request, Scope.OPERATE)
        outcome = await self._registry.test(check_endpoint_name(name))
        said = None
        if outcome.answer is not None:
            said = {"status": outcome.answer.status, "body": outcome.answer.body}
        heard = isinstance(outcome, Sent)
        return answer(
            {"heard": heard, "code": outcome.code, "detail": outcome.detail, "answer": said}
        )


def _form(body: dict[str, object]) -> EndpointForm:
    rate = body.get("rate_per_s")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
        raise InvalidInput("rate_per_s", f"{shorten(str(rate))} is no number")
    dialect = text_of(body, "dialect", Dialect.STANDARD.value)
    if dialect not in list(Dialect):
        raise InvalidInput("dialect", f"{shorten(dialect)} is none of {', '.join(Dialect)}")
    return EndpointForm(
        name=check_endpoint_name(text_of(body, "name")),
        url=text_of(body, "url"),
        dialect=Dialect(dialect),
        ladder=text_of(body, "ladder"),
        rate_per_s=None if rate is None else float(rate),
        timeout=duration_of(body, "timeout"),
        http=flag_of(body, "http"),
    )
