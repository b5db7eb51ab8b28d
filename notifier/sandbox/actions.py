"""What a rule does to a call: parsing, and the pure half of the effects.

| action | what the caller sees | effect recorded |
|---|---|---|
| `errcode:N` | that refusal | no |
| `http:N` | that status and an HTML page | no |
| `html_200`, `empty_200` | 200 with a page, with nothing | no |
| `redirect:URL` | 302 to it (by default to a cloud's metadata address) | no |
| `hang` | silence until it gives up | no |
| `reset_before_read` | the connection reset | no |
| `delay:MS` | what follows, later | as without |
| `revoke_token`, `revoke_token:stuck` | tokens invalid; stuck ones are handed out on | as without |
| `clock:+S` | the account's clock that much further | as without |
| `reset_after_accept` | the connection reset | yes |
| `hang_after_accept` | silence until it gives up | yes |
| `truncate_json` | the first half of the answer | yes |
| `errcode_as_string`, `extra_fields` | numbers as text, fields nobody announced | yes |
| `slow_drip:BPS` | the answer at that many bytes a second | yes |
| `close_keepalive` | the connection closed after the answer, unannounced | yes |
| `giant_body:BYTES`, `gzip_bomb:BYTES` | a body of that length, decompressed | yes |
| `retry_after:TEXT` | that header | as without |
| `receipt:STATUS` | a receipt of `failed:user block`, `failed: system failed` | as without |
| `receipt_twice`, `no_receipt` | the receipt twice, never | as without |
| `receipt_after:MS` | the receipt so much later | as without |
| `receipt_forged` | a receipt that somebody else has signed | as without |
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson

from notifier.sandbox.answers import Answer, Delivery, refused
from notifier.sandbox.options import SandboxError

_HTML = b"<html><head><title>Gateway</title></head><body><h1>Gateway</h1></body></html>\n"
_METADATA_URL = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step of a rule: a name of the table above and what follows its colon."""

    name: str
    argument: str = ""

    @property
    def number(self) -> int:
        """The argument as a number; `parse` has seen to it that it is one."""
        return int(self.argument)


BEFORE = frozenset({"delay", "revoke_token", "clock"})
_NUMBERED = frozenset(
    {"errcode", "http", "delay", "clock", "slow_drip", "giant_body", "gzip_bomb", "receipt_after"}
)
_RECEIPT = frozenset({"receipt", "receipt_twice", "no_receipt", "receipt_after", "receipt_forged"})
"""What becomes of the receipt; the answer itself stays as it is."""
# Source: WeChat's page on the pushed result; copies of it differ in the space.
_STATUS = re.compile(r"success|failed: ?(user block|system failed)")


def parse(text: object) -> Action:
    """The action written as `name` or `name:argument`.

    Raises: SandboxError naming the text.
    """
    name, _, argument = text.partition(":") if isinstance(text, str) else ("", "", "")
    known = BEFORE | _RECEIPT | set(_INSTEAD) | set(_AFTERWARDS)
    if name not in known:
        raise SandboxError(f"action: {text!r} is none of {', '.join(sorted(known))}")
    if name in _NUMBERED and not _is_number(argument, is_signed=name in ("errcode", "clock")):
        raise SandboxError(f"action: {text!r} needs a whole number after {name}:")
    if name == "http" and not 200 <= int(argument) <= 599:
        raise SandboxError(f"action: {text!r} is no HTTP status from 200 to 599")
    if name == "receipt" and not _STATUS.fullmatch(argument):
        raise SandboxError(f"action: {text!r} is no status; WeChat's match {_STATUS.pattern}")
    return Action(name=name, argument=argument)


def instead(actions: tuple[Action, ...]) -> Answer | None:
    """The answer that replaces the endpoint's own, so that nothing is recorded."""
    for action in actions:
        if (make := _INSTEAD.get(action.name)) is not None:
            return make(action)
    return None


def afterwards(answer: Answer, actions: tuple[Action, ...]) -> Answer:
    """The answer as the actions spoil it."""
    for action in actions:
        if (change := _AFTERWARDS.get(action.name)) is not None:
            answer = change(answer, action)
    return answer


def _is_number(text: str, *, is_signed: bool) -> bool:
    digits = text.lstrip("+-") if is_signed else text
    return digits.isascii() and digits.isdigit() and len(text) - len(digits) <= 1


def _http(action: Action) -> Answer:
    reason = HTTPStatus(action.number).phrase if action.number in set(HTTPStatus) else "?"
    page = _HTML.replace(b"Gateway", f"{action.number} {reason}".encode())
    return Answer(
        status=action.number, content_type="text/html", body=page, code=f"http:{action.number}"
    )


def _redirect(action: Action) -> Answer:
    location = ("location", action.argument or _METADATA_URL)
    return Answer(status=302, content_type="text/html", headers=(location,), code="redirect")


def _page(body: bytes) -> Callable[[Action], Answer]:
    return lambda action: Answer(content_type="text/html", body=body, code=action.name)


def _silence(delivery: Delivery) -> Callable[[Action], Answer]:
    return lambda action: Answer(delivery=delivery, code=action.name)


def _lost(delivery: Delivery) -> Callable[[Answer, Action], Answer]:
    return lambda answer, action: replace(answer, delivery=delivery)


def _as_text(answer: Answer, action: Action) -> Answer:
    return _rewritten(
        answer,
        lambda payload: {
            name: str(value) if isinstance(value, int) else value for name, value in payload.items()
        },
    )


def _with_extra_fields(answer: Answer, action: Action) -> Answer:
    extra = {"server_region": "sandbox", "extra": {"list": [1, None, "二"], "errcode": 99}}
    return _rewritten(answer, lambda payload: {**extra, **payload, "trace": None})


def _rewritten(
    answer: Answer, change: Callable[[Mapping[str, object]], Mapping[str, object]]
) -> Answer:
    if "json" not in answer.content_type:
        return answer
    return replace(answer, body=orjson.dumps(change(orjson.loads(answer.body))))


def _dripped(answer: Answer, action: Action) -> Answer:
    return replace(answer, delivery=Delivery.DRIPPED, bytes_per_s=max(1, action.number))


def _bomb(answer: Answer, action: Action) -> Answer:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(65_536)
    packed = b"".join(packer.compress(chunk) for _ in range(action.number // len(chunk)))
    packed += packer.compress(bytes(action.number % len(chunk))) + packer.flush()
    headers = (*answer.headers, ("content-encoding", "gzip"))
    return replace(answer, body=packed, headers=headers)


_INSTEAD: Mapping[str, Callable[[Action], Answer]] = {
    "errcode": lambda action: refused(action.number),
    "http": _http,
    "redirect": _redirect,
    "html_200": _page(_HTML),
    "empty_200": _page(b""),
    "hang": _silence(Delivery.HUNG),
    "reset_before_read": _silence(Delivery.RESET),
}

_AFTERWARDS: Mapping[str, Callable[[Answer, Action], Answer]] = {
    "reset_after_accept": _lost(Delivery.RESET),
    "hang_after_accept": _lost(Delivery.HUNG),
    "truncate_json": lambda answer, action: replace(
        answer, body=answer.body[: len(answer.body) // 2]
    ),
    "errcode_as_string": _as_text,
    "extra_fields": _with_extra_fields,
    "slow_drip": _dripped,
    "close_keepalive": lambda answer, action: replace(answer, is_last=True),
    "giant_body": lambda answer, action: replace(answer, body=b"x" * action.number),
    "gzip_bomb": _bomb,
    "retry_after": lambda answer, action: replace(
        answer, headers=(*answer.headers, ("retry-after", action.argument))
    ),
}
