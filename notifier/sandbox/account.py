"""The account that the sandbox plays: everything WeChat's side knows, in one place."""

from __future__ import annotations

import time
from collections import Counter

from notifier.sandbox.ledger import SendLedger
from notifier.sandbox.options import SandboxOptions
from notifier.sandbox.people import People
from notifier.sandbox.tokens import TokenOffice


class Account:
    """Mutable state, touched by the event loop's thread only."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self.app_id = options.app_id
        self.app_secret = options.app_secret
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be as on the first start."""
        self.behaviour = self._options.behaviour
        self.callback = self._options.callback
        self.webhook_secrets: dict[str, tuple[str, ...]] = {}
        self.clock_offset_s = 0.0
        self.people = People()
        self.ledger = SendLedger()
        self.tokens = TokenOffice()
        self.webhooks_seen: Counter[str] = Counter()
        self.quota_clears: Counter[tuple[int, int]] = Counter()

    def now(self) -> float:
        """Epoch seconds of the account's own clock, which a script may set forward."""
        return time.time() + self.clock_offset_s
