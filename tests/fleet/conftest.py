"""Hosts for fleets, and nothing left of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fleet.running import Fleet, Host


@pytest.fixture
def new_host() -> Iterator[Callable[..., Host]]:
    """Makes hosts; keywords are environment variables."""
    with _hosts() as make:
        yield make


@pytest.fixture
def host(new_host: Callable[..., Host]) -> Host:
    return new_host()


@pytest.fixture(scope="session")
def standing_host() -> Iterator[Host]:
    with _hosts() as make:
        yield make()


@pytest.fixture(scope="session")
def standing(standing_host: Host) -> Fleet:
    """A ready fleet to look at: two processes of tier 1, one of tier 5, metrics. Leave it alone."""
    arguments = ("--processes", "1:2", "--metrics-port", "0")
    return standing_host.start(*arguments, tiers="1,5").wait_ready()


@contextmanager
def _hosts() -> Iterator[Callable[..., Host]]:
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
