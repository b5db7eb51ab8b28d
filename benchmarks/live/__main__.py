"""python -m benchmarks.live: see README.md in the folder above."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict

import uvloop

from benchmarks.live.house import built
from benchmarks.live.run import Figures, Plan, run
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine

MOST_EACH = 40 * 1024
MOST_P99_MS = 150.0


def main() -> int:
    """Exit code 1: a client costs more, or a message comes later than promised. 2: no figures."""
    options = _parser().parse_args()
    plan = Plan(
        clients=options.clients,
        subscribers=min(options.subscribers, options.clients),
        messages=options.messages,
        storm=min(options.storm, options.clients),
    )
    # So that all servers are ended and their folder removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        with built(plan.clients) as house:
            figures = uvloop.run(run(house, plan, lambda text: print(text, file=sys.stderr)))
    except NotifierError as error:
        print(f"benchmarks.live: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps({"plan": asdict(plan), "figures": asdict(figures)}))
    else:
        _show(figures, plan)
    is_good = figures.each <= MOST_EACH and figures.fan_out.p99 <= MOST_P99_MS
    return 0 if is_good else 1


def _show(figures: Figures, plan: Plan) -> None:
    late = figures.fan_out
    print(this_machine().line)
    print(
        f"{plan.clients} idle clients, each its own user: {figures.each / 1024:.1f} KB of the "
        f"gateway's memory each, connected and bound within {figures.connect_s:.1f} s"
    )
    print(
        f"a topic's message to {plan.subscribers} subscribers, {plan.messages} of them: "
        f"p50 {late.p50:.1f} p99 {late.p99:.1f} max {late.max:.1f} ms, "
        f"{figures.fan_out_cpu_us:.1f} µs of CPU for each"
    )
    print(
        f"{plan.storm} clients cut off at once were all bound again {figures.storm_s:.1f} s later"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--clients", type=int, default=500, metavar="N")
    parser.add_argument("--subscribers", type=int, default=200, metavar="N")
    parser.add_argument("--messages", type=int, default=20, metavar="N")
    parser.add_argument("--storm", type=int, default=200, metavar="N")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
