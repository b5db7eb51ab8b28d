"""Ask a running supervisor of this host over its control socket."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import orjson

from notifier.errors import NotifierError
from notifier.fleet.control import socket_path
from notifier.fleet.status import FleetStatus, decode_status

STATUS_S = 3.0


class NoSuchFleet(NotifierError):
    """No supervisor listens."""


def ask_reload(run_dir: Path, fleet: str) -> int:
    """The number of processes replaced. Blocks until the new ones are up. Raises NotifierError."""
    return int(_ask(run_dir, fleet, {"do": "reload"})["replaced"])


def ask_stop(run_dir: Path, fleet: str, *, now: bool) -> str:
    """Blocks until the fleet is gone; returns what went wrong, or nothing. Raises NotifierError."""
    return str(_ask(run_dir, fleet, {"do": "stop", "now": now})["reason"])


def ask_status(run_dir: Path, fleet: str) -> FleetStatus:
    """Raises NotifierError."""
    answer = _ask(run_dir, fleet, {"do": "status"}, timeout_s=STATUS_S)
    return decode_status(orjson.dumps(answer["status"]))


def fleets_here(run_dir: Path) -> list[FleetStatus]:
    """Of all supervisors that listen in the folder."""
    found: list[FleetStatus] = []
    for path in sorted(run_dir.glob(socket_path(Path(), "*").name)):
        try:
            found.append(ask_status(run_dir, path.stem.removeprefix("fleet-")))
        except NotifierError:
            continue  # left by one that was killed, or it has just ended
    return found


def _ask(
    run_dir: Path, fleet: str, question: dict[str, Any], timeout_s: float | None = None
) -> dict[str, Any]:
    path = socket_path(run_dir, fleet)
    line = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            connection.sendall(orjson.dumps(question) + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoSuchFleet(
                f"no fleet named {fleet!r} runs on this host (nobody listens on {path}); "
                "`notifier status` lists those that do"
            ) from None
        except OSError as error:
            raise NotifierError(f"fleet {fleet!r} does not answer on {path}: {error}") from error
    if not line:
        raise NotifierError(f"fleet {fleet!r} ended without an answer; see its log")
    answer: dict[str, Any] = orjson.loads(line)
    if not answer["ok"]:
        raise NotifierError(str(answer["error"]))
    return answer
