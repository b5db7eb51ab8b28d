"""How late attempts begin while orders come due at a steady rate, in notifier's own records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.contestants import NOTIFIER, Contestant, Variant
from benchmarks.peers.cost import Meter
from benchmarks.peers.hits import Tally, tally_of
from benchmarks.peers.house import House
from benchmarks.peers.process import BenchmarkError, started, wait_until
from benchmarks.peers.rounds import WITHIN_S, AtWork, Rounds, until_told
from notifier.loadtest.lateness import Spread, spread_of

RATES = (100, 500, 1_000, 2_000)
WARM_S = 2
"""Of each rate's run, not counted: connections are opened then."""
USUAL = Variant(label="usual settings", command=["-m", "notifier", "run-consumers"])
_LATENESS = """
SELECT a.lateness_us FROM notifier_notification n
JOIN notifier_attempt a ON a.notification_id = n.id
WHERE a.attempt = 1 AND n.order_id BETWEEN {first} AND {last}
"""
HEAD = ("due a second", "attempts", "p50 ms", "p95 ms", "p99 ms", "max ms", "lost", "doubled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """One rate's run. spread: milliseconds from due to begun, of first attempts."""

    spread: Spread
    tally: Tally


def measure(rounds: Rounds, rate: int, *, seconds: int) -> Steady:
    """A fleet at work, then orders, each accepted a second before its own moment.

    Raises BenchmarkError where it does not come to its end.
    """
    house, count = rounds.house, rate * (WARM_S + seconds)
    notifier = Contestant.named(NOTIFIER)
    orders = rounds.orders(count)
    house.sink.forget()
    house.forget_notifications()
    house.put_orders(orders)
    log = house.folder / "steady.log"
    with started([rounds.python(notifier), *USUAL.command], house.environ, log=log) as fleet:
        if not wait_until(lambda: house.consumers(notifier.queue) > 0, WITHIN_S):
            raise BenchmarkError(f"no fleet is at work: {log.read_text()[-2000:]}")
        rounds.put(notifier, USUAL, str(rate), what="steady", orders=orders)
        worker, meter = AtWork(NOTIFIER, fleet, log), Meter(NOTIFIER, fleet.pid, house.pids)
        samples = until_told(worker, house.sink, count, meter=meter)
        rounds.wait_for_records()
    tally = tally_of(house.sink.hits(), count, samples=samples)
    return Steady(spread=_spread(house, orders[WARM_S * rate :]), tally=tally)


def rows(found: Mapping[int, Steady]) -> Sequence[Sequence[str]]:
    """For a table, the head first. found: by orders a second."""
    return [HEAD, *(_row(rate, each) for rate, each in found.items())]


def _row(rate: int, steady: Steady) -> tuple[str, ...]:
    spread, tally = steady.spread, steady.tally
    figures = (spread.p50, spread.p95, spread.p99, spread.max)
    return (
        f"{rate:,}",
        f"{spread.count:,}",
        *(f"{value:,.1f}" for value in figures),
        str(tally.lost),
        str(tally.doubled),
    )


def _spread(house: House, orders: range) -> Spread:
    sql = _LATENESS.format(first=orders.start, last=orders.stop - 1)
    return spread_of([lateness_us / 1000 for (lateness_us,) in house.fetch(sql)])
