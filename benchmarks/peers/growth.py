"""The same dispatch while others wait: most in the calendar, some in the broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.contestants import Contestant, Variant
from benchmarks.peers.house import House
from benchmarks.peers.rounds import Rounds
from benchmarks.peers.verdict import Score

HELD = 10
"""Every tenth waits in the broker, as a message; the others only as rows of the calendar."""
HORIZON = {"NOTIFIER_CALENDAR_HORIZON_S": "7200"}
"""So that an hour's delay is the broker's. The fleet keeps its own."""
CHUNK = 20_000
FIRST = 1_000_000_000
"""Above all orders' numbers."""
HEAD = ("waiting", "in the calendar", "in the broker", "orders/s", "rounds", "x none")
_NUMBERS = """
CREATE TABLE IF NOT EXISTS benchmark_number (n BIGINT NOT NULL PRIMARY KEY)
SELECT seq AS n FROM seq_0_to_{last}
"""
_WAIT = """
INSERT INTO notifier_notification (id, role, channel, recipient, order_no, template, payload,
  state, tier, accepted_at, due_at, next_sweep_at)
SELECT UNHEX(CONCAT(LPAD(HEX(1795000000000 + t.n), 12, '0'), '70008', LEFT(MD5(t.n), 15))),
  'recipient', 'webhook', 'http://127.0.0.1:9/hook', CONCAT('other-', t.n), '',
  '{{"first": "breakfast is ready", "keyword1": "table 7"}}', 'scheduled', 1, NOW(6), t.due_at,
  t.due_at - INTERVAL 1 MINUTE
FROM (
  SELECT {first} + n AS n, NOW(6) + INTERVAL 86400 + MOD(({first} + n) * 7919, 8000000) SECOND
    AS due_at
  FROM benchmark_number WHERE n < {count}
) t
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """score: of the dispatch while so many wait."""

    calendar: int
    broker: int
    score: Score

    @property
    def waiting(self) -> int:
        return self.calendar + self.broker


class Growth:
    """What waits only grows: one of these for a house."""

    def __init__(self, rounds: Rounds, contestant: Contestant, variant: Variant) -> None:
        self._rounds = rounds
        self._contestant = contestant
        self._variant = variant
        self._calendar = 0
        self._broker = 0

    def measure(
        self, waiting: int, *, orders: int, times: int, say: Callable[[str], None]
    ) -> Grown:
        """Let so many wait, then that many rounds. Raises BenchmarkError."""
        if not waiting:
            self._rounds.house.forget_notifications()
        self._grow_to(waiting)
        tallies = []
        for number in range(times):
            tally = self._rounds.dispatch(self._contestant, self._variant, orders)
            say(f"{waiting:,} waiting, round {number + 1}: {tally.per_s:,.0f}/s")
            tallies.append(tally)
        score = Score(label=self._variant.label, tallies=tuple(tallies))
        return Grown(calendar=self._calendar, broker=self._broker, score=score)

    def _grow_to(self, waiting: int) -> None:
        held = waiting // HELD
        if held > self._broker:
            more = range(FIRST + self._broker, FIRST + held)
            variant = Variant(label="", environment=HORIZON)
            self._rounds.put(self._contestant, variant, what="wait", orders=more)
            self._broker = held
        in_calendar(self._rounds.house, range(self._calendar, waiting - held))
        self._calendar = waiting - held


def in_calendar(house: House, numbers: range) -> None:
    """Rows that are due in a day or much later, as intake writes them."""
    if not numbers:
        return
    house.run(_NUMBERS.format(last=CHUNK - 1))
    for first in range(numbers.start, numbers.stop, CHUNK):
        house.run(_WAIT.format(first=first, count=min(CHUNK, numbers.stop - first)))
    house.fetch("ANALYZE TABLE notifier_notification")


def rows(found: Sequence[Grown], ratios: Mapping[int, float]) -> Sequence[Sequence[str]]:
    """For a table, the head first. ratios: to none, by how many wait."""
    return [HEAD, *(_row(each, ratios.get(each.waiting)) for each in found)]


def _row(grown: Grown, ratio: float | None) -> tuple[str, ...]:
    return (
        f"{grown.waiting:,}",
        f"{grown.calendar:,}",
        f"{grown.broker:,}",
        f"{grown.score.per_s:,.0f}",
        ", ".join(f"{rate:,.0f}" for rate in grown.score.rates),
        "" if ratio is None else f"{ratio:.2f}",
    )
