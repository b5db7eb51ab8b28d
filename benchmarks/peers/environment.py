"""The peers' own virtual environment: made on first use, kept while its list is the same."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from notifier.errors import NotifierError
from notifier.stack.layout import CHECKOUT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_WHOLE = "whole"
"""A file that is there once everything is installed."""


class EnvironmentFailed(NotifierError):
    """The peers cannot be installed."""


def peers_python(say: Callable[[str], None]) -> Path:
    """The interpreter that has them. Raises EnvironmentFailed with the installer's last words."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or CHECKOUT / ".cache") / "notifier-peers"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / fingerprint(REQUIREMENTS.read_bytes())
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _WHOLE).exists():
            say(f"installing the peers in {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(folder)])
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _run([*pip, "--requirement", str(REQUIREMENTS)])
            (folder / _WHOLE).touch()
    return folder / "bin" / "python"


def fingerprint(requirements: bytes) -> str:
    """Another list, or another Python, is another environment."""
    return hashlib.sha256(sys.version.encode() + requirements).hexdigest()[:12]


def versions(requirements: str) -> dict[str, str]:
    """By name, of lines like `celery==5.7.0`."""
    pairs = (line.split("==", 1) for line in requirements.splitlines() if "==" in line)
    return dict(pairs)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-2000:]
        raise EnvironmentFailed(f"{' '.join(command)} failed: {words}")
