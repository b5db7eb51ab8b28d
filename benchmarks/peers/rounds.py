"""One round of one contestant, for each of the jobs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep

from benchmarks.peers.contestants import NOTIFIER, Contestant, Variant
from benchmarks.peers.cost import Meter, Sample
from benchmarks.peers.hits import Tally, tally_of
from benchmarks.peers.house import House
from benchmarks.peers.process import BenchmarkError, started, wait_until
from benchmarks.peers.programs.job import DELAYS_S
from benchmarks.peers.sink import Sink, refusing

STALLED_S = 30
"""No order was told for so long: the others never will be."""
STARTED_S = 120
"""The same before the first one: a busy machine takes long to start many processes."""
WITHIN_S = 60
SETTLE_S = 1.0
"""For what comes twice, and for the log."""
SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True)
class AtWork:
    """log: of what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def until_told(worker: AtWork, sink: Sink, count: int, *, meter: Meter) -> list[Sample]:
    """Return when the sink has heard so many.

    Raises BenchmarkError with the worker's last words where it ends or stalls before.
    """
    samples: list[Sample] = []
    told, last_s = 0, monotonic()
    while told < count:
        now, patience_s = sink.count(), STALLED_S if told else STARTED_S
        if now > told:
            if not told:
                meter.look_around()
            told, last_s = now, monotonic()
            samples.append(meter.sample(told))
        if worker.process.poll() is not None or monotonic() - last_s > patience_s:
            words = worker.log.read_text(errors="replace")[-2000:]
            raise BenchmarkError(f"{worker.name} told {told} of {count}, then: {words}")
        sleep(SAMPLE_S)
    return samples


class Rounds:
    """peers: the interpreter that has them."""

    def __init__(self, house: House, *, peers: Path) -> None:
        self.house = house
        self._peers = peers
        self._next = 1

    def dispatch(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """Orders wait in its queue, then its workers start.

        Raises BenchmarkError with the worker's last words where it does not come to its end.
        """
        self.house.sink.forget()
        return self._tell(contestant, variant, what="fill", count=count, sink=self.house.sink)

    def retry(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """The same, at a sink that refuses each order's first two calls. Raises as that."""
        with refusing(self.house.folder) as sink:
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
        orders = self.orders(count)
        self.house.put_orders(orders)
        self.put(contestant, variant, what=what, orders=orders)
        self._wait_for_messages(contestant, count)
        python = self.python(contestant)
        environ = {**self.house.environ, **variant.environment}
        log = self.house.folder / f"{contestant.name}.log"
        with started([python, *variant.command], environ, log=log) as worker:
            at_work = AtWork(contestant.name, worker, log)
            meter = Meter(contestant.name, worker.pid, {**self.house.pids, "sink": [sink.pid]})
            samples = until_told(at_work, sink, count, meter=meter)
            if contestant.name == NOTIFIER:
                self.wait_for_records()
            meter.look_around()
            samples.append(meter.sample(count))
            sleep(SETTLE_S)
        if unclaimed := self.house.unclaimed():
            raise BenchmarkError(f"{contestant.name}: {unclaimed} orders are not claimed")
        delays_s = DELAYS_S if what == "insist" else ()
        return tally_of(sink.hits(), count, delays_s=delays_s, samples=samples)

    def publish(self, contestant: Contestant, variant: Variant, count: int) -> Tally:
        """A row for each order, then its message: nobody works on them."""
        orders = self.orders(count)
        self.house.put_orders(range(0))
        self.house.forget_notifications()
        seconds = self.put(contestant, variant, what="publish", orders=orders)
        rows = self.house.rows(of_notifier=contestant.name == NOTIFIER)
        self._wait_for_messages(contestant, count)
        self.house.purge(contestant.queue)
        return Tally(orders=count, lost=count - rows, doubled=0, seconds=seconds)

    def orders(self, count: int) -> range:
        """Ids that no round had before."""
        self._next += count
        return range(self._next - count, self._next)

    def python(self, contestant: Contestant) -> str:
        return str(self._peers) if contestant.own else sys.executable

    def put(
        self,
        contestant: Contestant,
        variant: Variant,
        *more: str,
        what: str,
        orders: range,
    ) -> float:
        """The seconds it took, by the program's own clock. more: arguments."""
        done = subprocess.run(
            [self.python(contestant), *contestant.put(what, orders, *more)],
            env={**self.house.environ, **variant.environment},
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
        if not wait_until(lambda: self.house.ready(queue) == count, WITHIN_S):
            ready = self.house.ready(queue)
            raise BenchmarkError(f"{contestant.name}: {ready} of {count} messages are in {queue}")

    def wait_for_records(self) -> None:
        if not wait_until(lambda: not self.house.unrecorded(), WITHIN_S):
            raise BenchmarkError(f"notifier: {self.house.unrecorded()} are not recorded")
