"""The life of a process of the fleet, after its interpreter is up."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket

import structlog
import uvloop

from notifier import logs
from notifier.domain.worker import Worker
from notifier.errors import NotifierError, SettingsError, TopologyError, Unavailable
from notifier.fleet.exits import Exit
from notifier.fleet.identity import Identity
from notifier.fleet.report import (
    PACKET_BYTES,
    TEXT_LENGTH,
    Failure,
    Lateness,
    Report,
    beat_of,
    encode,
)
from notifier.fleet.rss import own_rss_bytes
from notifier.fleet.seam import load_worker
from notifier.settings import Fleet, read_settings

CUT_GRACE_S = 1.0
"""From the cancelled worker to the kernel's end."""
HANG_GRACE_S = 5.0
"""The supervisor, where there is one, kills a silent process first."""

logger = structlog.get_logger(__name__)


def live(identity: Identity) -> int:
    """Build the worker, run it, and return the exit code."""
    with socket.socket(fileno=identity.descriptor) as parent:
        parent.setblocking(False)
        try:
            settings = read_settings()
            logs.configure(settings.log.level, settings.log.json_lines)
            structlog.contextvars.bind_contextvars(process=identity.place.label)
            worker = load_worker(settings, identity.place.kind, identity.place.tier)
            # What is loaded stays; a full collection over it would hold up the work for 50 ms.
            gc.freeze()
            gc.set_threshold(20_000, 20, 20)
            life = Life(worker, settings.fleet, parent=parent, silence_s=identity.silence_s)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(life.run())
        except Exception as error:  # the process's last resort: tell, and end
            return _tell(error, parent)


def _tell(error: Exception, parent: socket.socket) -> int:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    expected = isinstance(error, NotifierError)
    reason = str(error) if expected else f"{type(error).__name__}: {error}"
    logger.error("process_failed", reason=reason, exc_info=None if expected else error)
    _send(parent, Failure(text=logs.hide_in_text(reason)[:TEXT_LENGTH]))
    if isinstance(error, SettingsError | TopologyError):
        return Exit.MISCONFIGURED
    return Exit.AWAY if isinstance(error, Unavailable) else Exit.BROKEN


def _send(parent: socket.socket, report: Report) -> None:
    # A supervisor that is gone or stopped must not hold up the work; the next beat tells all.
    with contextlib.suppress(OSError):
        parent.send(encode(report))


class Life:
    def __init__(
        self, worker: Worker, fleet: Fleet, *, parent: socket.socket, silence_s: float
    ) -> None:
        self._worker = worker
        self._parent = parent
        self._drain_s = fleet.drain_s
        self._heartbeat_s = fleet.heartbeat_s
        self._hang_s = silence_s + HANG_GRACE_S
        self._draining = asyncio.Event()
        self._lateness = Lateness()
        self._ready = False

    async def run(self) -> int:
        """Work until told to end, or the parent is gone; returns the exit code."""
        loop = asyncio.get_running_loop()
        self._deadline = asyncio.timeout(None)
        loop.add_signal_handler(signal.SIGTERM, self._drain)
        loop.add_reader(self._parent, self._hear)
        try:
            async with self._deadline, asyncio.TaskGroup() as group:
                beating = group.create_task(self._beat_on())
                await self._work()
                beating.cancel()
        except TimeoutError:
            if not self._deadline.expired():
                raise
            logger.warning("drain_cut", in_flight=self._worker.report().in_flight)
            return Exit.CUT
        finally:
            loop.remove_reader(self._parent)
            self._beat()
        return Exit.DRAINED

    async def _work(self) -> None:
        await self._worker.run(ready=self._tell_ready, draining=self._draining)
        if not self._draining.is_set():
            raise RuntimeError("the worker ended without being asked to")

    def _tell_ready(self) -> None:
        self._ready = True
        self._beat()

    async def _beat_on(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(self._heartbeat_s)

    def _beat(self) -> None:
        report = self._worker.report()
        self._lateness = self._lateness.with_samples(report.lateness_ms)
        beat = beat_of(
            report, ready=self._ready, rss_bytes=own_rss_bytes(), lateness=self._lateness
        )
        _send(self._parent, beat)
        if not self._draining.is_set():
            self._wind_up()

    def _wind_up(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._hang_s)

    def _hear(self) -> None:
        """The supervisor never speaks; what can be read is the end of it."""
        try:
            heard = self._parent.recv(PACKET_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            heard = b""  # it went with reports of ours unread
        if not heard:
            asyncio.get_running_loop().remove_reader(self._parent)
            logger.warning("supervisor_gone", drain_s=self._drain_s)
            self._drain()

    def _drain(self) -> None:
        if self._draining.is_set():
            return
        self._draining.set()
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._drain_s)
        signal.setitimer(signal.ITIMER_REAL, self._drain_s + CUT_GRACE_S)
