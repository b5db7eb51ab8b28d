"""How a fleet comes up, and what keeps it from it."""

from __future__ import annotations

import os
from collections.abc import Callable

from tests.fleet.running import Fleet, Host, eventually, title_of


def test_every_process_has_a_title_that_names_its_work(standing: Fleet) -> None:
    titles = {title: len(pids) for title, pids in standing.children().items()}
    assert titles == {"notifier: tier 1s": 2, "notifier: tier 5s": 1, "notifier: calendar": 1}
    assert title_of(standing.pid) == "notifier: supervisor default"


def test_each_process_is_announced_when_it_is_ready(standing: Fleet) -> None:
    for label in ("tier 1s  ", "tier 1s/2", "tier 5s  ", "calendar "):
        assert f"{label:<10} ready (pid " in standing.output()


def test_a_second_fleet_of_the_name_is_refused_and_told_the_pid_of_the_first(
    standing_host: Host, standing: Fleet
) -> None:
    second = standing_host.run("run-consumers")

    assert second.returncode == 1
    assert f"'default' already runs on this host (pid {standing.pid})" in second.stderr
    assert "Traceback" not in second.stderr


def test_fleets_of_two_names_share_a_host(standing_host: Host, standing: Fleet) -> None:
    standing_host.start("--name", "night").wait_ready()

    shown = standing_host.run("status").stdout
    assert "fleet default on " in shown
    assert "fleet night on " in shown
    assert standing_host.run("stop", "--name", "night").returncode == 0
    assert title_of(standing.pid)


def test_a_fleet_waits_for_a_server_that_is_away(new_host: Callable[..., Host]) -> None:
    host = new_host(NOTIFIER_FLEET_GIVE_UP_AFTER="1")
    host.tell_workers("away")
    fleet = host.start()
    eventually(lambda: len(fleet.events("process_died")) >= 3, "it is tried again")

    (host.work / "away").unlink()

    fleet.wait_ready()


def test_wrong_settings_end_the_fleet_at_once(new_host: Callable[..., Host]) -> None:
    host = new_host(NOTIFIER_CHILD_WIRING="tests.fleet.misconfigured")
    fleet = host.start()

    assert fleet.wait_end() == 1
    assert "cannot start: [wechat] app_secret is missing" in fleet.output()
    assert len(fleet.events("process_died")) == 0


def test_a_run_directory_that_others_may_enter_is_refused(host: Host) -> None:
    os.mkdir(host.folder / "run")
    os.chmod(host.folder / "run", 0o755)  # noqa: S103

    refused = host.run("run-consumers")

    assert refused.returncode == 1
    assert "is open to others (mode 755); run: chmod 700" in refused.stderr


def test_options_that_make_no_sense_are_refused_before_anything_starts(host: Host) -> None:
    for arguments, reason in (
        (["--tiers", "3,1"], "1 comes after 3"),
        (["--tiers", ""], "tiers: the list is empty"),
        (["--processes", "2:1"], "'2' is no tier of this fleet, which has 1,3,5,15,30"),
        (["--name", "a/b"], "[fleet] name (NOTIFIER_FLEET_NAME)"),
    ):
        refused = host.run("run-consumers", *arguments)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr


def test_a_port_for_metrics_that_is_taken_is_named(host: Host, standing: Fleet) -> None:
    port = standing.output().split("127.0.0.1:")[1].split("/")[0]

    refused = host.run("run-consumers", "--name", "other", "--metrics-port", port)

    assert refused.returncode == 1
    assert f"metrics_port {port} cannot be used" in refused.stderr
