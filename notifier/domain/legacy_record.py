"""The `##` record as another program left it: bytes, of any quality."""

from __future__ import annotations

from notifier.domain.order import SEPARATOR, OrderRecord, parse_record
from notifier.errors import InvalidInput

LARGEST = 1024
"""Bytes. The longest fields together have some 500; what is larger is something else."""


def is_json_object(body: bytes) -> bool:
    """Or begins like one."""
    return body.lstrip().startswith(b"{")


def is_meant_as_record(body: bytes) -> bool:
    """Whether its writer took it for a record, well-formed or not."""
    return SEPARATOR.encode() in body and not is_json_object(body)


def read_record(body: bytes, *, expiry_needed: bool = True) -> OrderRecord:
    """The record of the bytes; blanks and a line's end around it do not matter.

    expiry_needed: see parse_record. Raises InvalidInput that names the field and the value.
    """
    return parse_record(read_text(body, size=len(body)), expiry_needed=expiry_needed)


def read_text(body: bytes, *, size: int) -> str:
    """size: of all of it, where `body` is only its beginning. Raises InvalidInput."""
    if size > LARGEST:
        raise InvalidInput("record", f"{size} bytes are more than {LARGEST}")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "record", f"is not UTF-8: byte 0x{body[error.start]:02x} at {error.start}"
        ) from None
