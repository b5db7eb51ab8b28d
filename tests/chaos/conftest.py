"""A house per test, on the session's stack, with a sandbox of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.stack import Stack
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    with built(stack, sandbox, tmp_path) as house:
        yield house
