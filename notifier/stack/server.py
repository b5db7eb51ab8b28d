"""One private server: a recipe that says how it is run, and the process that runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from notifier.stack.layout import port_is_free
from notifier.stack.process import HOST, Daemon, StackError, wait_until

PID_FILE = "pid.json"
_LOG_LINES_IN_ERROR = 15


class Recipe(Protocol):
    """How one kind of server is set up, started and recognised."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def folder(self) -> Path:
        """Its data, its configuration and its log."""

    @property
    def ports(self) -> Sequence[int]:
        """All its TCP ports on the loopback address, the one that clients use first."""

    def prepare(self) -> None:
        """Write configuration and create data where they are missing; may be called again."""

    def command(self) -> Sequence[str]:
        """Program (absolute path) and arguments; no secret among them."""

    def environ(self) -> Mapping[str, str]:
        """The server's whole environment."""

    def version(self) -> str | None:
        """What the server answers about itself, None while it does not serve; fails within 2 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """What `notifier stack status` says of one server."""

    name: str
    state: str
    """`up`, `down`, or `not answering` (it runs, but does not serve: starting, or hung)."""
    pid: int | None
    address: str
    version: str | None
    folder: Path


class Server:
    """Starts, stops and kills one server. The calls block; those on one server do not overlap."""

    def __init__(self, recipe: Recipe, *, start_timeout_s: float = 60, stop_timeout_s: float = 30):
        self.name = recipe.name
        self.address = f"{HOST}:{recipe.ports[0]}"
        self.log_file = recipe.folder / f"{recipe.name}.log"
        self._recipe = recipe
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._daemon = Daemon(pid_file=recipe.folder / PID_FILE, log_file=self.log_file)

    def start(self) -> None:
        """Return when it serves; at once if it already does.

        Raises: StackError with the address and the end of the log.
        """
        if self._daemon.pid() is None:
            self._launch()
        settled = wait_until(
            lambda: self._daemon.pid() is None or self.is_up(), timeout_s=self._start_timeout_s
        )
        if self._daemon.pid() is None:
            raise self._failure("ended while it was starting")
        if not settled:
            raise self._failure(f"does not answer after {self._start_timeout_s:g} s")

    def stop(self) -> None:
        """Return when it has ended in good order; nothing happens if it was not running."""
        self._daemon.stop(timeout_s=self._stop_timeout_s)

    def kill(self) -> None:
        """kill -9 of its whole process tree, as a power cut would end it; the data stays."""
        self._daemon.kill()

    def is_up(self) -> bool:
        """Whether it runs and serves."""
        return self._daemon.pid() is not None and self._recipe.version() is not None

    def status(self) -> ServerStatus:
        """Its state at this moment."""
        pid = self._daemon.pid()
        version = self._recipe.version() if pid is not None else None
        state = "down" if pid is None else "up" if version is not None else "not answering"
        return ServerStatus(
            name=self.name,
            state=state,
            pid=pid,
            address=self.address,
            version=version,
            folder=self._recipe.folder,
        )

    def _launch(self) -> None:
        self._recipe.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for port in self._recipe.ports:
            if not port_is_free(port):
                raise StackError(
                    f"{self.name} cannot start: {HOST}:{port} is in use by another program; "
                    "end that program, or `notifier stack down --wipe` chooses new ports"
                )
        self._recipe.prepare()
        self._daemon.spawn(self._recipe.command(), environ=self._recipe.environ())

    def _failure(self, what: str) -> StackError:
        log = self._daemon.last_lines(_LOG_LINES_IN_ERROR)
        return StackError(f"{self.name} at {self.address} {what}; {self.log_file} ends:\n{log}")
