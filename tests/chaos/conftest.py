"""A house per test, on the session's stack, with a sandbox of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack, delayed_exchange, layout
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with built(stack, sandbox, tmp_path) as house:
        yield house


@pytest.fixture
def plain_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """RabbitMQ without the exchange type, alone."""
    monkeypatch.setattr(delayed_exchange, "is_available", lambda: False)
    alone = Stack(tmp_path / "plain")
    alone.folder.mkdir()
    layout.create(alone.folder)
    alone.epmd.start()
    alone.rabbitmq.start()
    yield alone
    alone.wipe()
