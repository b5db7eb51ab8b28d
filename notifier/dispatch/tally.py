"""What a process says of itself: counts since it started."""

from __future__ import annotations

from collections import Counter, deque

from notifier.domain.lease import Attempted, Recorded
from notifier.domain.notification import State
from notifier.domain.outcome import Sent
from notifier.domain.worker import WorkerReport

NEWEST_LATENESSES = 4000


class Tally:
    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lateness_ms: deque[float] = deque(maxlen=NEWEST_LATENESSES)
        self._last_error = ""
        self.in_flight = 0

    def attempted(self, attempted: Attempted, recorded: Recorded) -> None:
        late = attempted.began - attempted.claimed.due_at
        self._lateness_ms.append(late.total_seconds() * 1000)
        if isinstance(attempted.outcome, Sent):
            self._counts["sent"] += 1
            return
        self._last_error = f"{attempted.outcome.code} {attempted.outcome.detail}".strip()
        if recorded.state in (State.WAITING, State.SCHEDULED):
            self._counts["retried"] += 1
        else:
            self._counts[recorded.state] += 1

    def ended(self, state: State) -> None:
        self._counts[state] += 1

    def released(self) -> None:
        self._counts["released"] += 1

    def published(self, count: int) -> None:
        self._counts["published"] += count

    def failed(self, error: str) -> None:
        self._last_error = error

    def report(self) -> WorkerReport:
        """Hands the latenesses over: each is reported once."""
        lateness_ms = tuple(self._lateness_ms)
        self._lateness_ms.clear()
        return WorkerReport(
            in_flight=self.in_flight,
            sent=self._counts["sent"],
            retried=self._counts["retried"],
            dead=self._counts["dead"],
            cancelled=self._counts["cancelled"],
            unknown=self._counts["unknown"],
            released=self._counts["released"],
            published=self._counts["published"],
            last_error=self._last_error,
            lateness_ms=lateness_ms,
        )
