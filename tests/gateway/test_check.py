"""What `notifier check` says of the gateway: what it would meet, or that it is there."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from notifier.sandbox.certificates import server_context
from notifier.sandbox.options import CertificateMode
from tests.deploy.documents import SERVICES
from tests.gateway.running import RunningGateway, new_key, started
from tests.house import House, json_of


def seen(house: House, **gateway: object) -> dict[str, Any]:
    """The look at the gateway with these settings of [gateway]."""
    before = dict(house.environment)
    house.environment |= {f"NOTIFIER_GATEWAY_{name.upper()}": f"{v}" for name, v in gateway.items()}
    try:
        looked = json_of(house.notifier("check", "--json").stdout)
    finally:
        house.environment.clear()
        house.environment.update(before)
    (found,) = [each["seen"] for each in looked if each["subject"] == "gateway"]
    return dict(found)


def certificate(folder: Path, mode: CertificateMode = CertificateMode.GOOD) -> Path:
    """A file with a certificate and its key."""
    folder.mkdir()
    server_context(folder, mode, "127.0.0.1")
    return folder / "server.pem"


def test_a_gateway_that_runs_has_its_port_and_another_program_must_not(
    gateway: RunningGateway,
) -> None:
    running = seen(gateway.house, port=gateway.address.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        taken = seen(gateway.house, port=other.getsockname()[1])

    assert running["faults"] == []
    assert running["facts"][0] == f"serves at {gateway.address}"
    assert "cannot listen on 127.0.0.1 port" in taken["faults"][0]["what"]


def test_the_check_of_the_compose_file_asks_whether_it_is_ready(house: House) -> None:
    gateway = SERVICES["gateway"]
    kind, python, *program = gateway["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    assert gateway["ports"] == ["127.0.0.1:9501:9501"]

    def is_healthy(address: str) -> bool:
        asked = [part.replace("127.0.0.1:9501", address) for part in program]
        return not subprocess.run([sys.executable, *asked], stderr=subprocess.DEVNULL).returncode

    environment = {
        "NOTIFIER_GATEWAY_HOST": gateway["environment"]["NOTIFIER_GATEWAY_HOST"],
        "NOTIFIER_GATEWAY_ALLOW_PLAINTEXT": "true",
    }
    with started(house, "--name", "composed", **environment) as running:
        address = running.address.replace("0.0.0.0", "127.0.0.1")
        assert is_healthy(address)
    assert not is_healthy(address)


def test_the_certificate_must_be_readable_fit_its_key_and_last(
    house: House, tmp_path: Path
) -> None:
    good, other = certificate(tmp_path / "good"), certificate(tmp_path / "other")
    old = certificate(tmp_path / "old", CertificateMode.EXPIRED)

    fine = seen(house, port=0, cert_file=good, key_file=good)
    faults = [
        seen(house, port=0, cert_file=cert, key_file=key)["faults"][0]["what"]
        for cert, key in ((good, other), (old, old), (tmp_path / "none", good))
    ]

    assert fine["faults"] == []
    assert "TLS until 20" in fine["facts"][1]
    assert "mismatch" in faults[0].lower()
    assert "the certificate ends" in faults[1]
    assert "No such file" in faults[2]


def test_that_nobody_may_come_in_yet_is_a_hint_and_no_problem(house: House) -> None:
    house.execute("DELETE FROM notifier_api_key")
    before = seen(house, port=0)
    new_key(house, "checked", "read")

    assert before["faults"] == []
    assert "0 keys (`notifier key add`)" in before["facts"][-1]
    assert "1 keys, 0 operators (`notifier operator add`)" in seen(house, port=0)["facts"][-1]
