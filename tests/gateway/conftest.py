"""One gateway for each module, with a house of its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import trustme

from notifier.stack import Stack
from tests.gateway.running import RunningGateway, started
from tests.house import House, built
from tests.sandbox.rig import Sandbox


@pytest.fixture(scope="module")
def house(
    stack: Stack, shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with built(stack, shared_sandbox, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def gateway(house: House) -> Iterator[RunningGateway]:
    with started(house) as gateway:
        yield gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """arguments: for `notifier gateway`. trust: for its clients."""

    arguments: tuple[str, ...]
    trust: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of 127.0.0.1, by an authority that nobody else knows."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    folder = tmp_path_factory.mktemp("certificate")
    chain, key = folder / "chain.pem", folder / "key.pem"
    made.cert_chain_pems[0].write_to_path(chain)
    made.private_key_pem.write_to_path(key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return Certificate(arguments=("--cert", str(chain), "--key", str(key)), trust=trust)
