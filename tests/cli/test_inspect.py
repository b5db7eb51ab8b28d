"""`audit`, `explain` and `list`, as somebody at a terminal or behind a pipe sees them."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

from notifier.domain.outcome import Sent
from tests.cli.acting import REFUSED, act, dead_one, notifier
from tests.house import House, json_of
from tests.store.scene import OPENID, Scene, order_no_of


def told(house: House, number: int = 1) -> UUID:
    async def do(scene: Scene) -> UUID:
        id_ = await scene.accept(number)
        await scene.attempt(id_, REFUSED, Sent())
        await scene.attempt(await scene.publisher_of(id_), Sent())
        return id_

    return act(house, do)


def test_a_clean_audit_says_what_it_looked_at(house: House) -> None:
    told(house)

    audit = notifier(house, "audit")

    assert audit.returncode == 0
    assert audit.stdout == (
        "2 notifications (2 sent), 3 attempts, 1 orders dispatched\nclean: all 19 checks hold\n"
    )


def test_a_broken_audit_names_the_row_and_ends_with_1(house: House) -> None:
    id_ = told(house)
    house.execute(f"UPDATE notifier_notification SET settled_at = NULL WHERE id = 0x{id_.hex}")

    audit = notifier(house, "audit")
    document = json_of(notifier(house, "audit", "--json").stdout)

    assert audit.returncode == 1
    assert f"  {id_} {order_no_of(1)}: sent, settled never" in audit.stdout
    assert "broken: 1 findings on 1 notifications" in audit.stdout
    assert document["clean"] is False
    assert document["findings"] == [
        {
            "check": "settled",
            "notification_id": str(id_),
            "order_no": order_no_of(1),
            "found": "sent, settled never, to be looked at never",
            "expected": "settled_at where it ended, next_sweep_at where it did not, "
            "or for a moment until the owner of a task is told",
        }
    ]


def test_a_timeline_behind_a_pipe_is_plain_and_narrow(house: House) -> None:
    id_ = told(house)

    explained = house.notifier("explain", order_no_of(1))

    assert explained.returncode == 0
    assert "\x1b" not in explained.stdout
    assert max(len(line) for line in explained.stdout.splitlines()) <= 100
    assert OPENID not in explained.stdout
    assert "designer  李伟测试 (13926)  wechat  oLvq…7ngk  sent: told" in explained.stdout
    assert str(id_) in explained.stdout
    line = next(line for line in explained.stdout.splitlines() if "retry" in line)
    moment = r"\d\d:\d\d:\d\d\.\d{3}"
    figures = rf"  1    1s  {moment}  {moment} +[\d.]+ ms +[\d.]+ ms  retry -1"
    assert re.fullmatch(figures, line), line
    assert "           step 1 of default: 0 s; system busy\n" in explained.stdout


def test_a_receiver_s_words_move_no_cursor(house: House) -> None:
    told(house)
    house.execute(
        "UPDATE notifier_attempt SET detail = CONCAT('oh', CHAR(10, 27), '[2J', CHAR(13)), "
        "code = CONCAT(CHAR(27), '[1m')"
    )

    explained = house.notifier("explain", order_no_of(1))

    assert "\x1b" not in explained.stdout
    assert "\r" not in explained.stdout


def test_a_timeline_as_json_has_the_moments_in_the_settings_time_zone(house: House) -> None:
    id_ = told(house)

    explained = json_of(notifier(house, "explain", str(id_), "--json").stdout)

    designer = explained[0]
    assert designer["notification"]["recipient"] == "oLvq…7ngk"
    assert designer["notification"]["accepted_at"].endswith("+08:00")
    assert [made["outcome"] for made in designer["attempts"]] == ["retry", "sent"]
    assert designer["in_words"]["state"] == "told"


def test_an_unknown_order_or_id_ends_with_1_and_a_clear_text(house: House) -> None:
    for key in ("nix", str(uuid4())):
        explained = notifier(house, "explain", key)
        assert explained.returncode == 1
        assert explained.stdout == ""
        assert explained.stderr.startswith(f"error: '{key}' is neither an order with notifications")


def test_lists_are_filtered_cut_and_counted(house: House) -> None:
    dead = dead_one(house, 1)
    told(house, 2)

    everything = notifier(house, "list", "--limit", "2")
    by_state = json_of(notifier(house, "list", "--state", "dead", "--json").stdout)
    by_order = json_of(notifier(house, "list", "--order", order_no_of(2), "--json").stdout)
    nobody = notifier(house, "list", "--due-before", "2020-01-01 00:00")

    assert "2 of 4; --limit shows more" in everything.stdout
    assert [(row["id"], row["reason"]) for row in by_state] == [(str(dead), "exhausted:-1")]
    assert {row["role"] for row in by_order} == {"designer", "publisher"}
    assert nobody.stdout == "0 notifications\n"


def test_a_moment_that_is_none_ends_with_2(house: House) -> None:
    listed = notifier(house, "list", "--due-before", "soon")

    assert listed.returncode == 2
    assert "due-before: 'soon'" in listed.stderr
