"""Operating-system processes that outlive their starter: spawn, recognise, stop, kill."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from notifier.errors import NotifierError

HOST = "127.0.0.1"
_LOG_LIMIT_BYTES = 10_000_000
_POLL_S = 0.02


class StackError(NotifierError):
    """A private server cannot be started, stopped or found; the message says which and where."""


def find_program(name: str, *, package: str) -> str:
    """The absolute path of a program that a Debian package brings.

    Raises: StackError naming the package.
    """
    # Servers live in sbin, which an ordinary user's PATH lacks on Debian.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise StackError(
            f"{name} is not installed: run scripts/bootstrap or install the package {package}"
        )
    return found


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Whether `condition` became true within the time; blocks the calling thread."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One process in a session of its own, known by a pid file, with its output in a log file."""

    pid_file: Path
    log_file: Path

    def spawn(self, command: Sequence[str], *, environ: Mapping[str, str]) -> None:
        """Start `command` (absolute path first), detached from the caller's terminal."""
        self._rotate_log()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            command[0],
            list(command),
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log_file), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            # A caller that ignores a signal (nohup, a CI shell) must not teach the server to.
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE],
            setsigmask=[],
        )
        self.pid_file.write_text(json.dumps({"pid": pid, "birth": _birth(pid)}))

    def pid(self) -> int | None:
        """The pid of the living process, or None; a pid that was given to another is not ours."""
        try:
            record = json.loads(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid = int(record["pid"])
        _reap(pid)
        return pid if record["birth"] is not None and _birth(pid) == record["birth"] else None

    def stop(self, *, timeout_s: float) -> None:
        """Ask the process to end with SIGTERM; what has not ended by the deadline is killed."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return
        tree = process_tree(pid)
        _signal(pid, signal.SIGTERM)
        wait_until(lambda: self.pid() is None, timeout_s=timeout_s)
        _kill_all(tree)
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """kill -9 the process and all its descendants; returns when they are gone."""
        pid = self.pid()
        if pid is not None:
            _kill_all(process_tree(pid))
        self.pid_file.unlink(missing_ok=True)

    def last_lines(self, count: int) -> str:
        """The end of the log, for an error message."""
        with contextlib.suppress(FileNotFoundError):
            lines = self.log_file.read_text(errors="replace").rstrip().splitlines()
            return "\n".join(lines[-count:])
        return ""

    def _rotate_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))


def process_tree(root: int) -> dict[int, str]:
    """`root`, its living descendants and what is left of its session, each with its birth."""
    stats = {int(path.name): _stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    tree = {root}
    while True:
        grown = {
            pid
            for pid, stat in stats.items()
            if stat and (int(stat[1]) in tree or int(stat[3]) == root)
        }
        if grown <= tree:
            break
        tree |= grown
    return {pid: birth for pid in tree if (birth := _birth(pid)) is not None}


def _kill_all(tree: Mapping[int, str]) -> None:
    def survivors() -> list[int]:
        for pid in tree:
            _reap(pid)
        return [pid for pid, birth in tree.items() if _birth(pid) == birth]

    for pid in survivors():
        _signal(pid, signal.SIGKILL)
    if not wait_until(lambda: not survivors(), timeout_s=10):
        raise StackError(f"processes {survivors()} cannot be killed")


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _birth(pid: int) -> str | None:
    """Boot and start tick of a living process: tells it from a later one with the same pid."""
    stat = _stat(pid)
    if stat is None:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{stat[19]}"


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on (0 state, 1 parent, 3 session, 19 start tick).

    None for a process that is gone or a zombie. Source: proc(5).
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return None
    # The program's name is in parentheses and may itself contain blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    # A zombie that still has threads is being torn down and holds its ports and files.
    return None if fields[0] in "ZX" and threads <= 1 else fields
