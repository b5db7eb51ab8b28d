"""The API says of itself what it is: to programs, to people, and to a monitor."""

from __future__ import annotations

import re

from notifier.gateway.api.openapi import OPERATIONS
from tests.gateway.running import RunningGateway, new_key


def test_the_openapi_document_describes_every_operation(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        document = client.get("/openapi.json").json()

    operations = {
        (method, path): described
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    }
    assert document["openapi"].startswith("3.1")
    assert OPERATIONS.keys() <= operations.keys()
    described = {(method, path) for method, path in operations if path.startswith("/v1/noti")}
    assert described <= OPERATIONS.keys()
    known = document["components"]["schemas"].keys()
    for name in re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')):
        assert name in known
    for operation in operations.values():
        assert operation.get("summary") or operation.get("description")


def test_the_manual_needs_no_other_address_and_no_script(gateway: RunningGateway) -> None:
    with gateway.client() as client:
        page = client.get("/docs")

    assert page.status_code == 200
    assert "POST /v1/notifications" in page.text
    assert "<script" not in page.text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_monitor_gets_figures_and_none_of_what_is_not_known(gateway: RunningGateway) -> None:
    key = new_key(gateway.house, "prometheus", "read")
    with gateway.client(authorization=f"Bearer {key}") as client:
        text = client.get("/metrics").text

    assert re.search(r"^notifier_gateway_accepted_total \d", text, re.MULTILINE)
    assert "notifier_gateway_rabbitmq_up 1.0" in text
    assert 'notifier_queue_ready{tier="1"} 0.0' in text
    assert "notifier_outbox_waiting 0.0" in text
    assert "notifier_pause{" not in text
