"""A house with a fleet at work, and one that nobody is at home in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.stack import Stack
from tests.house import House, built
from tests.sandbox.rig import running


@pytest.fixture(scope="module")
def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everything but a fleet."""
    folder = tmp_path_factory.mktemp("house")
    with running(folder / "sandbox") as sandbox, built(stack, sandbox, folder) as furnished:
        furnished.environment |= {
            "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "NOTIFIER_EGRESS_PORTS": "",
            "NOTIFIER_WEBHOOK_CA_FILE": str(sandbox.addresses["ca_file"]),
        }
        yield furnished


@pytest.fixture(scope="module")
def staffed(house: House) -> House:
    house.start_fleet()
    return house
