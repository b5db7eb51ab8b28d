"""The gateway as a process: it comes up, is replaced without a gap, and drains."""

from __future__ import annotations

import signal
import threading

import httpx

from tests.gateway.conftest import Certificate
from tests.gateway.running import RunningGateway, started, started_with_fleet
from tests.house import House, json_of, wait_for


def test_it_says_that_it_lives_and_that_it_can_accept(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        health, ready = client.get("/healthz"), client.get("/readyz")

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "mysql": "ok", "rabbitmq": "ok"}


def test_what_there_is_not_is_answered_with_a_problem_document(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        answer = client.get("/nothing/here")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_a_body_that_is_too_large_is_refused(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        answer = client.post("/healthz", content=b"x" * (4096 * 1024 + 1))

    assert answer.status_code == 413
    assert "body_kib" in answer.json()["detail"]


def test_it_is_in_the_status_and_in_redis(gateway: RunningGateway) -> None:
    def processes() -> list[str]:
        document = json_of(gateway.house.notifier("status", "--json").stdout)
        return [one["kind"] for fleet in document["fleets"] for one in fleet["processes"]]

    wait_for(lambda: processes() == ["gateway"], 30)


def test_a_reload_refuses_nobody(house: House) -> None:
    with started(house, "--name", "reloaded") as gateway, gateway.client() as client:
        answers: list[int] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                answers.append(client.get("/healthz", headers={"connection": "close"}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        done = house.notifier("reload", "--name", "reloaded")
        over.set()
        asking.join()

    assert done.returncode == 0, done.stderr
    assert answers
    assert set(answers) == {200}


def test_it_drains_at_sigterm(house: House) -> None:
    with started(house, "--name", "drained") as gateway, gateway.client() as client:
        assert client.get("/healthz").status_code == 200  # the connection stays open
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(30) == 0


def test_it_runs_beside_the_consumers(house: House) -> None:
    with started_with_fleet(house, "--tiers", "1") as gateway, gateway.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"


def test_it_speaks_tls_with_a_certificate_and_lets_pages_of_named_origins_read(
    house: House, certificate: Certificate
) -> None:
    arguments = ("--name", "tls", *certificate.arguments)
    origins = {"NOTIFIER_GATEWAY_ORIGINS": "https://shop.example,https://other.example"}
    with started(house, *arguments, **origins) as gateway:
        asked = {"origin": "https://other.example"}
        answer = httpx.get(f"{gateway.url}/healthz", headers=asked, verify=certificate.trust)

    assert gateway.scheme == "https"
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://other.example"


def test_a_port_that_is_taken_is_said_at_once(gateway: RunningGateway) -> None:
    port = gateway.address.rsplit(":", 1)[1]

    refused = gateway.house.notifier("gateway", "--name", "second", "--port", port)

    assert refused.returncode == 1
    assert "NOTIFIER_GATEWAY_PORT" in refused.stderr


def test_plain_http_is_not_offered_to_other_machines(house: House) -> None:
    refused = house.notifier("gateway", "--host", "0.0.0.0")

    assert refused.returncode == 2
    assert "cert_file" in refused.stderr
