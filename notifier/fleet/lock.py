"""One fleet of a name per host: a lock that its last process frees, and nothing else."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from notifier.errors import NotifierError


class FleetRuns(NotifierError):
    """Another fleet of this name holds the lock."""


def prepare_run_dir(folder: Path) -> None:
    """Make the folder, ours alone. Raises NotifierError where it is somebody else's or open."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise NotifierError(
            f"run_dir {folder}: {error.strerror}; set NOTIFIER_FLEET_RUN_DIR to a folder of yours"
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NotifierError(
            f"run_dir {folder} is not a folder of user {os.geteuid()}; "
            "set NOTIFIER_FLEET_RUN_DIR to one that is"
        )
    if status.st_mode & 0o077:
        raise NotifierError(
            f"run_dir {folder} is open to others (mode {stat.S_IMODE(status.st_mode):o}); "
            f"run: chmod 700 {folder}"
        )


class FleetLock:
    """Held as long as any process has the descriptor, so children that inherit it keep it."""

    def __init__(self, path: Path, fleet: str) -> None:
        """Raises FleetRuns that names who holds it."""
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self.descriptor, 32).decode(errors="replace").strip()
            self.close()
            raise FleetRuns(_who_holds(path, fleet, owner)) from None
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Free the lock, unless a child still has it. Idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _who_holds(path: Path, fleet: str, owner: str) -> str:
    holders = _holders(path)
    if owner.isdigit() and int(owner) in holders:
        return (
            f"a fleet named {fleet!r} already runs on this host (pid {owner}); "
            f"`notifier stop --name {fleet}` ends it, or give this one another --name"
        )
    rest = ", ".join(str(pid) for pid in holders) or "which cannot be seen from here"
    return (
        f"the fleet named {fleet!r} of pid {owner or 'unknown'} lost its supervisor and its "
        f"processes (pid {rest}) still finish their work; try again in a moment"
    )


def _holders(path: Path) -> list[int]:
    """The processes that have the lock file open."""
    target = str(path.resolve())
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            if any(os.readlink(link) == target for link in (process / "fd").iterdir()):
                found.append(int(process.name))
        except OSError:
            continue  # gone meanwhile, or another user's
    return sorted(found)
