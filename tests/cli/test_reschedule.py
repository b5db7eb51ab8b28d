"""`notifier reschedule`, as a person uses it."""

from __future__ import annotations

from tests.cli.acting import act, dead_one, notifier, state_of
from tests.house import House, json_of
from tests.store.scene import Scene, order_no_of

ORDER = order_no_of(1)


def waiting_one(house: House) -> str:
    async def do(scene: Scene) -> str:
        return str(await scene.accept(1))

    return act(house, do)


def test_an_order_s_notification_moves_and_explain_says_who_and_why(house: House) -> None:
    id_ = waiting_one(house)

    moved = notifier(house, "reschedule", ORDER, "--delay", "2h", "--reason", "late\x1b[2J kitchen")
    again = notifier(house, "reschedule", id_, "--at", "2030-01-01 12:00", "--json")

    assert moved.returncode == 0, moved.stderr
    assert moved.stdout.startswith(f"{id_} {ORDER}: scheduled, attempt 1 is due ")
    assert json_of(again.stdout)[0]["done"] == "scheduled, attempt 1 is due 2030-01-01 04:00:00 UTC"
    explained = notifier(house, "explain", id_).stdout
    assert ": late [2J kitchen" in explained
    assert "to 2030-01-01 12:00:00.000\n" in explained
    assert "\x1b" not in explained
    changes = json_of(notifier(house, "explain", id_, "--json").stdout)[0]["rescheduled"]
    assert [change["to_at"] for change in changes][1] == "2030-01-01T12:00:00.000000+08:00"
    listed = json_of(notifier(house, "list", "--due", "2030-01-01", "--json").stdout)
    assert [row["id"] for row in listed] == [id_]


def test_what_has_ended_ends_with_1_and_a_bad_moment_with_2(house: House) -> None:
    dead = dead_one(house)

    refused = notifier(house, "reschedule", str(dead), "--delay", "10m")
    nobody = notifier(house, "reschedule", "nix", "--delay", "10m")
    said = {
        arguments: notifier(house, "reschedule", ORDER, *arguments).stderr
        for arguments in [(), ("--at", "soon"), ("--delay", "soon"), ("--at", "1", "--delay", "1")]
    }

    assert refused.returncode == nobody.returncode == 1
    assert f"{dead} {ORDER}: is already dead; `notifier dlq replay`" in refused.stderr
    assert "no notification of an order 'nix'" in nobody.stderr
    assert said[()] == said["--at", "1", "--delay", "1"]
    assert "say either --at MOMENT or --delay DURATION" in said[()]
    assert said["--at", "soon"].startswith("error: at: 'soon' is no time")
    assert said["--delay", "soon"].startswith("error: delay: 'soon' is no duration")
    assert state_of(house, dead) == "dead"


def test_without_a_broker_it_moves_and_says_that_it_waits_for_one(house: House) -> None:
    id_ = waiting_one(house)

    moved = notifier(
        house,
        *("reschedule", id_, "--delay", "30s"),
        NOTIFIER_AMQP_URL="amqp://guest:guest@127.0.0.1:1/",
    )

    assert moved.returncode == 0
    assert moved.stdout.startswith(f"{id_} {ORDER}: waiting, attempt 1 is due ")
    assert "told when the broker is back: not connected to RabbitMQ" in moved.stderr
    ((soon,),) = house.rows("SELECT next_sweep_at <= NOW(6) FROM notifier_notification")
    assert soon
