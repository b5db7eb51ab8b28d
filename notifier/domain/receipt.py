"""WeChat's word, after a send, on whether the message reached somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LONGEST_ID = 64
LONGEST_STATUS = 64
BLOCKED = "failed:userblock"
"""The user wants nothing of the account: no further attempt would reach them."""
UNDELIVERED = "failed:systemfailed"
"""WeChat's own failure: another attempt may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """msg_id: the attempt's external id. status: `success`, or `failed:userblock` and the like.

    received_at: None where it has just come.
    """

    msg_id: str
    status: str
    received_at: datetime | None = None


def status_of(text: str) -> str:
    """Without spaces, in lower case: copies of the documentation differ in both."""
    return "".join(text.split()).lower()[:LONGEST_STATUS]
