"""POST: accept one notification, or many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from notifier.dispatch.intake import MOST_AT_ONCE
from notifier.dispatch.order_document import is_order, order_of
from notifier.domain.api_key import Scope
from notifier.domain.notice import submission_of
from notifier.domain.notice_document import notice_of
from notifier.domain.submission import Submission
from notifier.errors import IdempotencyConflict, InvalidInput
from notifier.gateway.api.documents import accepted_document, answer
from notifier.gateway.part import Gateway
from notifier.gateway.problem import Problem
from notifier.gateway.reading import read_object

KEY_HEADER = "idempotency-key"


class Submitting:
    def __init__(self, gateway: Gateway) -> None:
        self._keys = gateway.keys
        self._tools = gateway.tools
        self._tally = gateway.tally

    async def one(self, request: Request) -> Response:
        """Accept one notification, or the order of a designer.

        An order is claimed for its designer when it is due, both are told, and so is who placed it.
        It is due when the record's claim window ends, at `at`, or after `delay`; the same record is
        accepted once.

        The answer comes when it is committed: it is told then, whatever happens. With an
        idempotency key, in the body or in the header `Idempotency-Key`, the same request can be
        sent again without a second notification: 201 for the first, 200 for those after it, and
        409 for the same key with another content.
        """
        await self._keys.require(request, Scope.SUBMIT)
        document = _with_key(await read_object(request), request.headers.get(KEY_HEADER))
        accepted = await self._tools.counter.accept(await self._judged(document))
        self._tally.published(int(accepted.new))
        where = {"location": f"/v1/notifications/{accepted.id}"}
        return answer(accepted_document(accepted), 201 if accepted.new else 200, headers=where)

    async def many(self, request: Request) -> Response:
        """Accept up to 500, all of them or none.

        They are committed together, in one transaction. Where one is wrong, nothing is accepted,
        and `errors` names each that is, by its place from 0. Their own idempotency keys make it
        safe to send the whole again.
        """
        await self._keys.require(request, Scope.SUBMIT)
        submissions = await self._judged_all(await read_object(request, known=("notifications",)))
        try:
            receipt = await self._tools.intake.accept(submissions)
        except InvalidInput as error:
            faults = await self._tools.faults(submissions)
            raise (_refused(faults) if faults else error) from None
        self._tally.published(sum(one.new for one in receipt.accepted))
        return answer(
            {
                "accepted": [accepted_document(one) for one in receipt.accepted],
                "held_up": receipt.held_up,
            },
            201 if any(one.new for one in receipt.accepted) else 200,
        )

    async def _judged(self, document: Mapping[str, object]) -> Submission:
        tools, now = self._tools, datetime.now(UTC)
        if is_order(document):
            asked = order_of(document, tools.zone, ladders=tools.offer.ladders, now=now)
            return await asked.submission(tools.orders)
        return submission_of(notice_of(document, tools.zone), tools.offer, now=now)

    async def _judged_all(self, body: Mapping[str, object]) -> list[Submission]:
        documents = body.get("notifications")
        if not isinstance(documents, list) or not documents:
            raise InvalidInput("notifications", "is missing; give a list of them")
        if len(documents) > MOST_AT_ONCE:
            raise InvalidInput(
                "notifications", f"has {len(documents)}, at most {MOST_AT_ONCE}; send several"
            )
        good, bad = [], {}
        for place, document in enumerate(documents):
            try:
                if not isinstance(document, dict):
                    raise InvalidInput("notification", "is no JSON object")
                good.append(await self._judged(document))
            except InvalidInput as error:
                bad[place] = error
        if bad:
            raise _refused(bad)
        return good


def _with_key(document: dict[str, object], key: str | None) -> dict[str, object]:
    """The header's, which may be in quotes. Raises InvalidInput where the body says another."""
    if key is None:
        return document
    key = key.strip().removeprefix('"').removesuffix('"')
    if document.get("idempotency_key", key) not in (key, None):
        raise InvalidInput(
            "idempotency_key", "is another one than the header's; give it in one place"
        )
    return {**document, "idempotency_key": key}


def _refused(faults: Mapping[int, InvalidInput]) -> Problem:
    status = 409 if all(isinstance(one, IdempotencyConflict) for one in faults.values()) else 422
    place, first = min(faults.items())
    return Problem(
        status,
        f"nothing was accepted: {len(faults)} are refused; notifications[{place}].{first}",
        errors=[
            {"index": place, "field": error.field, "detail": str(error)}
            for place, error in sorted(faults.items())
        ],
    )
