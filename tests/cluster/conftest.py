"""One cluster for the session; every test finds it whole and under an exchange name of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest

from tests.cluster.nodes import Cluster
from tests.folders import owned_folder


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    with owned_folder() as folder:
        cluster = Cluster(folder)
        cluster.start()
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """The same, with those nodes back that the test before has killed."""
    shared_cluster.start()
    return shared_cluster


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    readable = re.sub(r"\W+", "-", request.node.name)[:40]
    return f"x.{readable}.{digest}"
