"""Every outbound request goes through the guarded client, save those listed here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import notifier

CLIENTS = (
    *("aiohttp", "aiohappyeyeballs", "httptools", "httpx"),
    *("requests", "urllib3", "urllib.request", "http.client", "websockets"),
)
OTHERS = {
    "broker/management.py": "RabbitMQ's own API, at the address in the operator's settings",
    "stack/rabbitmq.py": "asks the broker that it started itself, on loopback, whether it is up",
    "loadtest/listeners.py": "clients of the operator's own gateway, for load tests",
    "sandbox/receipts.py": "the operator's own gateway, as WeChat calls it",
    "sandbox/control.py": "the sandbox's own control port, for tests",
}
"""Each speaks to a server that the operator named or that we started, never to a receiver's."""
ANSWERING = {
    f"sandbox/{each}.py" for each in ("server", "data_port", "control_port", "http_protocol")
}
"""They serve with the same library, and call nobody."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield f"{node.module}"
            yield from (f"{node.module}.{each.name}" for each in node.names)


def is_client(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in CLIENTS)


def test_only_the_guarded_client_and_the_control_plane_speak_http() -> None:
    root = Path(notifier.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(map(is_client, imported(path)))
    }

    own = {each for each in found if each.startswith("channels/")}
    assert own == {f"channels/http/{each}.py" for each in ("answer", "dialling")}
    assert found - own == set(OTHERS) | ANSWERING
    assert all("ClientSession" not in (root / each).read_text() for each in ANSWERING)


def test_the_control_plane_follows_no_redirect_and_no_proxy_of_the_environment() -> None:
    root = Path(notifier.__file__).parent
    for name in OTHERS:
        text = (root / name).read_text()
        assert "follow_redirects=True" not in text
        assert "httpx" not in text or "trust_env=False" in text
