"""Attempts of one process or several, on the module's schema."""

from __future__ import annotations

import pytest

from tests.core import Core
from tests.dispatch.floor import Floor, Process


@pytest.fixture
async def floor(core: Core) -> Floor:
    return Floor(core)


@pytest.fixture
def process(floor: Floor) -> Process:
    return floor.process()
