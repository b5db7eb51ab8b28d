"""One sandbox for all tests that leave it as it was; each begins with a fresh one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.rig import Sandbox, running


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A process that serves the whole session."""
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The same, as if it were started just now."""
    shared_sandbox.control.reset()
    return shared_sandbox


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    """A good access token."""
    return sandbox.token()
