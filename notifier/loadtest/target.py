"""Whom a load test may be aimed at, and how he is told to refuse some of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

from notifier.errors import InvalidInput

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104 - compared


class Receiver(Protocol):
    """The control port of a sandbox. All raise NotifierError."""

    async def health(self) -> Mapping[str, Any]: ...

    async def addresses(self) -> Mapping[str, str]: ...

    async def counters(self) -> Mapping[str, Any]: ...

    async def behaviour(self, **changes: Any) -> None: ...

    async def webhooks(self, secrets: Mapping[str, Sequence[str]]) -> None: ...

    async def script(
        self, rules: Sequence[Mapping[str, Any]], *, mode: str
    ) -> Sequence[Mapping[str, Any]]: ...

    def effects(self, *, since: float) -> AsyncIterator[Mapping[str, Any]]: ...


async def check_target(base_url: str, receiver: Receiver) -> None:
    """Raises InvalidInput unless what the fleet calls WeChat is this sandbox."""
    await receiver.health()
    data_url = (await receiver.addresses())["data_url"]
    if _place(base_url) != _place(data_url):
        raise InvalidInput(
            "target",
            f"[wechat] base_url is {base_url}, and the sandbox is {data_url}; nothing was "
            "published. Point the fleet and this shell at the sandbox with "
            '`eval "$(notifier sandbox env)"`, or say --target-is-mine',
        )


async def lift_quotas(receiver: Receiver) -> None:
    """From now on, until the sandbox is reset: a few runs are more than WeChat allows a day.

    A used-up quota pauses the channel until midnight, and the figures would be those of the pause.
    """
    await receiver.behaviour(sends_per_day=0, sends_per_minute=0)


@asynccontextmanager
async def refusing(
    receiver: Receiver | None, rules: Sequence[Mapping[str, Any]]
) -> AsyncIterator[None]:
    """Rules in force for the length of the block; those of others stay as they are."""
    if receiver is None or not rules:
        yield
        return
    await receiver.script(rules, mode="add")
    try:
        yield
    finally:
        await receiver.script(rules, mode="remove")


def _place(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, "localhost" if host in LOOPBACK else host, port
