"""The session's sandbox, and a token of it."""

from __future__ import annotations

import pytest

from tests.sandbox.rig import Sandbox


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    """A good access token."""
    return sandbox.token()
