"""A notice as a JSON object, one a line in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, tzinfo

from notifier.domain.moment import parse_duration, parse_moment
from notifier.domain.notice import Notice
from notifier.domain.order import shorten
from notifier.domain.payload import check_payload, strict_json
from notifier.errors import InvalidInput

NAMES = tuple(field.name for field in fields(Notice))
NEEDED = ("channel", "recipient")


def parse_notice(line: str, zone: tzinfo) -> Notice:
    """Read `{"channel": "webhook", "recipient": "https://…", …}`: the fields of Notice by name.

    at, deadline: as on the command line, in `zone` where none is given. delay: `5m`, or seconds.
    null is as good as left out. Raises InvalidInput that names the field and the value.
    """
    document = strict_json("line", line)
    if not isinstance(document, dict):
        raise InvalidInput("line", f"{shorten(line)} is no JSON object")
    return notice_of(document, zone)


def notice_of(document: Mapping[str, object], zone: tzinfo) -> Notice:
    """The same of an object that was read already. Raises InvalidInput."""
    given = {name: value for name, value in document.items() if value is not None}
    for name in given:
        if name not in NAMES:
            raise InvalidInput(name, f"there is no such field; there are {', '.join(NAMES)}")
    for name in NEEDED:
        if name not in given:
            raise InvalidInput(name, "is missing")
    fields = Fields(given, zone)
    return Notice(
        channel=fields.text("channel"),
        recipient=fields.text("recipient"),
        template=fields.text("template"),
        payload=check_payload(given.get("payload", {})),
        order_no=fields.text("order_no"),
        idempotency_key=fields.text("idempotency_key") if "idempotency_key" in given else None,
        at=fields.moment("at"),
        delay=fields.delay(),
        ladder=fields.text("ladder", "default"),
        deadline=fields.moment("deadline"),
    )


@dataclass(frozen=True, slots=True)
class Fields:
    """given: without nulls. zone: of moments that say none. All raise InvalidInput."""

    given: Mapping[str, object]
    zone: tzinfo

    def text(self, name: str, default: str = "") -> str:
        value = self.given.get(name, default)
        if not isinstance(value, str):
            raise InvalidInput(name, f"{shorten(str(value))} is no text; put it in quotes")
        return value

    def moment(self, name: str) -> datetime | None:
        text = self._text_or_number(name)
        return None if text is None else parse_moment(name, text, self.zone)

    def delay(self) -> timedelta | None:
        text = self._text_or_number("delay")
        return None if text is None else parse_duration("delay", text)

    def _text_or_number(self, name: str) -> str | None:
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InvalidInput(name, f"{shorten(str(value))} is neither text nor a number")
        return value if isinstance(value, str) else str(value)
