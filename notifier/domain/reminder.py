"""A pick-up reminder: tell user U at moment T by channel X that what was ordered is ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from notifier.domain.endpoint import endpoint_of
from notifier.domain.notice import Notice
from notifier.domain.notification import ChannelName
from notifier.errors import InvalidInput

TEMPLATE = "pickup_reminder"
TEXT = "你好,你在{seconds}秒前的预定的套餐,请到店内柜台前拿取"
"""Source: the how-to on reminders that this product grew out of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """user: an openid on wechat, a user id on push, whoever is meant on webhook.

    to: whom to call for the user, on webhook; "": the user is told directly. at: the moment of
    the pick-up; or after: how long after the reservation. reserved_at: None for this very moment.
    """

    user: str
    channel: str
    to: str = ""
    at: datetime | None = None
    after: timedelta | None = None
    reserved_at: datetime | None = None
    order_no: str = ""
    idempotency_key: str | None = None
    ladder: str = "default"


def notice_of(reminder: Reminder, *, now: datetime, zone: tzinfo) -> Notice:
    """What is to be told of it, when. now: in any zone. zone: for moments that people read.

    Its payload is `seconds` from the reservation to the pick-up, `reserved_at` and `pickup_at`;
    where somebody else is called, the `user`; where the channel has no texts of its own, a `text`.
    Raises InvalidInput.
    """
    _check(reminder)
    reserved_at = reminder.reserved_at or now
    pickup_at, seconds = _moment(reminder, reserved_at)
    is_wechat = reminder.channel == ChannelName.WECHAT
    payload: dict[str, object] = {
        "seconds": seconds,
        "reserved_at": _text(reserved_at, zone if is_wechat else None),
        "pickup_at": _text(pickup_at, zone if is_wechat else None),
    }
    if reminder.to:
        payload["user"] = reminder.user
    if not is_wechat:
        payload["text"] = TEXT.format(seconds=seconds)
    # From now on: by the database's clock, which need not be this machine's.
    is_from_now = reminder.at is None and reminder.reserved_at is None
    return Notice(
        channel=reminder.channel,
        recipient=reminder.to or reminder.user,
        template=TEMPLATE,
        payload=payload,
        order_no=reminder.order_no,
        idempotency_key=reminder.idempotency_key,
        at=None if is_from_now else pickup_at,
        delay=reminder.after if is_from_now else None,
        ladder=reminder.ladder,
    )


def _check(reminder: Reminder) -> None:
    if (reminder.at is None) == (reminder.after is None):
        raise InvalidInput("at", "say when: --at a moment, or --in so much time")
    if reminder.idempotency_key is not None and reminder.reserved_at is None:
        raise InvalidInput(
            "reserved-at",
            "goes with an idempotency key, so that the same call later says the same",
        )
    is_webhook = reminder.channel == ChannelName.WEBHOOK
    if reminder.to and not is_webhook:
        raise InvalidInput("to", f"goes with --channel webhook; {reminder.channel} tells the user")
    if is_webhook and not reminder.to and not _can_be_called(reminder.user):
        raise InvalidInput("to", "say whom to call: https://… or endpoint:NAME")


def _can_be_called(user: str) -> bool:
    return "://" in user or endpoint_of(user) is not None


def _moment(reminder: Reminder, reserved_at: datetime) -> tuple[datetime, int | float]:
    """The pick-up, and how many seconds after the reservation; whole ones as a whole number."""
    if reminder.after is not None:
        seconds = round(reminder.after.total_seconds(), 3)
        whole = seconds.is_integer()
        return reserved_at + reminder.after, int(seconds) if whole else seconds
    pickup_at = reminder.at or reserved_at
    if pickup_at < reserved_at:
        at, reserved = _text(pickup_at, None), _text(reserved_at, None)
        raise InvalidInput("at", f"{at} is before the reservation at {reserved}; see --reserved-at")
    return pickup_at, round((pickup_at - reserved_at).total_seconds())


def _text(moment: datetime, zone: tzinfo | None) -> str:
    """For people where there is a zone, else for programs."""
    if zone is not None:
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
