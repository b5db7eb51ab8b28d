"""The broker's own command-line programs, run against the broker of the test stack."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from notifier.stack import Stack

PLUGIN = "notifier_delayed_exchange"


def run(stack: Stack, program: str, *arguments: str) -> str:
    """What `program` of the running broker's sbin prints, with that broker's own environment."""
    broker = Path("/proc") / str(stack.rabbitmq.status().pid)
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
    """The value of an Erlang expression in the broker, as Erlang prints it."""
    return await asyncio.to_thread(run, stack, "rabbitmqctl", "eval", expression)
