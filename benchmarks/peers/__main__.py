"""python -m benchmarks.peers: see README.md in the folder above."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers import environment, picture, report
from benchmarks.peers.contestants import CONTESTANTS, Contestant
from benchmarks.peers.house import built
from benchmarks.peers.rounds import Rounds
from benchmarks.peers.run import Job, Plan, run
from benchmarks.peers.verdict import Score, checks_of
from notifier.errors import NotifierError
from notifier.loadtest.machine import this_machine

MOST_TRIAL = 4_000
TITLES = {
    "dispatch": "Orders claimed and told, per second",
    "retry": "Orders told in the third attempt, per second",
    "publish": "Notifications accepted, per second",
}


def main() -> int:
    """Exit code 1: lost, doubled, early, a target missed, or no floor. 2: there are no figures."""
    options = _parser().parse_args()
    plan = Plan(orders=options.orders, rounds=options.rounds, trial=min(options.orders, MOST_TRIAL))
    # So that all servers are ended and their folder removed, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    machine = this_machine().line
    try:
        python = environment.peers_python(_say)
        with built(options.folder) as house:
            rounds = Rounds(house, peers=python)
            scores = run(_job(rounds, options.job), _asked(options), plan=plan, say=_say)
            servers = house.servers
    except NotifierError as error:
        print(f"benchmarks.peers: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return _show(scores, options, machine=machine, servers=servers)


def _job(rounds: Rounds, name: str) -> Job:
    if name == "publish":
        return Job(do=rounds.publish, variants=lambda one: one.publishing)
    do = rounds.retry if name == "retry" else rounds.dispatch
    return Job(do=do, variants=lambda one: one.variants)


def _show(
    scores: Mapping[str, Score],
    options: argparse.Namespace,
    *,
    machine: str,
    servers: Mapping[str, str],
) -> int:
    versions = {**servers, **_versions(scores)}
    print(machine)
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"\n{report.table(scores)}\n")
    checks = checks_of(scores, job=options.job)
    print(report.verdict(checks))
    if options.json:
        document = report.document_of(scores, job=options.job, machine=machine, versions=versions)
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if options.svg:
        rates = {name: score.per_s for name, score in scores.items()}
        options.svg.write_text(picture.svg(rates, title=TITLES[options.job]))
    is_clean = all(score.is_clean for score in scores.values())
    return 0 if is_clean and all(check.is_met is not False for check in checks) else 1


def _versions(scores: Mapping[str, Score]) -> dict[str, str]:
    installed = environment.versions(environment.REQUIREMENTS.read_text())
    wanted = [*scores, "taskiq-aio-pika"] if "taskiq" in scores else [*scores]
    return {name: installed[name] for name in wanted if name in installed}


def _asked(options: argparse.Namespace) -> list[Contestant]:
    able = [one for one in CONTESTANTS if one.retries or options.job != "retry"]
    names = options.only.split(",") if options.only else [one.name for one in able]
    return [one for one in able if one.name in names]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--job", choices=[*TITLES], default="dispatch")
    parser.add_argument("--orders", type=int, default=2_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--only", metavar="NAME,NAME", help="these alone take part")
    parser.add_argument("--folder", type=Path, help="choose the disk; default: temporary files")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="the same as a picture")
    return parser


if __name__ == "__main__":
    sys.exit(main())
