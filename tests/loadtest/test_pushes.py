"""`notifier loadtest --channel push`: clients of its own at a gateway beside the fleet."""

from __future__ import annotations

from tests.gateway.running import started
from tests.house import House
from tests.loadtest.test_command import load


def test_every_push_is_acknowledged_once(staffed: House) -> None:
    with started(staffed) as gateway:
        port = gateway.address.rpartition(":")[2]
        ended, report = load(
            staffed, "--channel", "push", "--count", "300", NOTIFIER_GATEWAY_PORT=port
        )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    nothing = {"dead": 0, "lost": 0, "doubled": 0, "unpromised": 0, "unsettled": 0}
    assert report.items() >= ({"clean": True, "sent": 300, "told": 300} | nothing).items()
    assert "300 pushes" in ended.stdout
