"""Dead letters from the command line, with the broker there and away."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import aio_pika
import pytest

from tests.cli.acting import act, dead_one, notifier, state_of, unknown_one
from tests.house import House, json_of, wait_for
from tests.store.scene import Scene, order_no_of

BODY = b"\x00\xff'not ours\n"
AWAY = {"NOTIFIER_AMQP_URL": "amqp://guest:guest@127.0.0.1:1/"}


def ready(house: House, queue: str) -> list[bytes]:
    """Take all messages that are ready."""

    async def run() -> list[bytes]:
        connection = await aio_pika.connect(house.environment["NOTIFIER_AMQP_URL"])
        bodies = []
        async with connection, connection.channel() as channel:
            found = await channel.get_queue(queue, ensure=False)
            while (message := await found.get(no_ack=True, fail=False)) is not None:
                bodies.append(message.body)
        return bodies

    return asyncio.run(run())


def first_queue(house: House) -> str:
    return f"{house.environment['NOTIFIER_AMQP_QUEUE_PREFIX']}1"


def test_a_replayed_one_is_published_with_its_new_schedule(house: House) -> None:
    id_ = dead_one(house)

    replayed = notifier(house, "dlq", "replay", str(id_))

    assert replayed.returncode == 0
    assert replayed.stdout == f"{id_} {order_no_of(1)}: waiting, attempt 4 is due now\n"
    bodies: list[bytes] = []

    def arrived() -> bool:
        bodies.extend(ready(house, first_queue(house)))
        return bool(bodies)

    wait_for(arrived, 30)
    message = json_of(bodies[0].decode())
    assert (message["notification_id"], message["attempt"]) == (str(id_), 4)
    assert notifier(house, "audit").returncode == 0


def test_without_a_broker_the_sweeper_publishes_later(house: House) -> None:
    id_ = dead_one(house)

    replayed = notifier(house, "dlq", "replay", str(id_), **AWAY)

    assert replayed.returncode == 0
    assert "they are sent when the broker is back" in replayed.stderr
    rows = house.rows("SELECT next_sweep_at <= NOW(6) FROM notifier_notification "
                      f"WHERE id = 0x{id_.hex} AND state = 'waiting'")  # fmt: skip
    assert rows == [(1,)]


def test_all_of_a_reason_are_replayed_and_others_are_not(house: House) -> None:
    dead, unknown = dead_one(house, 1), unknown_one(house, 2)

    replayed = notifier(house, "dlq", "replay", "--reason", "exhausted", "--yes")

    assert replayed.returncode == 0
    assert (state_of(house, dead), state_of(house, unknown)) == ("waiting", "unknown")


def test_many_are_replayed_only_when_somebody_says_yes(house: House) -> None:
    id_ = dead_one(house)

    asked = notifier(house, "dlq", "replay", "--all")
    assert asked.returncode == 1
    assert "replay 1 notifications?" in asked.stderr
    assert state_of(house, id_) == "dead"

    notifier(house, "dlq", "replay", "--all", text="y\n")
    assert state_of(house, id_) == "waiting"


def test_an_unknown_one_is_refused_without_force(house: House) -> None:
    id_ = unknown_one(house)

    refused = notifier(house, "dlq", "replay", str(id_))
    forced = notifier(house, "dlq", "replay", str(id_), "--force", "--json")

    assert refused.returncode == 1
    assert "may have told already" in refused.stderr
    assert forced.returncode == 0
    assert json_of(forced.stdout)[0]["done"] == "waiting, attempt 4 is due now"


def test_dead_ones_are_listed_shown_and_dropped(house: House) -> None:
    id_ = dead_one(house)

    listed = notifier(house, "dlq", "list", "--reason", "exhausted")
    shown = notifier(house, "dlq", "show", str(id_))
    dropped = notifier(house, "dlq", "drop", str(id_), "--yes")

    assert str(id_) in listed.stdout
    assert "exhausted:-1" in listed.stdout
    assert f"notifier dlq replay {id_}" in shown.stdout
    assert dropped.returncode == 0
    assert state_of(house, id_) == "cancelled"
    assert notifier(house, "dlq", "list").stdout.startswith("0 notifications")


def test_what_has_no_row_is_counted_and_shown_as_it_came(house: House) -> None:
    queue = house.environment["NOTIFIER_AMQP_DEAD_QUEUE"]

    async def bury() -> None:
        connection = await aio_pika.connect(house.environment["NOTIFIER_AMQP_URL"])
        async with connection, connection.channel() as channel:
            reason = "body: is no JSON"
            message = aio_pika.Message(BODY, headers={"x-notifier-reason": reason})
            await channel.default_exchange.publish(message, queue)

    asyncio.run(bury())
    counted = notifier(house, "dlq", "list")
    shown = notifier(house, "dlq", "list", "--queue")
    again = json_of(notifier(house, "dlq", "list", "--queue", "--json").stdout)

    assert "1 messages without a row" in counted.stdout
    assert shown.stdout == "body: is no JSON: \\x00\\xff'not ours\\n\n"
    assert again == [
        {"reason": "body: is no JSON", "body": "\\x00\\xff'not ours\\n", "headers": {}}
    ]
    assert ready(house, queue) == [BODY]


@pytest.mark.parametrize(("answer", "state"), [("--sent", "sent"), ("--dead", "dead")])
def test_a_person_resolves_what_is_unknown(house: House, answer: str, state: str) -> None:
    id_ = unknown_one(house)

    resolved = notifier(house, "resolve", str(id_), answer)

    assert resolved.returncode == 0
    assert state_of(house, id_) == state
    assert notifier(house, "audit").returncode == 0


def test_an_order_is_cancelled_as_a_whole(house: House) -> None:
    id_ = act(house, lambda scene: scene.accept())

    cancelled = notifier(house, "cancel", order_no_of(1))

    assert cancelled.returncode == 0
    assert cancelled.stdout == f"{id_} {order_no_of(1)}: cancelled\n"
    assert notifier(house, "cancel", order_no_of(1)).returncode == 1
    assert notifier(house, "cancel", "nix").stderr == "error: no notification of an order 'nix'\n"


def test_a_half_told_order_is_cancelled_where_it_still_can_be(house: House) -> None:
    async def do(scene: Scene) -> None:
        await scene.tell()
        await scene.database.run(
            "UPDATE notifier_notification SET state = 'waiting' WHERE role = 'publisher'"
        )

    act(house, do)

    cancelled = notifier(house, "cancel", order_no_of(1))

    assert cancelled.returncode == 0
    assert "is already sent" in cancelled.stderr
    assert ": cancelled" in cancelled.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("dlq", "replay"), "ids: give ids, or --reason, or --all"),
        (("dlq", "replay", "--all", "--reason", "x"), "ids: give ids, or --reason, or --all"),
        (("dlq", "drop", "nix"), "id: 'nix' is no notification's id"),
        (("resolve", str(uuid4())), "resolve: say --sent or --dead"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2(
    house: House, arguments: tuple[str, ...], text: str
) -> None:
    answer = notifier(house, *arguments)

    assert answer.returncode == 2
    assert text in answer.stderr
