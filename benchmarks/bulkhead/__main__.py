"""python -m benchmarks.bulkhead: see README.md in the folder above."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import uvloop

from benchmarks.bulkhead.house import built
from benchmarks.bulkhead.run import Figures, Plan, run
from notifier.errors import NotifierError
from notifier.loadtest.lateness import Spread
from notifier.loadtest.machine import this_machine

MOST_GROWTH = 0.2
MOST_GROWTH_MS = 10.0


def main() -> int:
    """Exit code 1: something was lost or doubled, or the healthy ones were hurt. 2: no figures."""
    options = _parser().parse_args()
    plan = Plan(
        endpoints=options.endpoints,
        hanging=options.hanging,
        rate=options.rate,
        seconds=options.seconds,
    )
    # So that all servers are ended and their folder removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    machine = this_machine().line
    try:
        with built(options.folder) as house:
            figures = uvloop.run(run(house, plan, lambda text: print(text, file=sys.stderr)))
    except NotifierError as error:
        print(f"benchmarks.bulkhead: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    _show(figures, plan, machine)
    return 0 if is_good(figures) else 1


def is_good(figures: Figures) -> bool:
    grown_ms = figures.stormy.p99 - figures.calm.p99
    allowed_ms = max(figures.calm.p99 * MOST_GROWTH, MOST_GROWTH_MS)
    return not figures.lost and not figures.doubled and grown_ms <= allowed_ms


def _show(figures: Figures, plan: Plan, machine: str) -> None:
    calm, stormy = figures.calm, figures.stormy
    print(f"{machine}\n{plan.rate:g}/s to {plan.endpoints} endpoints, {plan.seconds:g} s each")
    print(f"all work:     {_line(calm)}")
    print(f"{plan.hanging:3} hang:     {_line(stormy)}")
    grown_ms = stormy.p99 - calm.p99
    print(f"p99 of the healthy ones grew by {grown_ms:.1f} ms ({grown_ms / calm.p99:+.0%})")
    print(
        f"{figures.calls} requests met silence; {figures.messages} messages for those that hang, "
        f"{figures.held_back} times held back, {figures.unburnt} told in their first attempt"
    )
    print(f"all told {figures.recovered_s:.0f} s after all worked again")
    print(f"lost {figures.lost}, doubled {figures.doubled}")


def _line(spread: Spread) -> str:
    return (
        f"{spread.count} late by p50 {spread.p50:.1f} p95 {spread.p95:.1f} "
        f"p99 {spread.p99:.1f} max {spread.max:.1f} ms"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulkhead", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=100, metavar="N")
    parser.add_argument("--hanging", type=int, default=30, metavar="N")
    parser.add_argument("--rate", type=float, default=300.0, metavar="PER_S")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
