"""The control port: scripts faults and shows what happened. Plain HTTP on loopback only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from notifier.sandbox.account import Account
from notifier.sandbox.callback import target_of
from notifier.sandbox.data_port import DataPort
from notifier.sandbox.effects import EffectJournal, read_rows
from notifier.sandbox.options import SERVER_NAME, SandboxError
from notifier.sandbox.receipts import ReceiptSender
from notifier.sandbox.rules import RuleBook, parse_rules
from notifier.sandbox.webhook import checked_secret
from notifier.sandbox.wire import Wire

_ROWS_AT_ONCE = 500
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ControlPort:
    """Handles the calls of the control port."""

    def __init__(
        self,
        account: Account,
        data_port: DataPort,
        *,
        journal: EffectJournal,
        wire: Wire,
        receipts: ReceiptSender,
        effects_file: Path,
        script: Any,
    ) -> None:
        """script: what is in force at the start and after a reset, None for nothing.

        Raises: SandboxError naming what is wrong with it.
        """
        self._account = account
        self._data_port = data_port
        self._journal = journal
        self._wire = wire
        self._receipts = receipts
        self._effects_file = effects_file
        self.addresses: Mapping[str, str] = {}
        """Where the sandbox listens, as in `sandbox.json`."""
        self._handlers = self._listed_handlers()
        self._script_at_start = {} if script is None else script
        self._load(self._script_at_start)

    def _listed_handlers(self) -> Mapping[tuple[str, str], _Handler]:
        return {
            ("GET", "/_sim/health"): self._health,
            ("GET", "/_sim/addresses"): self._addresses,
            ("GET", "/_sim/effects"): self._effects,
            ("GET", "/_sim/wire"): self._show_wire,
            ("GET", "/_sim/counters"): self._counters,
            ("GET", "/_sim/tokens"): self._tokens,
            ("GET", "/_sim/script"): self._show_script,
            ("POST", "/_sim/script"): self._set_script,
            ("POST", "/_sim/people"): self._people,
            ("POST", "/_sim/behaviour"): self._behaviour,
            ("POST", "/_sim/webhooks"): self._webhooks,
            ("POST", "/_sim/callback"): self._callback,
            ("POST", "/_sim/reset"): self._reset,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; 422 with the reason for what cannot be done."""
        handler = self._handlers.get((request.method, request.path))
        if handler is None:
            known = sorted(f"{method} {path}" for method, path in self._handlers)
            return _json({"error": f"no {request.method} {request.path}", "known": known}, 404)
        try:
            return await handler(request)
        except (SandboxError, orjson.JSONDecodeError, ValueError) as error:
            return _json({"error": str(error)}, 422)

    def _load(self, source: Any) -> None:
        # A script is a list of rules or an object of parts; if any part is wrong, none is set.
        parts = {"rules": source} if isinstance(source, list) else source
        if not isinstance(parts, dict) or not parts.keys() <= _PARTS:
            raise SandboxError(f"script: must be a list of rules or have parts of {sorted(_PARTS)}")
        for name in parts.keys() & _OBJECTS:
            if not isinstance(parts[name], dict):
                raise SandboxError(f"script: {name} must be an object, not {parts[name]!r}")
        mode = parts.get("mode", "replace")
        if mode not in ("replace", "add", "remove"):
            raise SandboxError(f"script: mode {mode!r} is none of replace, add, remove")
        rules = parse_rules(parts.get("rules", []))
        behaviour = self._account.behaviour.changed(parts.get("behaviour", {}))
        people = self._account.people.changed(parts.get("people", {}))
        secrets = _webhook_secrets(parts.get("webhooks", {}))
        if "callback" in parts:
            self._account.callback = target_of(parts["callback"])
        self._account.behaviour, self._account.people = behaviour, people
        self._account.webhook_secrets.update(secrets)
        if "rules" in parts and mode == "replace":
            self._data_port.rules = RuleBook(rules)
        elif mode == "remove":
            self._data_port.rules.remove(rules)
        else:
            self._data_port.rules.add(rules)

    async def _health(self, request: web.BaseRequest) -> web.StreamResponse:
        return _json({"sandbox": "notifier", "effects": self._account.ledger.effects})

    async def _addresses(self, request: web.BaseRequest) -> web.StreamResponse:
        return _json(self.addresses)

    async def _counters(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = self._account.webhooks_seen
        counted = {
            "effects": self._account.ledger.effects,
            "repeats": self._account.ledger.repeats.total(),
            "webhooks": len(seen),
            "webhook_repeats": seen.total() - len(seen),
            "receipts": dict(self._receipts.counted),
        }
        return _json({**counted, **self._wire.counted()})

    async def _tokens(self, request: web.BaseRequest) -> web.StreamResponse:
        return _json(list(self._account.tokens.history()))

    async def _show_script(self, request: web.BaseRequest) -> web.StreamResponse:
        return _json(list(self._data_port.rules.listed()))

    async def _set_script(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load(orjson.loads(await request.read()))
        return await self._show_script(request)

    async def _people(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load({"people": orjson.loads(await request.read())})
        return _json({})

    async def _behaviour(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load({"behaviour": orjson.loads(await request.read())})
        return _json({})

    async def _webhooks(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load({"webhooks": orjson.loads(await request.read())})
        return _json({})

    async def _callback(self, request: web.BaseRequest) -> web.StreamResponse:
        self._load({"callback": orjson.loads(await request.read())})
        return _json({})

    async def _reset(self, request: web.BaseRequest) -> web.StreamResponse:
        await self._receipts.forget()
        await self._journal.forget()
        self._account.begin_anew()
        self._wire.forget()
        self._data_port.rules = RuleBook()
        self._load(self._script_at_start)
        return _json({})

    async def _show_wire(self, request: web.BaseRequest) -> web.StreamResponse:
        return await _stream(request, self._wire.listed())

    async def _effects(self, request: web.BaseRequest) -> web.StreamResponse:
        openid = request.query.get("openid")
        since = float(request.query.get("since", 0))
        repeats, seen = self._account.ledger.repeats, self._account.webhooks_seen

        def wanted() -> Iterable[dict[str, Any]]:
            for row in read_rows(self._effects_file):
                if row["received_at"] < since or (openid and row.get("openid") != openid):
                    continue
                if row["kind"] == "wechat":
                    yield {**row, "wire_count": 1 + repeats[row["msgid"]]}
                elif row["kind"] == "webhook":
                    yield {**row, "wire_count": max(1, seen[row["webhook_id"]])}

        return await _stream(request, wanted())


# What a script may have: rules with their mode, and what the other paths of this port take.
_OBJECTS = {"behaviour", "people", "webhooks", "callback"}
_PARTS = {"rules", "mode"} | _OBJECTS


def _webhook_secrets(source: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    secrets: dict[str, tuple[str, ...]] = {}
    for path, given in source.items():
        if not path.startswith("/webhook/") or not isinstance(given, list):
            raise SandboxError(f"webhooks: {path!r} must be /webhook/… with a list of secrets")
        secrets[path] = tuple(checked_secret(each) for each in given)
    return secrets


def _json(payload: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(payload),
        headers={"Server": SERVER_NAME, "Content-Type": "application/json"},
    )


async def _stream(
    request: web.BaseRequest, rows: Iterable[Mapping[str, Any]]
) -> web.StreamResponse:
    """JSON lines, read in a thread and some at a time, so that the data port goes on."""
    headers = {"Server": SERVER_NAME, "Content-Type": "application/x-ndjson"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    left = iter(rows)

    def some() -> bytes:
        chunk = islice(left, _ROWS_AT_ONCE)
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in chunk)

    while chunk := await asyncio.to_thread(some):
        await response.write(chunk)
    return response
