"""The parent of a fleet: fills its places, listens to its processes, ends them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable

import structlog

from notifier import __version__
from notifier.errors import NotifierError
from notifier.fleet.children import Child, State
from notifier.fleet.leases import LeaseReturn, ReleaseLeases
from notifier.fleet.options import FleetOptions
from notifier.fleet.place import Kind, Place, worker_id_of
from notifier.fleet.rolling import ReloadFailed, replace_one_by_one
from notifier.fleet.rss import own_rss_bytes
from notifier.fleet.slot import Slot
from notifier.fleet.status import FleetStatus, process_statuses, role_statuses

KILL_GRACE_S = 3.0
"""After the drain time; by then a process has ended itself."""
LEASES_S = 10.0
"""How long the end waits for the leases of killed processes to be given back."""

logger = structlog.get_logger(__name__)


class Supervisor:
    """say: prints a line for people. listener: what its gateways accept from."""

    def __init__(
        self,
        options: FleetOptions,
        *,
        lock_descriptor: int,
        release_leases: ReleaseLeases,
        say: Callable[[str], None],
        listener: socket.socket | None = None,
    ) -> None:
        self.options = options
        self._listener = listener
        self.slots: list[Slot] = []
        self.stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.reason = ""
        self._lock_descriptor = lock_descriptor
        self._leases = LeaseReturn(release_leases)
        self.say = say
        self._started_s = time.monotonic()
        self._killing = self._was_cut = False
        self._hangups: set[asyncio.Task[None]] = set()
        self._reloading: asyncio.Task[int] | None = None
        self.latest = self.status(with_lateness=True)

    async def run(self) -> None:
        """Returns when the fleet was stopped and drained.

        Raises NotifierError where it gave up, or work in flight had to be cut off.
        """
        self._listen_to_signals()
        policy = self.options.policy
        self.slots += [Slot(p, policy, start=self._start_child) for p in self.options.places]
        for slot in self.slots:
            slot.is_vital = self._is_vital(slot.place)
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(self._tell_ready()), group.create_task(self._watch())]
            for slot in self.slots:
                group.create_task(self._keep_filled(slot))
            await self.stopping.wait()
            await self._drain()
            for task in watching:
                task.cancel()
        await self._leases.finish(within_s=LEASES_S)
        if self.reason:
            raise NotifierError(f"fleet {self.options.name!r} gave up: {self.reason}")
        if self._was_cut and not self._killing:
            raise NotifierError(
                f"fleet {self.options.name!r} stopped, but work in flight was cut off after "
                f"{self.options.drain_s:g} s; it will be done again"
            )

    def stop(self, *, now: bool = False) -> None:
        """Drain; asked a second time, or `now`, kill."""
        if now or self.stopping.is_set():
            self._killing = True
            for child in self._children():
                child.kill()
        self.stopping.set()

    async def reload(self) -> int:
        """Replace every process; returns how many. Raises ReloadFailed, NotifierError."""
        if self.stopping.is_set() or not self.ready.is_set():
            state = "stopping" if self.stopping.is_set() else "still starting"
            raise ReloadFailed(f"fleet {self.options.name!r} is {state}")
        if self._reloading and not self._reloading.done():
            raise ReloadFailed(f"fleet {self.options.name!r} is being reloaded already")
        self._reloading = asyncio.create_task(
            replace_one_by_one(self.slots, self.stopping, limit_s=self.options.start_limit_s)
        )
        return await asyncio.shield(self._reloading)

    def status(self, *, with_lateness: bool = False) -> FleetStatus:
        return FleetStatus(
            host=socket.gethostname(),
            name=self.options.name,
            pid=os.getpid(),
            version=__version__,
            uptime_s=round(time.monotonic() - self._started_s, 1),
            stopping=self.stopping.is_set(),
            rss_bytes=own_rss_bytes(),
            roles=role_statuses(self.slots, with_lateness=with_lateness),
            processes=process_statuses(self.slots),
        )

    def child_ready(self, child: Child) -> None:
        self._slot_of(child).was_ready.set()
        self.say(f"{child.place.label:<10} ready (pid {child.pid}, {child.uptime_s:.2f} s)")

    def child_ended(self, child: Child) -> None:
        self._slot_of(child).ended(child)
        if child.ready.is_set() and not child.is_clean:
            self._leases.give_back(child.worker_id)

    def _slot_of(self, child: Child) -> Slot:
        return next(slot for slot in self.slots if slot.place == child.place)

    def _children(self) -> list[Child]:
        return [child for slot in self.slots for child in slot.children()]

    def _start_child(self, place: Place, generation: int) -> Child:
        worker_id = worker_id_of(place, fleet=self.options.name, generation=generation)
        child = Child(place, worker_id=worker_id, generation=generation)
        child.start(
            self.options.environment,
            self,
            silence_s=self.options.silence_s,
            lock_descriptor=self._lock_descriptor,
            listener_descriptor=self._listener_of(place),
        )
        return child

    def _is_vital(self, place: Place) -> bool:
        """Whoever tells goes on telling, though nobody may ask."""
        return place.kind is not Kind.GATEWAY or all(
            other.kind is Kind.GATEWAY for other in self.options.places
        )

    def _listener_of(self, place: Place) -> int | None:
        return self._listener.fileno() if self._listener and place.kind is Kind.GATEWAY else None

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload_signal)

    def _on_stop_signal(self) -> None:
        again = "killing" if self.stopping.is_set() else "draining; once more to kill"
        self.say(f"{again} …")
        self.stop()

    def _on_reload_signal(self) -> None:
        task = asyncio.create_task(self._reload_and_tell())
        self._hangups.add(task)
        task.add_done_callback(self._hangups.discard)

    async def _reload_and_tell(self) -> None:
        try:
            self.say(f"reloaded {await self.reload()} processes")
        except NotifierError as error:
            logger.error("reload_failed", reason=str(error))

    async def _keep_filled(self, slot: Slot) -> None:
        reason = await slot.keep_filled(self.stopping)
        if reason and not self.reason:
            logger.error("fleet_gives_up", reason=reason)
            self.reason = reason
            self.stop()

    async def _tell_ready(self) -> None:
        for slot in self.slots:
            await slot.was_ready.wait()
        self.ready.set()
        self.say(f"fleet ready in {time.monotonic() - self._started_s:.2f} s")

    async def _watch(self) -> None:
        """Kill who is alive but silent, and keep a status that other threads may read."""
        interval_s = self.options.heartbeat_s
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(interval_s)
            now_s = time.monotonic()
            self.latest = self.status(with_lateness=True)
            # If it was this process that did not run, their words may still lie unread.
            if now_s - before_s < 3 * interval_s:
                for child in self._children():
                    self._kill_if_silent(child, now_s)

    def _kill_if_silent(self, child: Child, now_s: float) -> None:
        limit_s = self.options.silence_s if child.heard else self.options.start_limit_s
        silent_s = now_s - child.last_heard_s
        if silent_s > limit_s and child.state is not State.DRAINING:
            logger.error("process_silent", process=child.place.label, pid=child.pid)
            child.kill(f"silent for {silent_s:.0f} s")

    async def _drain(self) -> None:
        children = self._children()
        for child in children:
            child.drain()
        try:
            async with asyncio.timeout(self.options.drain_s + KILL_GRACE_S):
                await _all_ended(children)
        except TimeoutError:
            for child in children:
                child.kill("not done at the drain deadline")
            await _all_ended(children)
        self._was_cut = any(child.was_cut for child in children)


async def _all_ended(children: list[Child]) -> None:
    for child in children:
        await child.ended.wait()
