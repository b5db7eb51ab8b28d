"""python -m benchmarks.delay: see README.md in the folder above."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.delay import progress, report
from benchmarks.delay.envelope import LEAST_BYTES
from benchmarks.delay.mechanisms import MECHANISMS
from benchmarks.delay.run import Plan, Report, run
from notifier.errors import NotifierError

_LEAST = 1_000
_WIDTH = 100


def main() -> int:
    """Exit code 1: a message was lost, doubled or early. 2: there is nothing to report."""
    options = _parser().parse_args()
    plan = _plan(options)
    # So that the broker is ended and its folder removed, as it is after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        with progress.shown() as shown:
            measured = uvloop.run(run(plan, shown))
    except NotifierError as error:
        print(f"benchmarks.delay: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    _show(measured, as_json=options.json)
    return 0 if measured.is_clean else 1


def _show(measured: Report, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.document_of(measured), indent=2))
    else:
        report.show(measured, Console(highlight=False, width=_WIDTH))


def _plan(options: argparse.Namespace) -> Plan:
    chosen = options.mechanism
    return Plan(
        messages=options.messages,
        mechanisms=tuple(MECHANISMS) if chosen == "both" else (chosen,),
        body_bytes=options.body_bytes,
        folder=options.folder,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delay", description=__doc__)
    parser.add_argument("--messages", type=_at_least(_LEAST), default=1_000_000, metavar="N")
    parser.add_argument("--mechanism", choices=[*MECHANISMS, "both"], default="both")
    parser.add_argument("--body-bytes", type=_at_least(LEAST_BYTES), default=200, metavar="N")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    parser.add_argument("--json", action="store_true")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def parsed(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is less than {least}")
        return number

    return parsed


if __name__ == "__main__":
    sys.exit(main())
