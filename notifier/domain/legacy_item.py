"""What older programs put into Redis, as it lies there, and what is asked for with it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from notifier.domain.legacy_record import read_text
from notifier.domain.notice import Offer, submission_of
from notifier.domain.order import LATEST_MOMENT, parse_record, shorten
from notifier.domain.reminder import Reminder, notice_of
from notifier.domain.submission import Submission, of_record
from notifier.errors import InvalidInput


class Way(StrEnum):
    ORDER = "order"
    """A `##` record, of a list."""
    REMINDER = "reminder"
    """A member of a sorted set; its score is the moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """body: the record or the member; of a large one its beginning only. size: all of it, bytes.

    score: of a reminder, as Redis prints it. digest: SHA-1 in hex of what lies in Redis.
    """

    way: Way
    body: bytes
    size: int
    digest: str
    score: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRules:
    """member: has who is told in the group `recipient`. after: added to the score.

    to: whom to call for him on webhook. zone: for moments that people read.
    """

    channel: str
    to: str
    member: re.Pattern[str]
    after: timedelta
    zone: tzinfo


def order_of(item: Item, *, claim_window: timedelta, order_book: str) -> Submission:
    """The designer's notification; due when the record expires, or at the end of the claim window
    from now. Raises InvalidInput.
    """
    record = parse_record(read_text(item.body, size=item.size), expiry_needed=False)
    return of_record(record, order_book=order_book, claim_window=claim_window)


def reminder_of(item: Item, rules: ReminderRules, offer: Offer) -> Submission:
    """Due at the score, or now where that has passed. Raises InvalidInput."""
    member = read_text(item.body, size=item.size)
    match = rules.member.fullmatch(member)
    if match is None:
        raise InvalidInput(
            "member", f"{shorten(member)} is not what [intake] reminder_member describes"
        )
    reminder = Reminder(
        user=match["recipient"],
        channel=rules.channel,
        to=rules.to,
        after=rules.after,
        reserved_at=_moment(item.score),
    )
    now = datetime.now(UTC)
    submission = submission_of(notice_of(reminder, now=now, zone=rules.zone), offer, now=now)
    key = f"reminder\x1f{item.score}\x1f{member}"
    return replace(submission, dedupe_key=hashlib.sha256(key.encode()).digest())


def _moment(score: str) -> datetime:
    seconds = float(score)
    if not 0 < seconds < LATEST_MOMENT:
        raise InvalidInput(
            "score", f"{score} is no time in unix seconds before {LATEST_MOMENT} (milliseconds?)"
        )
    return datetime.fromtimestamp(seconds, UTC)
