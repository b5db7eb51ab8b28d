"""What a fleet does when one of its processes dies, hangs, or loses its supervisor."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil

from tests.fleet.running import Fleet, Host, eventually, is_alive


def test_a_killed_process_is_replaced_and_its_leases_are_given_back(host: Host) -> None:
    fleet = host.start().wait_ready()
    killed = fleet.tier()
    worker_id = eventually(lambda: _worker_id(host, killed), "it works")

    os.kill(killed, signal.SIGKILL)

    eventually(lambda: _has_another(fleet, killed), "another is there")
    eventually(lambda: host.released() == [worker_id], "its leases are released")
    [died] = fleet.events("process_died")
    assert died["how"] == "killed by SIGKILL"
    assert died["restart_in_s"] == 0.2


def test_the_waits_between_restarts_double_until_the_fleet_gives_up(host: Host) -> None:
    fleet = host.start().wait_ready()
    host.tell_workers("refuse", "the table tg_order_task is missing")

    os.kill(fleet.tier(), signal.SIGKILL)

    assert fleet.wait_end() == 1
    assert [died["restart_in_s"] for died in fleet.events("process_died")] == [0.2, 0.4, 0.8, 1.6]
    assert "tier 1s died 5 times within a minute" in fleet.output()
    assert "the table tg_order_task is missing" in fleet.output().splitlines()[-1]


def test_a_process_that_hangs_is_killed_and_replaced(new_host: Callable[..., Host]) -> None:
    host = new_host(IMPATIENT_SILENCE_S="1")
    fleet = host.start().wait_ready()
    hanging = fleet.tier()

    os.kill(hanging, signal.SIGSTOP)

    eventually(lambda: _has_another(fleet, hanging), "another is there")
    [died] = fleet.events("process_died")
    assert died["how"].startswith("killed by SIGKILL: silent for ")


def test_processes_finish_their_work_and_end_when_the_supervisor_is_killed(host: Host) -> None:
    host.tell_workers("slow", "0.5")
    fleet = host.start().wait_ready()
    children = fleet.pids()
    eventually(lambda: all(_is_working(host, pid) for pid in children), "both work")

    os.kill(fleet.pid, signal.SIGKILL)

    eventually(lambda: not any(map(is_alive, children)), "all have ended", within_s=25)
    assert all(host.work_of(pid)[-1] == "finished" for pid in children)
    host.start().wait_ready()


def test_no_second_fleet_starts_while_orphans_of_the_first_still_work(host: Host) -> None:
    host.tell_workers("deaf")
    fleet = host.start().wait_ready()
    children = fleet.pids()

    os.kill(fleet.pid, signal.SIGKILL)
    refused = host.run("run-consumers")

    assert refused.returncode == 1
    assert "lost its supervisor" in refused.stderr
    assert all(str(pid) in refused.stderr for pid in children)
    (host.work / "deaf").unlink()
    eventually(lambda: not any(map(is_alive, children)), "all have ended", within_s=25)


def test_no_orphan_outlives_the_drain_time(new_host: Callable[..., Host]) -> None:
    host = new_host(NOTIFIER_FLEET_DRAIN_S="1")
    host.tell_workers("deaf")
    fleet = host.start().wait_ready()
    children = fleet.pids()

    os.kill(fleet.pid, signal.SIGKILL)

    eventually(lambda: not any(map(is_alive, children)), "all have ended", within_s=25)


def test_a_hanging_process_ends_without_its_supervisor_too(new_host: Callable[..., Host]) -> None:
    host = new_host(IMPATIENT_SILENCE_S="0.5")
    fleet = host.start().wait_ready()
    hanging = fleet.tier()

    os.kill(fleet.pid, signal.SIGSTOP)
    host.tell_workers(f"hang-{hanging}")
    eventually(lambda: "hanging" in host.work_of(hanging), "it hangs")
    os.kill(fleet.pid, signal.SIGKILL)

    eventually(lambda: not is_alive(hanging), "the kernel ended it", within_s=10)


def test_signals_of_a_terminal_do_not_end_the_processes(host: Host) -> None:
    fleet = host.start().wait_ready()
    child = psutil.Process(fleet.tier())

    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGHUP)
    before = len(host.work_of(child.pid))

    eventually(lambda: len(host.work_of(child.pid)) > before + 2, "it still works")


def _worker_id(host: Host, pid: int) -> str:
    path = host.work / f"work-{pid}"
    return path.read_text().split()[1] if path.exists() and path.stat().st_size else ""


def _is_working(host: Host, pid: int) -> bool:
    return host.work_of(pid)[-1:] == ["begun"]


def _has_another(fleet: Fleet, former: int) -> bool:
    pids = fleet.children().get("notifier: tier 1s", [])
    return bool(pids) and former not in pids and fleet.output().count("tier 1s    ready") == 2


def test_the_consumers_go_on_without_a_gateway_that_dies_again_and_again(
    new_host: Callable[..., Host],
) -> None:
    host = new_host(NOTIFIER_GATEWAY_PORT="0")
    fleet = host.start("--with-gateway").wait_ready()
    host.tell_workers("refuse-gateway", "its certificate has gone")
    (gateway,) = fleet.children()["notifier: gateway"]

    os.kill(gateway, signal.SIGKILL)

    eventually(lambda: fleet.events("fleet_goes_on_without"), "it is given up")
    assert is_alive(fleet.tier())
    (host.work / "refuse-gateway").unlink()
    eventually(lambda: fleet.children().get("notifier: gateway"), "it is back")
