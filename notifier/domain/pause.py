"""What rests, and until when: a channel, an endpoint, or a tier's queue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from notifier.domain.endpoint import PREFIX, check_endpoint_name
from notifier.domain.notification import ChannelName
from notifier.errors import InvalidInput

CHANNEL = "channel:"
TIER = "tier:"
LONGEST_REASON = 191
LONGEST_WHO = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """scope: `channel:NAME`, `endpoint:NAME` or `tier:SECONDS`.

    until: None: until somebody resumes it. who: a person, or the process that had to.
    """

    scope: str
    since: datetime
    until: datetime | None
    reason: str
    who: str


def tier_scope(tier: int) -> str:
    return f"{TIER}{tier}"


def scope_of(
    *, channel: str | None, endpoint: str | None, tier: int | None, tiers: Collection[int]
) -> str:
    """The one that is given. Raises InvalidInput unless it is exactly one, and there is such."""
    if sum(given is not None for given in (channel, endpoint, tier)) != 1:
        raise InvalidInput("scope", "say which: one of --channel, --endpoint and --tier")
    if endpoint is not None:
        return PREFIX + check_endpoint_name(endpoint)
    if channel is not None:
        if channel not in list(ChannelName):
            raise InvalidInput("channel", f"{channel!r} is none of {', '.join(ChannelName)}")
        return CHANNEL + channel
    if tier not in tiers:
        known = ", ".join(str(each) for each in tiers)
        raise InvalidInput("tier", f"{tier} is none of [fleet] tiers, {known}")
    return f"{TIER}{tier}"


def title_of(scope: str) -> str:
    """For people: `channel wechat`, `endpoint shop`, `tier 5s`."""
    kind, _, name = scope.partition(":")
    return f"{kind} {name}s" if scope.startswith(TIER) else f"{kind} {name}"


def option_of(scope: str) -> str:
    """How a command is told of it: `--tier 5`."""
    kind, _, name = scope.partition(":")
    return f"--{kind} {name}"


def said(text: str, field: str, *, longest: int) -> str:
    """Raises InvalidInput where it says nothing, or too much."""
    text = " ".join(text.split())
    if not text or len(text) > longest:
        raise InvalidInput(field, f"has {len(text)} characters; say something, at most {longest}")
    return text


def in_words(pause: Pause) -> str:
    until = "until it is resumed" if pause.until is None else f"until {_moment(pause.until)}"
    since = _moment(pause.since)
    return f"{title_of(pause.scope)} rests since {since} {until}, by {pause.who}: {pause.reason}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%F %T} UTC"
