"""python -m benchmarks.store: what an attempt costs in the store, without broker and receiver."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import uvloop

from benchmarks.store.run import Plan, run
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine


def main() -> int:
    """Exit code 2: there are no figures."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    plan = Plan(
        count=options.count,
        batch=options.batch,
        rounds=options.rounds,
        others=options.others,
        folder=options.folder,
    )
    machine = this_machine()
    try:
        costs = uvloop.run(run(plan))
    except NotifierError as error:
        print(f"benchmarks.store: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
        return 0
    print(f"machine   {machine.line}")
    for cost in costs:
        print(
            f"{cost.what:<9} {cost.ours_us:6.1f} µs in this process, {cost.server_us:6.1f} µs in "
            f"the server, {cost.took_us:6.1f} µs on the clock"
        )
    print(
        f"          for each of {plan.count:,} notifications, {plan.batch} in a transaction, while "
        f"{plan.others:,} others wait; medians of {plan.rounds} rounds"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--count", type=int, default=5_000, help="notifications a round")
    parser.add_argument("--batch", type=int, default=200, help="claims or records at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--others", type=int, default=0, help="that wait for months")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
