"""The jobs, each from its rounds to its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from benchmarks.peers import growth, lateness, report, verdict
from benchmarks.peers.contestants import NOTIFIER, Contestant, Variant
from benchmarks.peers.memory import Memory, memory_of
from benchmarks.peers.picture import Bar, Panel, bar, rates
from benchmarks.peers.process import BenchmarkError
from benchmarks.peers.programs.job import DELAYS_S
from benchmarks.peers.result import Result
from benchmarks.peers.rounds import Rounds
from benchmarks.peers.run import Job, Plan, Say, best_of, run
from benchmarks.peers.verdict import Score

TITLES = {
    "dispatch": "Orders claimed and told, per second",
    "retry": "Orders told in the third attempt, per second",
    "publish": "Notifications accepted, per second",
    "lateness": "Lateness of attempts while orders come due steadily",
    "memory": "Memory of the consumer process under load",
    "growth": "Orders claimed and told, per second, while others wait",
}
COST_TITLE = "Processor time per order of the dispatch"
WHOLE = 20_000
"""Orders of the dispatch at which all jobs have the sizes that the targets are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """All follow from the number of orders that are dispatched. seconds: at each steady rate."""

    orders: int
    rounds: int

    @property
    def retried(self) -> int:
        return max(self.orders // 4, 1)

    @property
    def published(self) -> int:
        return max(self.orders // 4, 1)

    @property
    def seconds(self) -> int:
        return max(15 * self.orders // WHOLE, 2)

    @property
    def remembered(self) -> int:
        return 10 * self.orders

    @property
    def waiting(self) -> Sequence[int]:
        return (0, 5 * self.orders, 50 * self.orders)


class Jobs:
    """asked: who takes part.

    The best numbers of workers that one job finds are taken for the next that has the same choice.
    """

    def __init__(
        self, rounds: Rounds, *, sizes: Sizes, asked: Sequence[Contestant], say: Say
    ) -> None:
        self._rounds = rounds
        self._sizes = sizes
        self._asked = asked
        self._say = say
        self._best: dict[str, Variant] = {}

    def do(self, name: str) -> Result:
        """name: of TITLES. Raises BenchmarkError where it does not come to its end."""
        jobs: Mapping[str, Callable[[], Result]] = {
            "dispatch": self._dispatch,
            "retry": self._retry,
            "publish": self._publish,
            "lateness": self._lateness,
            "memory": self._memory,
            "growth": self._growth,
        }
        return jobs[name]()

    def _dispatch(self) -> Result:
        job = Job(do=self._rounds.dispatch, variants=lambda one: one.variants)
        scores = self._compare(job, self._asked, self._best, orders=self._sizes.orders)
        result = compared("dispatch", scores, orders=self._sizes.orders)
        costs = report.cost_table(scores)
        if not costs:
            return result
        return replace(
            result,
            text=f"{result.text}\n\n{COST_TITLE}:\n\n{costs}",
            panels=[*result.panels, cost_panel(scores)],
        )

    def _retry(self) -> Result:
        job = Job(do=self._rounds.retry, variants=lambda one: one.variants)
        able = [one for one in self._asked if one.retries]
        scores = self._compare(job, able, self._best, orders=self._sizes.retried)
        result = compared("retry", scores, orders=self._sizes.retried)
        took = report.beyond_delays(scores, orders=self._sizes.retried, delays_s=sum(DELAYS_S))
        return replace(result, text=f"{result.text}\n\n{took}")

    def _publish(self) -> Result:
        job = Job(do=self._rounds.publish, variants=lambda one: one.publishing)
        scores = self._compare(job, self._asked, {}, orders=self._sizes.published)
        return compared("publish", scores, orders=self._sizes.published)

    def _compare(
        self, job: Job, asked: Sequence[Contestant], best: dict[str, Variant], *, orders: int
    ) -> dict[str, Score]:
        """best: what is known of it; what is found out is added."""
        plan = Plan(orders=orders, rounds=self._sizes.rounds)
        for one in asked:
            if one.name not in best:
                best[one.name] = best_of(job, one, plan=plan, say=self._say)
        return run(job, asked, best, plan=plan, say=self._say)

    def _lateness(self) -> Result:
        found = {}
        for rate in lateness.RATES:
            found[rate] = lateness.measure(self._rounds, rate, seconds=self._sizes.seconds)
            self._say(f"{rate:,} due a second: p99 {found[rate].spread.p99:,.1f} ms late")
        spreads = {rate: each.spread for rate, each in found.items()}
        bars = [
            bar(f"{rate:,}/s", each.p99, f"{each.p99:,.1f} ms, p50 {each.p50:,.1f}")
            for rate, each in spreads.items()
        ]
        return Result(
            job="lateness",
            text=report.grid(lateness.rows(found)),
            checks=verdict.lateness_checks(spreads),
            is_clean=all(each.tally.is_clean for each in found.values()),
            figures={"lateness_ms": {str(rate): asdict(each) for rate, each in spreads.items()}},
            panels=[Panel(title=f"{TITLES['lateness']}: p99", bars=bars, of=NOTIFIER)],
        )

    def _memory(self) -> Result:
        self._rounds.house.forget_notifications()
        notifier, count = Contestant.named(NOTIFIER), self._sizes.remembered
        tally = self._rounds.dispatch(notifier, notifier.variants[0], count)
        memory = memory_of(tally.samples, count)
        if memory is None:
            raise BenchmarkError("memory: no process of the first tier was seen at work")
        return Result(
            job="memory",
            text=report.grid(memory_rows(memory)),
            checks=verdict.memory_checks(memory),
            is_clean=tally.is_clean,
            figures=asdict(memory),
            panels=[
                Panel(
                    title=f"{TITLES['memory']}, {count:,} notifications",
                    of=NOTIFIER,
                    bars=[
                        bar(f"quarter {number}", each, f"{each:,.1f} MB")
                        for number, each in enumerate(memory.quarters_mb, 1)
                    ],
                )
            ],
        )

    def _growth(self) -> Result:
        notifier, sizes = Contestant.named(NOTIFIER), self._sizes
        variant = self._best.get(NOTIFIER, notifier.variants[0])
        growing = growth.Growth(self._rounds, notifier, variant)
        found = [
            growing.measure(waiting, orders=sizes.orders, times=sizes.rounds, say=self._say)
            for waiting in sizes.waiting
        ]
        per_s = {each.waiting: each.score.per_s for each in found}
        none = per_s[0] or 1.0
        ratios = {waiting: each / none for waiting, each in per_s.items()}
        bars = [
            bar(f"{waiting:,}", each, f"{each:,.0f}/s, x {ratios[waiting]:.2f}")
            for waiting, each in per_s.items()
        ]
        return Result(
            job="growth",
            text=f"{report.grid(growth.rows(found, ratios))}\n\nworkers: {variant.label}",
            checks=[verdict.growth_check(per_s)],
            is_clean=all(each.score.is_clean for each in found),
            figures={"per_s": per_s, "rounds": {w.waiting: list(w.score.rates) for w in found}},
            panels=[Panel(title=TITLES["growth"], bars=bars, of=NOTIFIER)],
        )


def compared(job: str, scores: Mapping[str, Score], *, orders: int) -> Result:
    per_s = {name: score.per_s for name, score in scores.items()}
    return Result(
        job=job,
        text=report.table(scores),
        checks=verdict.checks_of(scores, job=job),
        is_clean=all(score.is_clean for score in scores.values()),
        figures={"orders": orders, **report.figures_of(scores)},
        panels=[rates(TITLES[job], per_s)],
    )


def cost_panel(scores: Mapping[str, Score]) -> Panel:
    bars = []
    for name, score in scores.items():
        if (cost := score.cost) is not None:
            parts = {"its own": cost.own_us, **cost.servers}
            bars.append(Bar(name=name, parts=parts, text=f"{cost.all_us:,.0f} µs"))
    return Panel(title=COST_TITLE, bars=sorted(bars, key=lambda each: each.value))


def memory_rows(memory: Memory) -> Sequence[Sequence[str]]:
    head = ("notifications", "most MB", *(f"quarter {n + 1}" for n in range(4)))
    quarters = [f"{each:,.1f}" for each in memory.quarters_mb]
    row = (f"{memory.notifications:,}", f"{memory.most_mb:,.1f}", *quarters)
    return [head, (*row, *[""] * (len(head) - len(row)))]
