"""A broker's own command-line programs, run against one of the tests' brokers."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from notifier.stack import Server, Stack

PLUGIN = "notifier_delayed_exchange"


def run(server: Server, program: str, *arguments: str) -> str:
    """What `program` of the running broker's sbin prints, with that broker's own environment."""
    broker = Path("/proc") / str(server.status().pid)
    pairs = (pair.partition("=") for pair in (broker / "environ").read_text().split("\0") if pair)
    environ = {name: value for name, _, value in pairs}
    plugins = Path(environ["RABBITMQ_PLUGINS_DIR"].split(":")[0])
    result = subprocess.run(
        [plugins.parent / "sbin" / program, *arguments],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


async def evaluate(stack: Stack, expression: str) -> str:
    """The value of an Erlang expression in the stack's broker, as Erlang prints it."""
    return await evaluate_at(stack.rabbitmq, expression)


async def evaluate_at(server: Server, expression: str) -> str:
    """The same in any broker."""
    return await asyncio.to_thread(run, server, "rabbitmqctl", "eval", expression)
