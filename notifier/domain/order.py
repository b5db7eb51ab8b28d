"""A designer order: the `##` record of the seed documents, and what a status of it allows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from notifier.errors import InvalidInput

SEPARATOR = "##"
FIELDS = ("order_no", "order_id", "claim_deadline", "openid", "designer_name", "designer_id")
ORDER_NO = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
OPENID = re.compile(r"[0-9A-Za-z_-]{5,64}")
LONGEST_NAME = 64
LARGEST_ID = 2**63 - 1
LATEST_MOMENT = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
NO_EXPIRY = datetime(1970, 1, 1, tzinfo=UTC)
"""The deadline of a record that has none of its own."""


class OrderStatus(IntEnum):
    """Source: the order table of the designer-order how-to (待抢单 … 驳回)."""

    OPEN = 0
    DESIGNING = 1
    DESIGNED = 2
    FINISHED = 3
    CANCELLED = 4
    REJECTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """Whose order it is, and which designer gets it when nobody took it by `claim_deadline`."""

    order_no: str
    order_id: int
    claim_deadline: datetime
    openid: str
    designer_name: str
    designer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """What the order table says now.

    status: kept as the number it is, an application may have more of them.
    publisher: the address of who placed the order, "" where the table has none.
    """

    order_id: int
    status: int
    designer_id: int | None
    publisher: str


def parse_record(text: str, *, expiry_needed: bool = True) -> OrderRecord:
    """Read `order_no##order_id##claim_deadline##openid##designer_name##designer_id`.

    claim_deadline: unix seconds; where it is not needed, an empty one or 0 is NO_EXPIRY.
    Raises InvalidInput that names the field and the value.
    """
    parts = text.strip().split(SEPARATOR)
    if len(parts) != len(FIELDS):
        raise InvalidInput(
            "record",
            f"{shorten(text)} has {len(parts)} fields, not the {len(FIELDS)} of "
            f"{SEPARATOR.join(FIELDS)}",
        )
    order_no, order_id, deadline, openid, name, designer_id = parts
    return OrderRecord(
        order_no=check_order_no(order_no),
        order_id=_number("order_id", order_id),
        claim_deadline=NO_EXPIRY
        if deadline in ("", "0") and not expiry_needed
        else _moment(deadline),
        openid=check_openid(openid),
        designer_name=check_name("designer_name", name),
        designer_id=_number("designer_id", designer_id),
    )


def record_text(record: OrderRecord) -> str:
    """What parse_record reads. Raises InvalidInput for a moment without a zone."""
    if record.claim_deadline.tzinfo is None:
        raise InvalidInput("claim_deadline", f"{record.claim_deadline} has no time zone")
    return SEPARATOR.join(
        (
            *(record.order_no, str(record.order_id), str(int(record.claim_deadline.timestamp()))),
            *(record.openid, record.designer_name, str(record.designer_id)),
        )
    )


def check_order_no(value: str, field: str = "order_no") -> str:
    """Raises InvalidInput."""
    if not ORDER_NO.fullmatch(value):
        raise InvalidInput(
            field, f"{shorten(value)} is not 1 to 64 letters, digits, '.', '_' or '-'"
        )
    return value


def check_name(field: str, value: str) -> str:
    """A person's name: 1 to 64 characters, none of them a control character."""
    if not value.strip():
        raise InvalidInput(field, "is empty")
    if len(value) > LONGEST_NAME:
        raise InvalidInput(field, f"has {len(value)} characters, at most {LONGEST_NAME}")
    check_printable(field, value)
    return value


def check_printable(field: str, value: str) -> str:
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise InvalidInput(field, f"contains the control character U+{ord(character):04X}")
    return value


def shorten(value: str, longest: int = 60) -> str:
    """Quoted, escaped and cut, for an error text."""
    return repr(value if len(value) <= longest else value[:longest] + "…")


def _number(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 19 or int(value) > LARGEST_ID:
        raise InvalidInput(field, f"{shorten(value)} is no number between 0 and {LARGEST_ID}")
    return int(value)


def _moment(value: str) -> datetime:
    digits = value.isascii() and value.isdigit() and len(value) <= 19
    if not digits or not 0 < int(value) < LATEST_MOMENT:
        raise InvalidInput(
            "claim_deadline",
            f"{shorten(value)} is no time in unix seconds before {LATEST_MOMENT} (milliseconds?)",
        )
    return datetime.fromtimestamp(int(value), UTC)


def check_openid(value: str) -> str:
    """Raises InvalidInput."""
    if not value:
        raise InvalidInput("openid", "is empty")
    if not OPENID.fullmatch(value):
        raise InvalidInput("openid", f"{shorten(value)} is not 5 to 64 letters, digits, '_' or '-'")
    return value
