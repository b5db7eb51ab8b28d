"""New code and settings come in without losing anything."""

from __future__ import annotations

import os
import signal

from tests.fleet.running import Host, eventually, is_alive


def test_reload_returns_when_new_processes_are_up_and_loses_nothing(host: Host) -> None:
    host.tell_workers("slow", "0.3")
    fleet = host.start(tiers="1,3").wait_ready()
    former = fleet.pids()

    reloaded = host.run("reload")

    assert (reloaded.returncode, reloaded.stdout) == (0, "fleet default: 3 processes replaced\n")
    assert len(fleet.pids() - former) == 3
    eventually(lambda: not any(map(is_alive, former)), "the former ones have ended")
    assert all(host.work_of(pid)[-1] == "finished" for pid in former)
    assert fleet.events("process_died") == []


def test_new_code_that_does_not_start_leaves_the_old_processes_at_work(host: Host) -> None:
    fleet = host.start().wait_ready()
    former = fleet.pids()
    host.tell_workers("refuse", "a syntax error, say")

    reloaded = host.run("reload")

    assert reloaded.returncode == 1
    assert "the new tier 1s did not start (exit code 1 (broken): a syntax" in reloaded.stderr
    assert "0 of 2 processes were replaced" in reloaded.stderr
    assert fleet.pids() == former
    eventually(lambda: host.run("status").returncode == 0, "it still answers")


def test_the_hangup_signal_reloads_too(host: Host) -> None:
    fleet = host.start().wait_ready()
    former = fleet.pids()

    os.kill(fleet.pid, signal.SIGHUP)

    eventually(lambda: "reloaded 2 processes" in fleet.output(), "it is reloaded")
    eventually(lambda: not any(map(is_alive, former)), "the former ones have ended")
    assert len(fleet.pids()) == 2


def test_a_replaced_process_that_dies_is_restarted_like_any_other(host: Host) -> None:
    fleet = host.start().wait_ready()
    assert host.run("reload").returncode == 0
    second = fleet.tier()

    os.kill(second, signal.SIGKILL)

    eventually(lambda: fleet.output().count("tier 1s    ready") == 3, "a third one is up")
