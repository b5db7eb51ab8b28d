"""Which rules hold for which notification."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from notifier.domain.ladder import Ladder
from notifier.domain.notification import ChannelName
from notifier.domain.placement import Places
from notifier.domain.settle import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """Per channel: how long its id protects, and how long a send may take."""

    protected_for: timedelta | None
    send_timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Which rules hold for a notification: by its ladder and its channel.

    luck: draws from 0 to 1, anew for each decision.
    """

    ladders: Mapping[str, Ladder]
    places: Places
    channels: Mapping[str, Guarantees]
    pause: timedelta
    luck: Callable[[], float] = random.random
    _kept: dict[tuple[str, str], Rules] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def rules(self, ladder: str, channel: str) -> Rules:
        """Asked twice for every attempt: where nothing is drawn, the same ones are given again."""
        kept = self._kept.get((ladder, channel))
        if kept is not None:
            return kept
        rules = self._rules(ladder, channel)
        if not rules.ladder.jitter and ladder in self.ladders:
            self._kept[ladder, channel] = rules
        return rules

    def _rules(self, ladder: str, channel: str) -> Rules:
        guarantees = self.channels.get(channel) or _CAREFUL
        found = self.ladders.get(ladder) or self.ladders["default"]
        return Rules(
            ladder=found,
            places=self.places,
            protected_for=guarantees.protected_for,
            send_timeout=guarantees.send_timeout,
            pause=self.pause,
            luck=self.luck() if found.jitter else 0.0,
            tells_owner=channel == ChannelName.TASK,
        )


_CAREFUL = Guarantees(protected_for=timedelta(0), send_timeout=timedelta(seconds=15))
