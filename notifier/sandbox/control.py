"""Clients of the control port, for tests, load tests and the first run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Self

import httpx
import orjson

from notifier.sandbox.options import SandboxError

_TIMEOUT_S = 30.0
Rules = Sequence[Mapping[str, Any]]


class SandboxControl:
    """Blocking client; raises SandboxError for what the sandbox refuses or if it is none."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.Client(base_url=control_url, timeout=_TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._http.close()

    def health(self) -> dict[str, Any]:
        """`sandbox` and the number of `effects`, from a server that says it is a sandbox."""
        health: dict[str, Any] = _proven(self._ask("GET", "/_sim/health"))
        return health

    def addresses(self) -> dict[str, str]:
        """`data_url`, `webhook_url`, `effects_file` and the others of `options.Addresses`."""
        addresses: dict[str, str] = self._ask("GET", "/_sim/addresses")
        return addresses

    def script(self, rules: Rules, *, mode: str = "replace") -> list[dict[str, Any]]:
        """Put rules into force, in place of all others or (`add`) after them.

        mode `remove`: end those that were given in the same words, and leave the others.
        """
        listed: list[dict[str, Any]] = self._ask(
            "POST", "/_sim/script", {"mode": mode, "rules": rules}
        )
        return listed

    def behaviour(self, **changes: Any) -> None:
        """Change fields of `options.Behaviour`."""
        self._ask("POST", "/_sim/behaviour", changes)

    def people(self, **lists: Sequence[str]) -> None:
        """Replace lists of `people.People`."""
        self._ask("POST", "/_sim/people", lists)

    def webhooks(self, secrets: Mapping[str, Sequence[str]]) -> None:
        """Set, for each path, the secrets of which any may sign."""
        self._ask("POST", "/_sim/webhooks", secrets)

    def callback(self, **target: str) -> None:
        """Tell this `options.CallbackTarget` what became of each send; nobody without a url."""
        self._ask("POST", "/_sim/callback", target)

    def counters(self) -> dict[str, Any]:
        """`effects`, `repeats`, `webhooks`, `receipts`, `calls`, `codes` and the like."""
        counters: dict[str, Any] = self._ask("GET", "/_sim/counters")
        return counters

    def tokens(self) -> list[dict[str, Any]]:
        """Every token issued, told by a hash."""
        tokens: list[dict[str, Any]] = self._ask("GET", "/_sim/tokens")
        return tokens

    def effects(self, *, openid: str | None = None, since: float = 0) -> Iterator[dict[str, Any]]:
        """Every effect, in order, with its wire_count; `since` in epoch seconds of its receipt."""
        yield from self._rows("/_sim/effects", _filter(openid, since))

    def wire(self) -> Iterator[dict[str, Any]]:
        """The newest calls."""
        yield from self._rows("/_sim/wire", {})

    def reset(self) -> None:
        """Be as it was started, its effects forgotten."""
        self._ask("POST", "/_sim/reset")

    def _ask(self, method: str, path: str, payload: Any = None) -> Any:
        body = None if payload is None else orjson.dumps(payload)
        try:
            return _checked(self._http.request(method, path, content=body))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error

    def _rows(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        try:
            with self._http.stream("GET", path, params=query) as answer:
                if answer.is_error:
                    answer.read()
                    _checked(answer)
                for line in answer.iter_lines():
                    yield orjson.loads(line)
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error


class AsyncSandboxControl:
    """The same for coroutines."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=control_url, timeout=_TIMEOUT_S, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """As SandboxControl.health."""
        health: dict[str, Any] = _proven(await self._ask("GET", "/_sim/health"))
        return health

    async def addresses(self) -> dict[str, str]:
        """As SandboxControl.addresses."""
        addresses: dict[str, str] = await self._ask("GET", "/_sim/addresses")
        return addresses

    async def script(self, rules: Rules, *, mode: str = "replace") -> list[dict[str, Any]]:
        """As SandboxControl.script."""
        listed: list[dict[str, Any]] = await self._ask(
            "POST", "/_sim/script", {"mode": mode, "rules": rules}
        )
        return listed

    async def behaviour(self, **changes: Any) -> None:
        """As SandboxControl.behaviour."""
        await self._ask("POST", "/_sim/behaviour", changes)

    async def people(self, **lists: Sequence[str]) -> None:
        """As SandboxControl.people."""
        await self._ask("POST", "/_sim/people", lists)

    async def webhooks(self, secrets: Mapping[str, Sequence[str]]) -> None:
        """As SandboxControl.webhooks."""
        await self._ask("POST", "/_sim/webhooks", secrets)

    async def callback(self, **target: str) -> None:
        """As SandboxControl.callback."""
        await self._ask("POST", "/_sim/callback", target)

    async def counters(self) -> dict[str, Any]:
        """As SandboxControl.counters."""
        counters: dict[str, Any] = await self._ask("GET", "/_sim/counters")
        return counters

    async def tokens(self) -> list[dict[str, Any]]:
        """As SandboxControl.tokens."""
        tokens: list[dict[str, Any]] = await self._ask("GET", "/_sim/tokens")
        return tokens

    async def effects(
        self, *, openid: str | None = None, since: float = 0
    ) -> AsyncIterator[dict[str, Any]]:
        """As SandboxControl.effects."""
        async for row in self._rows("/_sim/effects", _filter(openid, since)):
            yield row

    async def wire(self) -> AsyncIterator[dict[str, Any]]:
        """As SandboxControl.wire."""
        async for row in self._rows("/_sim/wire", {}):
            yield row

    async def reset(self) -> None:
        """As SandboxControl.reset."""
        await self._ask("POST", "/_sim/reset")

    async def _ask(self, method: str, path: str, payload: Any = None) -> Any:
        body = None if payload is None else orjson.dumps(payload)
        try:
            return _checked(await self._http.request(method, path, content=body))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error

    async def _rows(self, path: str, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        try:
            async with self._http.stream("GET", path, params=query) as answer:
                if answer.is_error:
                    await answer.aread()
                    _checked(answer)
                async for line in answer.aiter_lines():
                    yield orjson.loads(line)
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error


def _filter(openid: str | None, since: float) -> dict[str, str]:
    return {"since": repr(since)} | ({"openid": openid} if openid else {})


def _checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise SandboxError(f"sandbox: {answer.url} answered {answer.status_code}: {answer.text}")
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise SandboxError(f"sandbox: {answer.url} is no control port of a sandbox") from error


def _proven(health: Any) -> Any:
    if not isinstance(health, dict) or health.get("sandbox") != "notifier":
        raise SandboxError("sandbox: the control port does not say that it is a sandbox's")
    return health


def _unreachable(url: httpx.URL, error: httpx.HTTPError) -> SandboxError:
    return SandboxError(f"sandbox: {url} cannot be reached ({error}); is `notifier sandbox` up?")
