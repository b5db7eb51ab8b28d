"""How a fleet ends when it is asked to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.fleet.running import Fleet, Host, eventually, is_alive


@pytest.fixture
def busy(host: Host) -> Fleet:
    """A fleet whose processes are in the middle of something long."""
    host.tell_workers("slow", "1")
    fleet = host.start().wait_ready()
    _wait_busy(host, fleet)
    return fleet


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_work_in_flight_finish(
    host: Host, busy: Fleet, number: signal.Signals
) -> None:
    children = busy.pids()

    os.kill(busy.pid, number)

    assert busy.wait_end() == 0
    assert all(host.work_of(pid)[-1] == "finished" for pid in children)
    assert not any(map(is_alive, children))


def test_a_second_signal_does_not_wait(host: Host, busy: Fleet) -> None:
    host.tell_workers("deaf")
    children = busy.pids()
    os.kill(busy.pid, signal.SIGTERM)
    eventually(lambda: "once more to kill" in busy.output(), "the first one was heard")

    os.kill(busy.pid, signal.SIGTERM)

    # It would have drained for 30 s.
    assert busy.wait_end(within_s=25) == 0
    assert not any(map(is_alive, children))
    assert len(host.released()) == len(children)


def test_work_that_outlasts_the_deadline_is_cut_off_and_said_so(
    new_host: Callable[..., Host],
) -> None:
    host = new_host(NOTIFIER_FLEET_DRAIN_S="0.5")
    host.tell_workers("deaf")
    fleet = host.start().wait_ready()

    os.kill(fleet.pid, signal.SIGTERM)

    assert fleet.wait_end(within_s=25) == 1
    assert "work in flight was cut off after 0.5 s" in fleet.output()
    assert len(host.released()) == 2


def test_stop_returns_when_the_fleet_is_gone_and_the_next_may_start(
    host: Host, busy: Fleet
) -> None:
    children = busy.pids()

    stopped = host.run("stop")

    assert (stopped.returncode, stopped.stdout) == (0, "fleet default: stopped\n")
    assert not any(map(is_alive, children))
    assert all(host.work_of(pid)[-1] == "finished" for pid in children)
    host.start().wait_ready()


def test_stop_now_does_not_wait(host: Host, busy: Fleet) -> None:
    host.tell_workers("deaf")

    assert host.run("stop", "--now").returncode == 0
    assert busy.wait_end(within_s=25) == 0


def test_a_fleet_that_is_starting_can_be_stopped(host: Host) -> None:
    fleet = host.start()
    socket = host.folder / "run" / "fleet-default.sock"
    eventually(socket.exists, "it listens")

    assert host.run("stop").returncode == 0
    assert fleet.wait_end() == 0


def test_to_stop_or_reload_what_does_not_run_is_an_error(host: Host) -> None:
    for verb in ("stop", "reload"):
        refused = host.run(verb, "--name", "night")
        assert refused.returncode == 1
        assert "no fleet named 'night' runs on this host" in refused.stderr


def _wait_busy(host: Host, fleet: Fleet) -> None:
    children = fleet.pids()
    eventually(lambda: all(host.work_of(pid)[-1:] == ["begun"] for pid in children), "all work")
