"""The plugin as one file, built for an installed broker with one command."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import aio_pika

from notifier.stack import Server, Stack
from notifier.stack import layout as layouts
from notifier.stack.layout import CHECKOUT, Layout
from notifier.stack.rabbitmq import RabbitMqRecipe
from tests.exchange.rig import build


class _WithArchive(RabbitMqRecipe):
    """The same broker with the archive in place of the built folder."""

    def __init__(self, folder: Path, layout: Layout, archives: Path):
        super().__init__(folder, layout)
        self._archives = archives

    def environ(self) -> Mapping[str, str]:
        base = super().environ()
        return {**base, "RABBITMQ_PLUGINS_DIR": f"{broker_plugins(base)}:{self._archives}"}


def broker_plugins(environ: Mapping[str, str]) -> str:
    """The folder of the broker's own plugins."""
    return environ["RABBITMQ_PLUGINS_DIR"].split(":")[0]


def _restart_with_archive(stack: Stack, archives: Path) -> None:
    layout = layouts.load(stack.folder)
    assert layout is not None
    recipe = _WithArchive(stack.folder, layout, archives)
    broker = Path(broker_plugins(recipe.environ())).parent
    subprocess.run(
        [CHECKOUT / "rabbitmq" / "build", "--ez", archives],
        env={**os.environ, "RABBITMQ_LIB": str(broker)},
        check=True,
    )
    stack.rabbitmq.stop()
    Server(recipe).start()


async def test_a_broker_runs_the_archive(
    stack: Stack, amqp_url: str, name: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(_restart_with_archive, stack, tmp_path)
    try:
        assert [path.suffix for path in tmp_path.iterdir()] == [".ez"]
        async with await aio_pika.connect(amqp_url) as connection:
            rig = await build(await connection.channel(), name)
            await rig.consume()
            await rig.publish(b"held", 123)
            await rig.wait_for(1, within_s=3)
    finally:
        await asyncio.to_thread(stack.rabbitmq.stop)
        await asyncio.to_thread(stack.rabbitmq.start)
