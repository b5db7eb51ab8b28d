"""Scenes on the module's schema."""

from __future__ import annotations

import pytest

from tests.core import Core
from tests.store.scene import Scene


@pytest.fixture
def scene(core: Core) -> Scene:
    return Scene(core.database)
