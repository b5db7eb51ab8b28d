"""python -m benchmarks.dashboard: when the dashboard is first painted, and what it weighs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict

from benchmarks.dashboard.run import Figures, run
from benchmarks.live.house import built
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine

MOST_PAINT_MS = 1_000.0
MOST_WEIGHT_KB = 300.0


def main() -> int:
    """Exit code 1: it is painted later or weighs more than promised. 2: there are no figures."""
    options = _parser().parse_args()
    # So that all servers are ended and their folder removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        with built(10) as house:
            figures = run(house, rounds=options.rounds)
    except NotifierError as error:
        print(f"benchmarks.dashboard: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures, options.rounds)
    is_good = figures.first_paint_ms < MOST_PAINT_MS and figures.weight_kb < MOST_WEIGHT_KB
    return 0 if is_good else 1


def _show(figures: Figures, rounds: int) -> None:
    print(this_machine().line)
    print(
        f"first paint {figures.first_paint_ms:.0f} ms, first text {figures.content_ms:.0f} ms, "
        f"first figures {figures.told_ms:.0f} ms after the address was asked for; "
        f"{figures.weight_kb:.1f} KB over the wire in {figures.answers} answers; "
        f"medians of {rounds} rounds, nothing cached"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
