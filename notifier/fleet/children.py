"""One process of the fleet as the supervisor sees it: started, heard, ended, reaped."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import structlog

from notifier.fleet.exits import Exit, describe
from notifier.fleet.identity import LISTENER, Identity
from notifier.fleet.place import Kind, Place
from notifier.fleet.report import PACKET_BYTES, Beat, Failure, decode

RATE_WINDOW_S = 10.0

logger = structlog.get_logger(__name__)


class State(StrEnum):
    STARTING = "starting"
    """Its interpreter or its connections are coming up."""
    READY = "ready"
    """Takes work."""
    DRAINING = "draining"
    """Finishes what it has, takes nothing."""
    ENDED = "ended"
    """Reaped."""


class Listener(Protocol):
    def child_ready(self, child: Child) -> None: ...

    def child_ended(self, child: Child) -> None: ...


class Child:
    """Needs a running loop from `start` until `ended` is set."""

    def __init__(self, place: Place, *, worker_id: str, generation: int) -> None:
        self.place = place
        self.worker_id = worker_id
        self.generation = generation
        self.state = State.STARTING
        self.beat = Beat()
        self.failure = ""
        self.exit_code: int | None = None
        self.heard = False
        self.started_s = self.last_heard_s = time.monotonic()
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._samples: deque[tuple[float, int]] = deque()

    def start(
        self,
        environment: Mapping[str, str],
        listener: Listener,
        *,
        silence_s: float,
        lock_descriptor: int,
        listener_descriptor: int | None = None,
    ) -> None:
        """Execute a fresh interpreter, so that it runs the code that is installed now."""
        self._listener = listener
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        with theirs:
            identity = Identity(
                place=self.place,
                worker_id=self.worker_id,
                descriptor=theirs.fileno(),
                silence_s=silence_s,
            )
            self._process = subprocess.Popen(
                [sys.executable, "-m", "notifier.fleet.child"],
                env={
                    **os.environ,
                    **environment,
                    **identity.to_environment(),
                    LISTENER: "" if listener_descriptor is None else str(listener_descriptor),
                },
                stdin=subprocess.DEVNULL,
                pass_fds=(
                    theirs.fileno(),
                    lock_descriptor,
                    *(() if listener_descriptor is None else (listener_descriptor,)),
                ),
            )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._hear)
        loop.add_reader(self._pidfd, self._reap)

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self.started_s

    @property
    def is_clean(self) -> bool:
        """It ended as asked and holds nothing."""
        return self.exit_code == Exit.DRAINED

    @property
    def was_cut(self) -> bool:
        """It ended with work in flight, at the deadline or killed."""
        return self.heard and self.exit_code in (Exit.CUT, -signal.SIGKILL, -signal.SIGALRM)

    @property
    def how_it_ended(self) -> str:
        how = describe(self.exit_code) if self.exit_code is not None else "still runs"
        return f"{how}: {self.failure}" if self.failure else how

    def rate_per_s(self) -> float:
        """Attempts done per second over the last ten; for the calendar, messages published, and
        for the intake, notifications accepted.
        """
        if len(self._samples) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def drain(self) -> None:
        if self.state is not State.ENDED:
            self.state = State.DRAINING
            self._signal(signal.SIGTERM)

    def kill(self, reason: str = "") -> None:
        if self.state is not State.ENDED:
            self.failure = self.failure or reason
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # Not reaped yet, so the pid cannot be anybody else's.
        self._process.send_signal(number)

    def _hear(self) -> None:
        try:
            packet = self._socket.recv(PACKET_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            packet = b""
        if packet:
            self._take(packet)
        else:
            asyncio.get_running_loop().remove_reader(self._socket)

    def _take(self, packet: bytes) -> None:
        self.last_heard_s, self.heard = time.monotonic(), True
        try:
            report = decode(packet)
        except ValueError:
            logger.warning("report_unreadable", process=self.place.label, exc_info=True)
            return
        if isinstance(report, Failure):
            self.failure = report.text
        else:
            self._take_beat(report)

    def _take_beat(self, beat: Beat) -> None:
        self.beat = beat
        done = beat.tally.attempts if self.place.kind is Kind.TIER else beat.tally.published
        self._samples.append((self.last_heard_s, done))
        while self.last_heard_s - self._samples[0][0] > RATE_WINDOW_S:
            self._samples.popleft()
        if beat.ready and self.state is State.STARTING:
            self.state = State.READY
            self.ready.set()
            self._listener.child_ready(self)

    def _reap(self) -> None:
        if self._process.poll() is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._hear_the_rest()
        loop.remove_reader(self._socket)
        self._socket.close()
        self.exit_code = self._process.returncode
        self.state = State.ENDED
        self.ended.set()
        self._listener.child_ended(self)

    def _hear_the_rest(self) -> None:
        while True:
            try:
                packet = self._socket.recv(PACKET_BYTES)
            except OSError:
                return
            if not packet:
                return
            self._take(packet)
