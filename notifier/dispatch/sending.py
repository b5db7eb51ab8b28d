"""From a claim to what came of it: whether it may be sent at all, and the send."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic

import structlog

from notifier.dispatch.failpoint import pass_by
from notifier.dispatch.pauses import Pauses
from notifier.domain.lease import Attempted, Claimed, PutOff
from notifier.domain.notification import Channel, scopes_of
from notifier.domain.outcome import Held, Outcome, Paused, Unknown
from notifier.domain.rules import RuleBook
from notifier.domain.settle import OPEN_REST, may_send
from notifier.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class Sending:
    """draining: nothing more is begun."""

    def __init__(
        self, channels: Mapping[str, Channel], *, pauses: Pauses, rule_book: RuleBook
    ) -> None:
        self._channels = channels
        self._pauses = pauses
        self._rule_book = rule_book
        self.draining = False

    async def send(self, claimed: Claimed) -> Attempted | PutOff:
        began_s = monotonic()
        outcome: Outcome | Held | None = claimed.refused
        if outcome is None:
            channel = self._channels.get(claimed.notification.channel)
            if channel is None:
                outcome = Paused(code="channel_not_configured")
            elif not self._may_start(claimed, channel, began_s - claimed.asked_s):
                return PutOff(claimed=claimed, until=self._rests_until(claimed))
            elif not self._is_protected(claimed):
                outcome = Unknown(code="unprotected", detail="perhaps told before")
            else:
                pass_by("before_send")
                outcome = await channel.send(claimed.notification)
        ended = claimed.now + timedelta(seconds=monotonic() - claimed.asked_s)
        if isinstance(outcome, Held):
            return PutOff(
                claimed=claimed,
                until=ended + outcome.wait,
                reason=outcome.reason,
                is_exact=outcome.is_exact,
            )
        began = claimed.now + timedelta(seconds=began_s - claimed.asked_s)
        return Attempted(claimed=claimed, outcome=outcome, began=began, ended=ended)

    async def pause(self, attempted: Attempted, outcome: Paused) -> None:
        """Let rest what the outcome names, here at once and soon everywhere."""
        scope = outcome.scope or scopes_of(attempted.claimed.notification)[0]
        until = outcome.resume_at or attempted.ended + self._rule_book.pause
        try:
            await self._pauses.pause(scope, until=until, reason=f"{outcome.code} {outcome.detail}")
        except StoreUnavailable as error:
            log.warning("channel.pause_not_kept", scope=scope, error=str(error))

    def _may_start(self, claimed: Claimed, channel: Channel, waited_s: float) -> bool:
        if self.draining or self._is_paused(claimed):
            return False
        left = claimed.until - claimed.now - timedelta(seconds=waited_s)
        return left > channel.timeout

    def _is_paused(self, claimed: Claimed) -> bool:
        if not self._pauses.are_any:
            return False
        return self._pauses.is_paused(scopes_of(claimed.notification), claimed.now)

    def _rests_until(self, claimed: Claimed) -> datetime:
        """A rest without an end is looked at now and then; resuming it finds these rows."""
        scopes = scopes_of(claimed.notification)
        if not self._pauses.is_paused(scopes, claimed.now):
            return claimed.now
        return self._pauses.until(scopes, claimed.now) or claimed.now + OPEN_REST

    def _is_protected(self, claimed: Claimed) -> bool:
        if claimed.row.unknown_since is None:
            return True
        rules = self._rule_book.rules(claimed.ladder, claimed.notification.channel)
        return may_send(claimed.row.unknown_since, rules, claimed.now)
