"""python -m benchmarks.gateway: how fast notifications are accepted over HTTP."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.gateway.run import Figures, run
from notifier.errors import NotifierError


def main() -> int:
    """Exit code 2: there are no figures."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        figures = run(
            one_by_one=options.single,
            batched=options.batched,
            connections=options.connections,
            folder=options.folder,
        )
    except NotifierError as error:
        print(f"benchmarks.gateway: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(one) for one in figures], indent=2))
    else:
        for one in figures:
            print(_line(one))
    return 0


def _line(one: Figures) -> str:
    return (
        f"{one.way}: {one.notifications:,} accepted and committed at {one.per_s:,.0f}/s over "
        f"{one.connections} connections; a request p50 {one.p50_ms:.1f} ms, p99 {one.p99_ms:.1f} "
        f"ms; {one.cpu_us:.0f} µs of CPU for each in the gateway, "
        f"{one.servers_cpu_us:.0f} in the servers"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--single", type=int, default=20_000, help="notifications one by one")
    parser.add_argument("--batched", type=int, default=50_000, help="notifications in batches")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--folder", type=Path, help="where the servers keep their data")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
