"""The private broker's copy of our delayed exchange, compiled once for each state of its source."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from notifier.stack.layout import CHECKOUT
from notifier.stack.process import StackError

_SOURCES = CHECKOUT / "rabbitmq"
_BUILT = CHECKOUT / ".notifier" / "plugins"


def is_available() -> bool:
    """Whether this is a checkout that contains the exchange's source."""
    return (_SOURCES / "build").exists()


def build(broker: Path) -> Path:
    """The folder with the plugin, compiled for the broker installed in `broker`.

    Raises: StackError with the compiler's output.
    """
    target = _BUILT / _fingerprint(broker)
    _BUILT.mkdir(parents=True, exist_ok=True)
    with open(_BUILT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _compile(target, broker)
    return target


def _compile(target: Path, broker: Path) -> None:
    with tempfile.TemporaryDirectory(dir=_BUILT) as scratch:
        draft = Path(scratch) / "plugins"
        draft.mkdir()
        result = subprocess.run(
            [_SOURCES / "build", draft],
            env={**os.environ, "RABBITMQ_LIB": str(broker)},
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise StackError(
                f"the delayed exchange in {_SOURCES} cannot be built: "
                f"{(result.stdout + result.stderr).strip()}"
            )
        shutil.move(draft, target)


def _fingerprint(broker: Path) -> str:
    digest = hashlib.sha256(str(broker).encode())
    for path in [_SOURCES / "build", *sorted((_SOURCES / "src").rglob("*.*"))]:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
