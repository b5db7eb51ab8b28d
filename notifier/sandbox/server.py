"""One process with three ports: data (HTTPS), webhooks (plain HTTP) and control (loopback)."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from ssl import SSLContext

import orjson
import structlog
import uvloop
from aiohttp import web

from notifier.sandbox.account import Account
from notifier.sandbox.callback import checked_target
from notifier.sandbox.certificates import server_context
from notifier.sandbox.control_port import ControlPort
from notifier.sandbox.data_port import DataPort
from notifier.sandbox.effects import EffectJournal, read_rows
from notifier.sandbox.http_protocol import TimedServer
from notifier.sandbox.options import Addresses, SandboxError, SandboxOptions
from notifier.sandbox.receipts import ReceiptSender
from notifier.sandbox.webhook import remember
from notifier.sandbox.wire import Wire

logger = structlog.get_logger(__name__)

_ANNOUNCEMENT = "sandbox.json"
_LOOPBACK = "127.0.0.1"
_DRAIN_S = 1.0
_BACKLOG = 1024


def run(options: SandboxOptions, *, ready: Callable[[Addresses], None] | None = None) -> None:
    """Serve on a loop of its own until SIGTERM or SIGINT. Blocks."""
    uvloop.run(serve(options, ready=ready))


async def serve(
    options: SandboxOptions, *, ready: Callable[[Addresses], None] | None = None
) -> None:
    """Serve until cancelled, or until SIGTERM or SIGINT if this is the main thread.

    The addresses are in `<folder>/sandbox.json` from the moment of readiness to the end.
    Raises: SandboxError if a port or the folder is taken or the script is wrong.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    effects_file = options.folder / "effects.jsonl"
    async with AsyncExitStack() as stack:
        journal = EffectJournal(effects_file)
        stack.callback(journal.close)
        (options.folder / _ANNOUNCEMENT).unlink(missing_ok=True)
        stop = _stop_signal(stack)
        if options.callback is not None:
            checked_target(options.callback)
        account, wire = Account(options), Wire(options.wire_rows)
        _recall(account, effects_file)
        receipts = await stack.enter_async_context(ReceiptSender(account))
        data_port = DataPort(account, journal, wire=wire, receipts=receipts)
        control_port = ControlPort(
            account,
            data_port,
            journal=journal,
            wire=wire,
            receipts=receipts,
            effects_file=effects_file,
            script=options.script,
        )
        addresses = await _listen(options, data_port, control_port, stack)
        control_port.addresses = addresses.listed()
        # Nothing of what was made so far is garbage, and looking through it makes calls late.
        gc.collect()
        gc.freeze()
        _announce(addresses, options.folder, stack)
        if ready is not None:
            ready(addresses)
        await _write_until(stop, journal)


async def _listen(
    options: SandboxOptions, data_port: DataPort, control_port: ControlPort, stack: AsyncExitStack
) -> Addresses:
    tls, ca_file = server_context(options.folder, options.certificate, options.host)
    data = TimedServer(data_port.handle)
    control = TimedServer(control_port.handle)
    data_at = await _open(data, options.host, options.data_port, stack, tls=tls)
    webhook_at = await _open(data, options.host, options.webhook_port, stack)
    control_at = await _open(control, _LOOPBACK, options.control_port, stack)
    return Addresses(
        data_url=f"https://{data_at}",
        control_url=f"http://{control_at}",
        webhook_url=f"http://{webhook_at}",
        ca_file=ca_file.absolute(),
        effects_file=(options.folder / "effects.jsonl").absolute(),
    )


async def _open(
    handlers: web.Server,
    host: str,
    port: int,
    stack: AsyncExitStack,
    *,
    tls: SSLContext | None = None,
) -> str:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(handlers, host, port, ssl=tls, backlog=_BACKLOG)
    except OSError as error:
        raise SandboxError(f"sandbox: cannot listen on {host}:{port}: {error}") from error
    stack.push_async_callback(handlers.shutdown, _DRAIN_S)
    stack.callback(server.close)
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{server.sockets[0].getsockname()[1]}"


def _recall(account: Account, effects_file: Path) -> None:
    for row in read_rows(effects_file):
        if row["kind"].startswith("webhook"):
            remember(row, account)
        else:
            account.ledger.remember(row, window_s=account.behaviour.repeat_window_s)


def _announce(addresses: Addresses, folder: Path, stack: AsyncExitStack) -> None:
    path = folder / _ANNOUNCEMENT
    listed = addresses.listed()
    path.with_suffix(".new").write_bytes(orjson.dumps({**listed, "pid": os.getpid()}))
    path.with_suffix(".new").replace(path)
    stack.callback(path.unlink, missing_ok=True)
    logger.info("sandbox_ready", **listed)


def _stop_signal(stack: AsyncExitStack) -> asyncio.Event:
    stop = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
            stack.callback(loop.remove_signal_handler, number)
    return stop


async def _write_until(stop: asyncio.Event, journal: EffectJournal) -> None:
    writer = asyncio.create_task(journal.write_until_cancelled(), name="sandbox effects")
    stopped = asyncio.create_task(stop.wait(), name="sandbox stop")
    try:
        await asyncio.wait((writer, stopped), return_when=asyncio.FIRST_COMPLETED)
        if writer.done():
            writer.result()
    finally:
        for task in (writer, stopped):
            task.cancel()
