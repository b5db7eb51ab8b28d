"""python -m benchmarks.attempt: what a message costs outside of the store and of the sending."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict

import uvloop

from benchmarks.attempt.run import PREFETCH, run
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine
from notifier.stack import StackError


def main() -> int:
    """Exit code 2: there are no figures."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    machine = this_machine()
    try:
        costs = run(options.count, options.rounds)
    except (NotifierError, StackError) as error:
        print(f"benchmarks.attempt: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
        return 0
    print(f"machine   {machine.line}")
    for cost in costs:
        print(f"{cost.what:<9} {cost.us:6.1f} µs ({cost.least_us:.1f} to {cost.most_us:.1f})")
    print(
        f"          of CPU for each of {options.count:,} messages, {PREFETCH} under way; "
        f"medians of {options.rounds} rounds"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attempt", description=__doc__)
    parser.add_argument("--count", type=int, default=5_000, help="messages a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
