"""Hosts for fleets, and nothing left of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fleet.running import Host


@pytest.fixture
def new_host() -> Iterator[Callable[..., Host]]:
    """Makes hosts; keywords are environment variables."""
    # Not tmp_path: the path of a Unix socket has room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    hosts: list[Host] = []

    def make(**environment: str) -> Host:
        hosts.append(Host(folder / str(len(hosts)), **environment))
        return hosts[-1]

    try:
        yield make
    finally:
        for host in hosts:
            host.kill_all()
        shutil.rmtree(folder)


@pytest.fixture
def host(new_host: Callable[..., Host]) -> Host:
    return new_host()
