"""When an endpoint that fails again and again is left alone, and when it is tried again.

Moments are seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from notifier.domain.outcome import Held, Outcome, Retry, Unknown

NO_ANSWER = frozenset({"timeout", "connect_timeout", "connect", "reset", "garbled", "dns", "tls"})
"""What a request comes to whose receiver does not work, or cannot be reached."""
SHORTEST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """failures: in a row, that open it; 0: it never opens. A rest is twice as long as the last."""

    failures: int = 5
    first_rest_s: float = 1.0
    longest_rest_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """failures: in a row. open_until_s: None while it is closed. rest_s: the present rest's length.

    probe_until_s: when the probe under way will have ended; None where none is.
    """

    failures: int = 0
    open_until_s: float | None = None
    rest_s: float = 0.0
    probe_until_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Half open counts: nobody may call but the one probe."""
        return self.open_until_s is not None


CLOSED = Breaker()


def wait_s(breaker: Breaker, now_s: float) -> float:
    """How long nobody may call; 0: now."""
    if breaker.open_until_s is None:
        return 0.0
    if breaker.probe_until_s is not None:
        return max(breaker.probe_until_s - now_s, SHORTEST_WAIT_S)
    return max(breaker.open_until_s - now_s, 0.0)


def began(breaker: Breaker, now_s: float, *, within_s: float) -> Breaker:
    """A call goes out, which `wait_s` allowed; of an open one it is the probe."""
    return replace(breaker, probe_until_s=now_s + within_s) if breaker.is_open else breaker


def failed(
    breaker: Breaker, now_s: float, rules: BreakerRules, *, is_probe: bool, luck: float
) -> Breaker:
    """luck: of the rest's jitter, 0 to 1; up to half of it is added."""
    if breaker.is_open and not is_probe:
        return breaker  # a call of before: what it says is known
    failures = breaker.failures + 1
    if not is_probe and (not rules.failures or failures < rules.failures):
        return Breaker(failures=failures)
    rest_s = min(breaker.rest_s * 2 or rules.first_rest_s, rules.longest_rest_s)
    return Breaker(failures=failures, open_until_s=now_s + rest_s * (1 + luck / 2), rest_s=rest_s)


def given_up(breaker: Breaker, *, is_probe: bool) -> Breaker:
    """A call that was not made in the end; another one may be the probe."""
    return replace(breaker, probe_until_s=None) if is_probe else breaker


def is_sick(outcome: Outcome | Held) -> bool:
    """Whether it speaks against the endpoint: no answer, or one with a status of 500 and above.

    A 4xx is the word of an endpoint that is well.
    """
    if not isinstance(outcome, Retry | Unknown):
        return False
    if outcome.answer is not None:
        return outcome.answer.status >= 500
    return outcome.code in NO_ANSWER
