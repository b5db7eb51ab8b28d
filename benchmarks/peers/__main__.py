"""python -m benchmarks.peers: see README.md in the folder above."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

from benchmarks.peers import environment, guard, picture, report
from benchmarks.peers.contestants import CONTESTANTS, Contestant
from benchmarks.peers.house import House, built
from benchmarks.peers.jobs import TITLES, WHOLE, Jobs, Sizes
from benchmarks.peers.result import Result, document_of, failed
from benchmarks.peers.rounds import Rounds
from benchmarks.peers.run import Say
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine

ALL = "all"


def main() -> int:
    """Exit code 1: lost, doubled, early, a target missed, or no floor. 2: there are no figures."""
    options = _parser().parse_args()
    # So that all servers are ended and their folder removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    machine, say = this_machine().line, _progress()
    try:
        python = sys.executable if options.guard else environment.peers_python(say)
        with built(options.folder) as house:
            rounds = Rounds(house, peers=Path(python))
            if options.guard:
                return guard.watch(rounds, say)
            return _compare(rounds, options, machine=machine, say=say)
    except NotifierError as error:
        print(f"benchmarks.peers: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _compare(rounds: Rounds, options: argparse.Namespace, *, machine: str, say: Say) -> int:
    """Each job's figures are shown and written down before the next one begins."""
    versions = _versions(rounds.house, _asked(options))
    print(machine)
    print(", ".join(f"{name} {version}" for name, version in versions.items()), flush=True)
    results: list[Result] = []
    for result in _results(rounds, options, say):
        results.append(result)
        print(f"\n{TITLES[result.job]} ({result.job}, {result.seconds:,.0f} s):\n\n{result.text}\n")
        print(report.verdict(result.checks), flush=True)
        if options.json:
            document = document_of(results, machine=machine, versions=versions)
            options.json.write_text(json.dumps(document, indent=2) + "\n")
        if options.svg:
            panels = [panel for result in results for panel in result.panels]
            options.svg.write_text(picture.svg(panels, title="notifier beside its peers"))
    if not any(result.figures for result in results):
        return 2
    return 0 if all(result.is_met for result in results) else 1


def _results(rounds: Rounds, options: argparse.Namespace, say: Say) -> Iterator[Result]:
    """A job that does not come to its end is no reason to do without the others."""
    sizes = Sizes(orders=options.orders, rounds=options.rounds)
    jobs = Jobs(rounds, sizes=sizes, asked=_asked(options), say=say)
    for name in TITLES if options.job == ALL else [options.job]:
        say(f"{name}:")
        began_s = monotonic()
        try:
            result = jobs.do(name)
        except NotifierError as error:
            say(f"{name}: {error}")
            result = failed(name, str(error))
        yield result.after(monotonic() - began_s)


def _versions(house: House, asked: Sequence[Contestant]) -> dict[str, str]:
    installed = environment.versions(environment.REQUIREMENTS.read_text())
    names = [one.name for one in asked]
    wanted = [*names, "taskiq-aio-pika"] if "taskiq" in names else names
    return {**house.servers, **{name: installed[name] for name in wanted if name in installed}}


def _asked(options: argparse.Namespace) -> list[Contestant]:
    names = options.only.split(",") if options.only else [one.name for one in CONTESTANTS]
    return [one for one in CONTESTANTS if one.name in names]


def _progress() -> Say:
    began_s = monotonic()

    def say(text: str) -> None:
        minutes, seconds = divmod(int(monotonic() - began_s), 60)
        print(f"{minutes:3}:{seconds:02} {text}", file=sys.stderr, flush=True)

    return say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--job", choices=[ALL, *TITLES], default="dispatch")
    parser.add_argument("--orders", type=_positive, default=WHOLE, metavar="N")
    parser.add_argument("--rounds", type=_positive, default=3, metavar="N")
    parser.add_argument("--only", metavar="NAME,NAME", help="these alone take part")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="the same as a picture")
    parser.add_argument(
        "--guard", action="store_true", help="only whether notifier keeps up with the floor"
    )
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
