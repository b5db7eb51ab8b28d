"""The OpenAPI document: the framework's paths and parameters, our bodies, answers and examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from notifier.domain.api_key import Scope
from notifier.gateway.api.schemas import SCHEMAS
from notifier.gateway.api.shapes import ref

BREAKFAST = {
    "channel": "webhook",
    "recipient": "endpoint:shop",
    "payload": {"order": "1912136916313", "event": "breakfast.ready"},
    "order_no": "1912136916313",
    "idempotency_key": "breakfast-1912136916313",
    "delay": "10m",
}
ORDER = {
    "order": "1912136916313",
    "openid": "oLvqQwo25p5myELvO5VXj0k-7ngk",
    "designer_id": 13926,
    "designer_name": "李伟",
    "delay": "10m",
}
PROBLEMS = {
    401: "There is no key, or it is not known.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    409: "It is not in a state for this, or the idempotency key has another content.",
    413: "The body is too large.",
    415: "The body is no application/json.",
    422: "Something that was sent is wrong; `field` says what.",
    429: "Too many bad keys from this address; wait for `Retry-After` seconds.",
    503: "MySQL does not answer. Nothing was changed, or only the answer was lost.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """says: the name of its answer's schema. statuses: of success; problems: besides the usual."""

    scope: Scope
    says: str
    statuses: tuple[int, ...] = (200,)
    reads: str = ""
    example: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    is_body_needed: bool = False


SUBMIT, READ, OPERATE = Scope.SUBMIT, Scope.READ, Scope.OPERATE
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/v1/notifications"): Operation(
        scope=SUBMIT,
        reads="Asked",
        example=BREAKFAST,
        says="Accepted",
        statuses=(201, 200),
        problems=(409,),
        is_body_needed=True,
    ),
    ("post", "/v1/notifications/batch"): Operation(
        scope=SUBMIT,
        reads="Notices",
        example={"notifications": [BREAKFAST, ORDER]},
        says="AllAccepted",
        statuses=(201, 200),
        problems=(409,),
        is_body_needed=True,
    ),
    ("get", "/v1/notifications"): Operation(scope=READ, says="Page"),
    ("get", "/v1/notifications/{id}"): Operation(scope=READ, says="Explained", problems=(404,)),
    ("get", "/v1/notifications/{id}/attempts"): Operation(
        scope=READ, says="Attempts", problems=(404,)
    ),
    ("post", "/v1/notifications/{id}/cancel"): Operation(
        scope=OPERATE, says="Intervened", problems=(404, 409)
    ),
    ("post", "/v1/notifications/{id}/reschedule"): Operation(
        scope=OPERATE,
        reads="Reschedule",
        example={"delay": "10m", "reason": "the kitchen is late"},
        says="Intervened",
        problems=(404, 409),
        is_body_needed=True,
    ),
    ("post", "/v1/notifications/{id}/replay"): Operation(
        scope=OPERATE,
        reads="Replay",
        example={"force": False},
        says="Intervened",
        problems=(404, 409),
    ),
    ("post", "/v1/notifications/replay"): Operation(
        scope=OPERATE,
        reads="ReplayMany",
        example={"reason": "exhausted", "limit": 100},
        says="AllIntervened",
        is_body_needed=True,
    ),
    ("post", "/v1/orders/{order_no}/cancel"): Operation(
        scope=OPERATE, says="AllIntervened", problems=(404,)
    ),
    ("post", "/v1/orders/{order_no}/reschedule"): Operation(
        scope=OPERATE,
        reads="Reschedule",
        example={"at": "2026-11-21T18:00:00+08:00"},
        says="AllIntervened",
        problems=(404,),
        is_body_needed=True,
    ),
    ("get", "/v1/endpoints"): Operation(scope=READ, says="Endpoints"),
    ("post", "/v1/endpoints"): Operation(
        scope=OPERATE,
        reads="EndpointForm",
        example={"name": "shop", "url": "https://shop.example.com/notify"},
        says="Endpoint",
        statuses=(201,),
        is_body_needed=True,
    ),
    ("get", "/v1/endpoints/{name}"): Operation(scope=READ, says="Endpoint", problems=(404,)),
    ("put", "/v1/endpoints/{name}"): Operation(
        scope=OPERATE,
        reads="EndpointChange",
        example={"url": "https://shop.example.com/notify", "rate_per_s": 50},
        says="Endpoint",
        problems=(404,),
        is_body_needed=True,
    ),
    ("delete", "/v1/endpoints/{name}"): Operation(scope=OPERATE, says="Anything", problems=(404,)),
    ("post", "/v1/endpoints/{name}/pause"): Operation(
        scope=OPERATE,
        reads="Pause",
        example={"reason": "they are moving", "for": "2h"},
        says="Anything",
        problems=(404,),
    ),
    ("post", "/v1/endpoints/{name}/resume"): Operation(
        scope=OPERATE, says="Anything", problems=(404,)
    ),
    ("post", "/v1/endpoints/{name}/rotate-secret"): Operation(
        scope=OPERATE,
        reads="Rotation",
        example={"overlap": "24h"},
        says="Anything",
        problems=(404,),
    ),
    ("post", "/v1/endpoints/{name}/test"): Operation(
        scope=OPERATE, says="Anything", problems=(404,)
    ),
}
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "In place of `idempotency_key` in the body.",
    "schema": {"type": "string", "maxLength": 191},
}


def document_of(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="notifier",
        version="1",
        summary="Tell somebody at the right moment, again until it is heard, and prove it.",
        description="Every error is a problem document (RFC 9457). Keys: `notifier key add`.",
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(SCHEMAS)
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            operation = OPERATIONS.get((method, path))
            if operation is not None:
                _complete(described, operation)
            elif "422" in described["responses"]:
                described["responses"]["422"] = _problem(422)
    parameters = document["paths"]["/v1/notifications"]["post"].setdefault("parameters", [])
    parameters.append(KEY_PARAMETER)
    return document


def _complete(described: dict[str, Any], operation: Operation) -> None:
    described["security"] = [{"key": []}]
    words = described.get("description", "")
    described["description"] = f"{words}\n\nScope: `{operation.scope}`.".strip()
    if operation.reads:
        described["requestBody"] = {
            "required": operation.is_body_needed,
            "content": {
                "application/json": {"schema": ref(operation.reads), "example": operation.example}
            },
        }
    said = {"application/json": {"schema": ref(operation.says)}}
    described["responses"] = {
        **{
            str(status): {
                "description": "Done." if status != 201 else "Accepted, and new.",
                "content": said,
            }
            for status in operation.statuses
        },
        **{
            str(status): _problem(status)
            for status in sorted({401, 403, 413, 415, 422, 429, 503, *operation.problems})
        },
    }


def _problem(status: int) -> dict[str, Any]:
    return {
        "description": PROBLEMS[status],
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
