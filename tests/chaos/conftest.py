"""A house per test, on the session's stack, with a sandbox of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack
from tests.house import House, built
from tests.sandbox.rig import Sandbox, running


@pytest.fixture(scope="session")
def chaos_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def house(stack: Stack, chaos_sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    chaos_sandbox.control.reset()
    with built(stack, chaos_sandbox, tmp_path) as house:
        yield house
