"""`notifier publish --to` and its JSON lines: any channel, and nothing accepted halfway."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.acting import Done, notifier
from tests.house import House

URL = "https://merchant.example.com/notify"
TEMPLATES = '{"ready": {"template_id": "T", "fields": {"k": "{dish}"}}}'
NOWHERE = "amqp://guest:hunter2@127.0.0.1:1/"
BROKEN = [
    ('{"channel": "sms", "recipient": "1"}', "channel"),
    ('{"channel": "webhook", "recipient": "http://merchant.example.com"}', "recipient"),
    ('{"channel": "webhook", "recipient": "https://127.0.0.1/"}', "recipient"),
    ('{"channel": "webhook", "recipient": "endpoint:nobody"}', "recipient"),
    ('{"channel": "push", "recipient": "u", "payload": [1]}', "payload"),
    ('{"channel": "push", "recipient": "u", "idempotency_key": ""}', "idempotency_key"),
    ('{"channel": "push", "recipient": "u", "ladder": "nix"}', "ladder"),
    ('{"channel": "wechat", "recipient": "oLvqQwo25p5"}', "template"),
    ('{"channel": "push"', "line"),
]


def publish(house: House, *arguments: str, code: int = 0, text: str = "", **more: str) -> Done:
    done = notifier(house, "publish", *arguments, text=text, **more)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def webhook(house: House, *arguments: str, **named: Any) -> Done:
    return publish(house, "--to", URL, "--channel", "webhook", *arguments, **named)


def rows(house: House, columns: str = "channel, recipient, template, payload") -> list[Any]:
    return house.rows(f"SELECT {columns} FROM notifier_notification ORDER BY id")


def test_anybody_can_be_told_anything_on_any_channel(house: House) -> None:
    webhook(house, "--template", "payment.succeeded", "--payload", '{"paid": "12.50"}')
    publish(house, "--to", "user-7", "--channel", "push", "--payload", "-", text='{"n": 1}')
    wechat = ["--to", "oLvqQwo25p5", "--channel", "wechat", "--template", "ready"]
    publish(house, *wechat, "--payload", '{"dish": "豆浆"}', NOTIFIER_WECHAT_TEMPLATES=TEMPLATES)
    assert rows(house) == [
        ("webhook", URL, "payment.succeeded", '{"paid":"12.50"}'),
        ("push", "user-7", "", '{"n":1}'),
        ("wechat", "oLvqQwo25p5", "ready", '{"dish":"豆浆"}'),
    ]
    assert set(rows(house, "role, order_book, state, ladder")) == {
        ("recipient", "none", "waiting", "default")
    }


def test_moment_ladder_deadline_and_order_are_kept(house: House) -> None:
    when = ["--at", "2099-01-01T08:00", "--deadline", "2099-01-02T08:00", "--ladder", "alipay"]
    webhook(house, *when, "--order-no", "1912136916313")
    assert rows(house, "state, due_at, deadline_at, ladder, order_no") == [
        (
            "scheduled",
            datetime(2099, 1, 1, tzinfo=UTC),
            datetime(2099, 1, 2, tzinfo=UTC),
            "alipay",
            "1912136916313",
        )
    ]


def test_the_same_key_is_accepted_once_and_another_content_is_refused(house: House) -> None:
    key = ["--idempotency-key", "payment-4711"]
    first = webhook(house, *key, "--payload", '{"paid": 1}').stdout.split()[0]
    again = webhook(house, *key, "--payload", '{"paid": 1}').stdout
    assert first in again
    assert "known already" in again
    other = webhook(house, *key, "--payload", '{"paid": 2}', code=2)
    assert "error: idempotency_key: 'payment-4711' was used before" in other.stderr
    assert "another payload" in other.stderr
    assert len(rows(house)) == 1


def test_without_a_key_every_time_is_a_new_one(house: House) -> None:
    webhook(house)
    webhook(house)
    assert len(rows(house)) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", URL], "channel: say how to reach --to: wechat, webhook or push"),
        (["--channel", "push"], "channel: goes with --to; in a file it is a field of the line"),
        (["--file", "-", "--payload", "{}"], "payload: goes with --to"),
        (["--to", URL, "--channel", "sms"], "channel: there is no 'sms'"),
        (["--to", "u", "--channel", "push", "--file", "-"], "give one of --order, --file and"),
        (["--to", "u", "--channel", "push", "--payload", "{"], "payload: is no JSON: "),
        (["--to", "u", "--channel", "push", "--payload", "@/nowhere"], "cannot read /nowhere"),
        (["--to", "u", "--channel", "push", "--ladder", "nix"], "ladder: there is no 'nix'"),
        (
            ["--to", "u", "--channel", "push", "--deadline", "1990-01-01"],
            "deadline: 1990-01-01 is no",
        ),
        (["--to", "oLvqQwo25p5", "--channel", "wechat"], "template: wechat needs one; the sett"),
    ],
)
def test_what_contradicts_or_means_nothing_is_refused(
    house: House, arguments: list[str], says: str
) -> None:
    assert says in publish(house, *arguments, code=2).stderr
    assert rows(house) == []


def test_every_bad_line_is_listed_with_its_field_and_nothing_is_sent(house: House) -> None:
    good = '{"channel": "push", "recipient": "user-1", "idempotency_key": "k-1"}'
    other = '{"channel": "push", "recipient": "user-2", "idempotency_key": "k-1"}'
    lines = [good, *(line for line, _ in BROKEN), "", other]
    said = publish(house, "--file", "-", code=2, text="\n".join(lines)).stderr
    for number, (_, field) in enumerate(BROKEN, 2):
        assert f"line {number}: {field}: " in said
    assert f"line {len(lines)}: idempotency_key: 'k-1' was used before, above" in said
    assert f"{len(BROKEN) + 1} bad lines, nothing sent" in said
    assert rows(house) == []


def test_skip_bad_sends_the_rest_and_json_names_lines_and_fields(house: House) -> None:
    good = '{"channel": "push", "recipient": "user-1", "idempotency_key": "k-1"}'
    text = "\n".join([good, BROKEN[0][0]])
    document = orjson.loads(publish(house, "--file", "-", "--skip-bad", "--json", text=text).stdout)
    assert [item["idempotency_key"] for item in document["accepted"]] == ["k-1"]
    assert [(item["line"], item["field"]) for item in document["bad"]] == [(2, "channel")]
    assert len(rows(house)) == 1


def test_a_file_may_mix_notices_and_records_and_options_fill_what_a_line_leaves_out(
    house: House, tmp_path: Path
) -> None:
    record = "1912136916313##150481##1795262400##oLvqQwo25p5myELvO5VXj0k##李伟##13926"
    own = '{"channel": "push", "recipient": "u-1", "delay": "1h", "ladder": "wechatpay"}'
    none = '{"channel": "push", "recipient": "u-2"}'
    file = tmp_path / "mixed.jsonl"
    file.write_text(f"{record}\n{own}\n{none}\n", encoding="utf-8")
    publish(house, "--file", str(file), "--delay", "2h", "--ladder", "alipay")
    found = house.rows(
        "SELECT role, ladder, ROUND(TIMESTAMPDIFF(SECOND, accepted_at, due_at) / 3600) "
        "FROM notifier_notification ORDER BY recipient"
    )
    assert [(role, ladder, int(hours)) for role, ladder, hours in found] == [
        ("designer", "alipay", 2),
        ("recipient", "wechatpay", 1),
        ("recipient", "alipay", 2),
    ]


def test_with_the_broker_down_it_is_accepted_all_the_same(house: House) -> None:
    done = webhook(house, NOTIFIER_AMQP_URL=NOWHERE)
    assert "will be sent when the broker is back" in done.stderr
    assert len(done.stdout.splitlines()) == len(rows(house)) == 1
    assert orjson.loads(webhook(house, "--json", NOTIFIER_AMQP_URL=NOWHERE).stdout)["held_up"]


def test_many_large_payloads_are_accepted_in_bites_that_the_server_takes(house: House) -> None:
    line = '{"channel": "push", "recipient": "u-1", "payload": {"text": "%s"}}' % ("'" * 60_000)
    said = publish(house, "--file", "-", text=f"{line}\n" * 300).stdout
    assert "300 accepted" in said
