"""One round of one contestant: orders wait in its queue, then its workers start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

from benchmarks.peers.contestants import NOTIFIER, Contestant, Variant
from benchmarks.peers.hits import Tally, tally_of
from benchmarks.peers.house import House
from benchmarks.peers.process import BenchmarkError, started, wait_until

STALLED_S = 30
"""No order was told for so long: the others never will be."""
RECORD_WITHIN_S = 30
SETTLE_S = 1.0
"""For what comes twice, and for the log."""


class Rounds:
    """peers: the interpreter that has them."""

    def __init__(self, house: House, *, peers: Path) -> None:
        self._house = house
        self._peers = peers
        self._next = 1

    def run(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """Raises BenchmarkError with the worker's last words where it does not come to its end."""
        orders = range(self._next, self._next + count)
        self._next += count
        self._house.put_orders(orders)
        self._fill(contestant, orders)
        self._house.sink.forget()
        python = self._python(contestant)
        environ = {**self._house.environ, **variant.environment}
        log = self._house.folder / f"{contestant.name}.log"
        with started([python, *variant.command], environ, log=log) as worker:
            self._wait(contestant, worker, count, log)
            if contestant.name == NOTIFIER:
                self._wait_for_records()
            sleep(SETTLE_S)
        if unclaimed := self._house.unclaimed():
            raise BenchmarkError(f"{contestant.name}: {unclaimed} orders are not claimed")
        return tally_of(self._house.sink.hits(), count)

    def _python(self, contestant: Contestant) -> str:
        return str(self._peers) if contestant.own else sys.executable

    def _fill(self, contestant: Contestant, orders: range) -> None:
        command = [self._python(contestant), *contestant.fill, str(orders.start), str(len(orders))]
        done = subprocess.run(
            command, env=self._house.environ, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = (done.stdout + done.stderr)[-2000:]
            raise BenchmarkError(f"{contestant.name} cannot put orders into its queue: {words}")

    def _wait(
        self, contestant: Contestant, worker: subprocess.Popen[bytes], count: int, log: Path
    ) -> None:
        told, last_s = 0, monotonic()
        while told < count:
            now = self._house.sink.count()
            if now > told:
                told, last_s = now, monotonic()
            if worker.poll() is not None or monotonic() - last_s > STALLED_S:
                words = log.read_text(errors="replace")[-2000:]
                raise BenchmarkError(f"{contestant.name} told {told} of {count}, then: {words}")
            sleep(0.2)

    def _wait_for_records(self) -> None:
        if not wait_until(lambda: not self._house.unrecorded(), RECORD_WITHIN_S):
            raise BenchmarkError(f"notifier: {self._house.unrecorded()} are not recorded")
