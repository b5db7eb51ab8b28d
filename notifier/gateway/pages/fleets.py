"""What the fleets say of themselves in Redis, as the pages show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson

_OF_FLEET = ("host", "name", "pid", "version", "uptime_s", "stopping")
_OF_PROCESS = (
    *("kind", "tier", "index", "pid", "generation", "state", "uptime_s", "in_flight"),
    *("rate_per_s", "last_error", "rss_bytes"),
)
_OF_ROLE = ("role", "wanted", "ready", "restarts")


class Beats(Protocol):
    async def everybody(self) -> dict[str, bytes]: ...


class Fleets:
    """A fleet's word says how long it has run: one that does not change is an old one."""

    def __init__(self, beats: Beats, clock: Callable[[], float] = time.monotonic) -> None:
        self._beats = beats
        self._clock = clock
        self._changed: dict[str, tuple[bytes, float | None]] = {}

    async def read(self) -> list[dict[str, Any]]:
        """By name. heard_s_ago: None until it is known. Raises StoreUnavailable."""
        now, found = self._clock(), await self._beats.everybody()
        for name, body in found.items():
            before = self._changed.get(name)
            if before is None:
                self._changed[name] = (body, None)  # this word may be as old as it likes
            elif before[0] != body:
                self._changed[name] = (body, now)
        self._changed = {name: self._changed[name] for name in found}
        return [self._document(name, now) for name in sorted(found)]

    def _document(self, name: str, now: float) -> dict[str, Any]:
        body, since = self._changed[name]
        heard = None if since is None else round(now - since, 1)
        try:
            said = orjson.loads(body)
            return {
                **_chosen(said, _OF_FLEET),
                "heard_s_ago": heard,
                "roles": [_chosen(role, _OF_ROLE) for role in said["roles"]],
                "processes": [_chosen(process, _OF_PROCESS) for process in said["processes"]],
            }
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            # Of another version: that it is there is known, and nothing else.
            unknown = _chosen({"name": name}, _OF_FLEET)
            return {**unknown, "heard_s_ago": heard, "roles": [], "processes": []}


def _chosen(document: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: document.get(name) for name in names}
