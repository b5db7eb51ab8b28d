"""A notification as a program or a person asks for it: any channel, any recipient."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notifier.domain.moment import LONGEST
from notifier.domain.notification import ChannelName, Role
from notifier.domain.order import LATEST_MOMENT, check_order_no, check_printable, shorten
from notifier.domain.payload import check_payload
from notifier.domain.recipient import CheckUrl, check_recipient
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput

LONGEST_KEY = 191
FREE_TEMPLATE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
GIVEN = frozenset({"order_no", "dispatched_at", "accepted_at"})
"""What every template is given without the payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What shall be told to whom; nothing of it is checked yet.

    channel: wechat, webhook or push. recipient: an openid; https://… or endpoint:NAME; a user id.
    template: on wechat one of the settings; on the others a name that goes along, or "".
    payload: a JSON object. order_no: what it is about, for `notifier explain`; touches no order.
    idempotency_key: the same key is accepted once; None: every time is new.
    at: the moment; or delay: how long from now; neither: the ladder's first delay.
    ladder: which retries. deadline: nobody is told after it.
    """

    channel: str
    recipient: str
    template: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    order_no: str = ""
    idempotency_key: str | None = None
    at: datetime | None = None
    delay: timedelta | None = None
    ladder: str = "default"
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the settings allow.

    templates: by channel, each with the names that its text is filled with; a channel that is
    not in it takes any template.
    """

    ladders: Collection[str]
    templates: Mapping[ChannelName, Mapping[str, Collection[str]]]
    check_url: CheckUrl


def submission_of(notice: Notice, offer: Offer, *, now: datetime) -> Submission:
    """Check everything. Raises InvalidInput that names the field, the value and the remedy."""
    channel = _channel(notice.channel)
    payload = check_payload(notice.payload)
    if notice.ladder not in offer.ladders:
        known = ", ".join(offer.ladders)
        raise InvalidInput("ladder", f"there is no {notice.ladder!r}; there are {known}")
    key = notice.idempotency_key
    check_timing(notice.at, notice.delay, deadline=notice.deadline, now=now)
    return Submission(
        role=Role.RECIPIENT,
        channel=channel,
        recipient=check_recipient(channel, notice.recipient, offer.check_url),
        order_no=check_order_no(notice.order_no) if notice.order_no else "",
        due_at=notice.at,
        delay=notice.delay,
        template=_template(channel, notice.template, payload, offer=offer),
        payload=payload,
        ladder=notice.ladder,
        deadline_at=notice.deadline,
        idempotency_key=key,
        dedupe_key=None if key is None else dedupe_key(check_key(key)),
    )


def dedupe_key(idempotency_key: str) -> bytes:
    return hashlib.sha256(b"idempotency_key\x1f" + idempotency_key.encode()).digest()


def check_timing(
    at: datetime | None, delay: timedelta | None, *, deadline: datetime | None, now: datetime
) -> None:
    """Raises InvalidInput where they contradict each other, or are no moments of this century."""
    for name, moment in (("at", at), ("deadline", deadline)):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput(name, f"{moment} has no time zone; use an aware datetime")
        if moment is not None and not 0 < moment.timestamp() < LATEST_MOMENT:
            raise InvalidInput(name, f"{moment} is not between 1970 and 2100")
    if at is not None and delay is not None:
        raise InvalidInput("at", "give either at or delay")
    if delay is not None and not timedelta(0) <= delay <= LONGEST:
        raise InvalidInput("delay", f"{delay} is not between none and ten years")
    if deadline is not None and deadline <= max(at or now, now + (delay or timedelta(0))):
        raise InvalidInput(
            "deadline", f"{deadline.isoformat()} is not after the first attempt's moment"
        )


def _channel(name: str) -> ChannelName:
    try:
        return ChannelName(name)
    except ValueError:
        known = ", ".join(ChannelName)
        raise InvalidInput("channel", f"there is no {shorten(name)}; there are {known}") from None


def check_key(key: str) -> str:
    """Raises InvalidInput."""
    if not key.strip():
        raise InvalidInput(
            "idempotency_key", "is empty; leave it out, or give one per notification"
        )
    if len(key) > LONGEST_KEY:
        raise InvalidInput("idempotency_key", f"has {len(key)} characters, at most {LONGEST_KEY}")
    return check_printable("idempotency_key", key)


def _template(
    channel: ChannelName, name: str, payload: Mapping[str, object], *, offer: Offer
) -> str:
    known = offer.templates.get(channel)
    if known is None:
        if name and not FREE_TEMPLATE.fullmatch(name):
            raise InvalidInput(
                "template", f"{shorten(name)} is not 1 to 64 letters, digits, '.', '_' or '-'"
            )
        return name
    if name not in known:
        said = f"there is no {shorten(name)}" if name else f"{channel} needs one"
        raise InvalidInput(
            "template", f"{said}; the settings have {', '.join(sorted(known)) or 'none'}"
        )
    for word in known[name]:
        if word not in GIVEN and not _is_text_or_number(payload.get(word)):
            raise InvalidInput(
                f"payload.{word}", f"is needed by template {name!r}, as a text or a number"
            )
    return name


def _is_text_or_number(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
