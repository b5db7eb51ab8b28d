"""One round of one contestant, for each of the jobs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

from benchmarks.peers.contestants import NOTIFIER, Contestant, Variant
from benchmarks.peers.hits import Tally, tally_of
from benchmarks.peers.house import House
from benchmarks.peers.process import BenchmarkError, started, wait_until
from benchmarks.peers.programs.job import DELAYS_S
from benchmarks.peers.sink import Sink, refusing

STALLED_S = 30
"""No order was told for so long: the others never will be."""
WITHIN_S = 60
SETTLE_S = 1.0
"""For what comes twice, and for the log."""


class Rounds:
    """peers: the interpreter that has them."""

    def __init__(self, house: House, *, peers: Path) -> None:
        self._house = house
        self._peers = peers
        self._next = 1

    def dispatch(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """Orders wait in its queue, then its workers start.

        Raises BenchmarkError with the worker's last words where it does not come to its end.
        """
        self._house.sink.forget()
        return self._tell(contestant, variant, what="fill", count=count, sink=self._house.sink)

    def retry(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """The same, at a sink that refuses each order's first two calls. Raises as that."""
        with refusing(self._house.folder) as sink:
            environment = {
                **variant.environment,
                "PEERS_SINK_PORT": str(sink.port),
                "NOTIFIER_LADDER_DELAYS_S": ",".join(map(str, (1, *DELAYS_S, 30))),
            }
            variant = replace(variant, environment=environment)
            return self._tell(contestant, variant, what="insist", count=count, sink=sink)

    def _tell(
        self, contestant: Contestant, variant: Variant, *, what: str, count: int, sink: Sink
    ) -> Tally:
        orders = self._orders(count)
        self._house.put_orders(orders)
        self._put(contestant, variant, what=what, orders=orders)
        self._wait_for_messages(contestant, count)
        python = self._python(contestant)
        environ = {**self._house.environ, **variant.environment}
        log = self._house.folder / f"{contestant.name}.log"
        with started([python, *variant.command], environ, log=log) as worker:
            self._wait(contestant, worker, sink=sink, count=count, log=log)
            if contestant.name == NOTIFIER:
                self._wait_for_records()
            sleep(SETTLE_S)
        if unclaimed := self._house.unclaimed():
            raise BenchmarkError(f"{contestant.name}: {unclaimed} orders are not claimed")
        return tally_of(sink.hits(), count, delays_s=DELAYS_S if what == "insist" else ())

    def publish(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """A row for each order, then its message: nobody works on them."""
        orders = self._orders(count)
        self._house.put_orders(range(0))
        self._house.forget_notifications()
        seconds = self._put(contestant, variant, what="publish", orders=orders)
        rows = self._house.rows(of_notifier=contestant.name == NOTIFIER)
        self._wait_for_messages(contestant, count)
        self._house.purge(contestant.queue)
        return Tally(orders=count, lost=count - rows, doubled=0, seconds=seconds)

    def _orders(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def _python(self, contestant: Contestant) -> str:
        return str(self._peers) if contestant.own else sys.executable

    def _put(self, contestant: Contestant, variant: Variant, *, what: str, orders: range) -> float:
        """The seconds it took, by the program's own clock."""
        done = subprocess.run(
            [self._python(contestant), *contestant.put(what, orders)],
            env={**self._house.environ, **variant.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            words = (done.stdout + done.stderr)[-2000:]
            raise BenchmarkError(f"{contestant.name} cannot {what}: {words}")
        return float(done.stdout.split()[-1])

    def _wait_for_messages(self, contestant: Contestant, count: int) -> None:
        queue = contestant.queue
        if not wait_until(lambda: self._house.ready(queue) == count, WITHIN_S):
            ready = self._house.ready(queue)
            raise BenchmarkError(f"{contestant.name}: {ready} of {count} messages are in {queue}")

    def _wait(
        self,
        contestant: Contestant,
        worker: subprocess.Popen[bytes],
        *,
        sink: Sink,
        count: int,
        log: Path,
    ) -> None:
        told, last_s = 0, monotonic()
        while told < count:
            now = sink.count()
            if now > told:
                told, last_s = now, monotonic()
            if worker.poll() is not None or monotonic() - last_s > STALLED_S:
                words = log.read_text(errors="replace")[-2000:]
                raise BenchmarkError(f"{contestant.name} told {told} of {count}, then: {words}")
            sleep(0.2)

    def _wait_for_records(self) -> None:
        if not wait_until(lambda: not self._house.unrecorded(), WITHIN_S):
            raise BenchmarkError(f"notifier: {self._house.unrecorded()} are not recorded")
