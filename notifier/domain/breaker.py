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
    """failures: in a row, that open it; 0: it never opens.

    An endpoint that is silent rests twice as long each time. One that answers, be it with a 500,
    takes nobody's place and is asked again after the first rest: perhaps it is the message.
    """

    failures: int = 5
    first_rest_s: float = 1.0
    longest_rest_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """failures: in a row. open_until_s: None while it is closed. rest_s: the present rest's length.

    probed_s: when the probe under way began; None where none is.
    """

    failures: int = 0
    open_until_s: float | None = None
    rest_s: float = 0.0
    probed_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Half open counts: nobody may call but the one probe."""
        return self.open_until_s is not None


CLOSED = Breaker()


def wait_s(breaker: Breaker, now_s: float) -> float:
    """How long nobody may call; 0: now. While a probe is under way nobody knows: a guess."""
    if breaker.open_until_s is None:
        return 0.0
    if breaker.probed_s is not None:
        return max(2 * (now_s - breaker.probed_s), breaker.rest_s, SHORTEST_WAIT_S)
    return max(breaker.open_until_s - now_s, 0.0)


def began(breaker: Breaker, now_s: float) -> Breaker:
    """A call goes out, which `wait_s` allowed; of an open one it is the probe."""
    return replace(breaker, probed_s=now_s) if breaker.is_open else breaker


def failed(
    breaker: Breaker,
    now_s: float,
    rules: BreakerRules,
    *,
    is_probe: bool,
    is_silent: bool,
    luck: float,
) -> Breaker:
    """is_silent: no answer came. luck: of the rest's jitter, 0 to 1; up to half of it is added."""
    if breaker.is_open and not is_probe:
        return breaker  # a call of before: what it says is known
    failures = breaker.failures + 1
    if not is_probe and (not rules.failures or failures < rules.failures):
        return Breaker(failures=failures)
    rest_s = rules.first_rest_s
    if is_silent and breaker.rest_s:
        rest_s = min(breaker.rest_s * 2, rules.longest_rest_s)
    return Breaker(failures=failures, open_until_s=now_s + rest_s * (1 + luck / 2), rest_s=rest_s)


def given_up(breaker: Breaker, *, is_probe: bool) -> Breaker:
    """A call that was not made in the end; another one may be the probe."""
    return replace(breaker, probed_s=None) if is_probe else breaker


def is_sick(outcome: Outcome | Held) -> bool:
    """Whether it speaks against the endpoint: no answer, or one with a status of 500 and above.

    A 4xx is the word of an endpoint that is well.
    """
    if not isinstance(outcome, Retry | Unknown):
        return False
    if outcome.answer is not None:
        return outcome.answer.status >= 500
    return outcome.code in NO_ANSWER
