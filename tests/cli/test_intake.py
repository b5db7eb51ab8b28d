"""`notifier intake`: what was kept aside is shown, retried or dropped; `check` speaks of it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shlex
import tomllib
from pathlib import Path
from uuid import uuid4

import orjson
import redis

from notifier.settings import Settings
from notifier.wiring.legacy import intake_worker, sources_of
from tests.cli.acting import Done, notifier
from tests.house import House

PAGE = (Path(__file__).parents[2] / "docs" / "legacy.md").read_text(encoding="utf-8")
OPENID = "oLvqQwo25p5myELvO5VXj0k-7ngk"
GOOD = f"1912136916313##150481##1576140373##{OPENID}##李伟测试##13926"
BAD = GOOD.replace("13926", "13,926")


def intake(house: House, *arguments: str, code: int = 0) -> Done:
    done = notifier(house, "intake", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def keep_aside(house: House, number: int, record: str = BAD) -> None:
    digest = hashlib.sha1(f"{number}".encode(), usedforsecurity=False).hexdigest()
    body = record.encode()
    house.execute(
        "INSERT INTO notifier_intake_rejected "
        "(id, way, digest, body, size, reason, rejected_at) VALUES "
        f"({number}, 'order', '{digest}', 0x{body.hex()}, {len(body)}, 'designer_id: bad', NOW(6))"
    )


def kept(house: House) -> list[int]:
    return [row[0] for row in house.rows("SELECT id FROM notifier_intake_rejected ORDER BY id")]


def test_nothing_kept_aside_is_well(house: House) -> None:
    assert "0 entries were kept aside" in intake(house, "list").stdout
    assert "ok       intake: switched off" in notifier(house, "check").stdout


def test_what_was_kept_aside_is_shown_with_the_reason_and_without_the_openid(house: House) -> None:
    keep_aside(house, 7)
    said = intake(house, "list").stdout
    assert "'1912136916313##150481##1576140373##oLvq…7ngk##李伟测试##13,926'" in said
    assert "designer_id: bad" in said
    document = orjson.loads(intake(house, "list", "--json").stdout)
    assert document["kept_aside"] == 1
    assert [(row["id"], row["way"]) for row in document["kept"]] == [(7, "order")]
    assert OPENID not in said + str(document)
    assert "problem  intake: 1 entries broke a rule and" in notifier(house, "check").stdout


def test_an_entry_is_retried_mended_or_dropped(house: House) -> None:
    for number in (1, 2, 3):
        keep_aside(house, number)
    refused = intake(house, "retry", "1", code=1)
    assert "0 entries accepted" in refused.stdout
    assert "1: designer_id: '13,926'" in refused.stderr
    assert "1 entries accepted" in intake(house, "retry", "1", "--record", GOOD).stdout
    assert "1 entries dropped" in intake(house, "drop", "2").stdout
    assert kept(house) == [3]
    assert house.rows("SELECT order_no, recipient FROM notifier_notification") == [
        ("1912136916313", OPENID)
    ]
    assert "1 entries dropped" in intake(house, "drop", "--all").stdout


def test_what_is_not_there_or_not_said_is_refused(house: House) -> None:
    assert "no entry 9 was kept aside" in intake(house, "drop", "9", code=1).stderr
    assert "no entry 9 was kept aside" in intake(house, "retry", "9", code=1).stderr
    assert "give an entry's id, or --all" in intake(house, "drop", code=2).stderr
    said = intake(house, "retry", "--all", "--record", GOOD, code=2).stderr
    assert "record: goes with one id" in said


def test_a_forgotten_person_is_among_them_no_more(house: House) -> None:
    keep_aside(house, 1)
    keep_aside(house, 2, BAD.replace(OPENID, "oSomebodyElse"))
    done = notifier(house, "forget", "--openid", OPENID, "--yes")
    assert done.returncode == 0, done.stderr
    assert kept(house) == [2]


def test_nor_is_he_in_redis_any_longer(house: House) -> None:
    name = uuid4().hex
    lists = {
        "NOTIFIER_INTAKE_ENABLED": "true",
        "NOTIFIER_INTAKE_ORDER_LIST": f"{name}:orders",
        "NOTIFIER_INTAKE_REMINDER_SET": f"{name}:queue",
    }
    others = [GOOD.replace(OPENID, f"{OPENID}s"), GOOD.replace(OPENID, "oSomebodyElse")]
    with redis.Redis.from_url(house.environment["NOTIFIER_REDIS_URL"]) as server:
        server.rpush(f"{name}:orders", GOOD, *others, BAD)
        server.rpush(f"{name}:orders:notifier:taken", GOOD)
        server.zadd(f"{name}:queue", {f"用户{OPENID}1731234567": 1, "用户x1731234567": 2})
        server.rpush(f"{name}:queue:notifier:taken", f"9\n用户{OPENID}1731234568")

        done = notifier(house, "forget", "--openid", OPENID, "--yes", **lists)

        assert "5 entries that waited in Redis" in done.stdout, done.stdout + done.stderr
        left = server.lrange(f"{name}:orders", 0, -1)
        assert [entry.decode() for entry in left] == others
        assert server.zrange(f"{name}:queue", 0, -1) == ["用户x1731234567".encode()]
        assert server.keys(f"{name}:*taken") == []


def test_what_the_page_puts_into_redis_is_taken(house: House) -> None:
    name = uuid4().hex
    changed = {"order_list": f"{name}:orders", "reminder_set": f"{name}:queue"}
    settings = house.settings.model_copy(
        update={"intake": house.settings.intake.model_copy(update=changed)}
    )
    with redis.Redis.from_url(house.environment["NOTIFIER_REDIS_URL"]) as server:
        for line in re.findall(r"^redis-cli (.*)$", PAGE, re.MULTILINE):
            word, key, *rest = shlex.split(line)
            server.execute_command(
                word, {"queue": f"{name}:queue"}.get(key, f"{name}:orders"), *rest
            )
    asyncio.run(take_all(settings))
    told = house.rows("SELECT role, recipient FROM notifier_notification ORDER BY role")
    assert told == [("designer", OPENID), ("recipient", "user-42")]
    assert kept(house) == []


async def take_all(settings: Settings) -> None:
    draining = asyncio.Event()
    running = asyncio.create_task(
        intake_worker(settings).run(ready=lambda: None, draining=draining)
    )
    async with asyncio.timeout(60):
        for source in sources_of(settings).values():
            while await source.waiting():
                await asyncio.sleep(0.02)
            await source.aclose()
    draining.set()
    await running


def test_the_page_names_settings_and_commands_that_there_are(house: House) -> None:
    for block in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        Settings(**tomllib.loads(block))
    for section, setting in re.findall(r"`\[(\w+)\] (\w+)`", PAGE):
        assert hasattr(getattr(house.settings, section), setting)
    for line in re.findall(r"^(notifier .*)$", PAGE, re.MULTILINE):
        words = shlex.split(line, comments=True)[1:]
        assert notifier(house, *words[:2], "--help").returncode == 0
        done = notifier(house, *words)
        assert done.returncode in (0, 1), done.stderr


def test_a_mended_record_of_another_encoding_is_refused_like_any_other(house: House) -> None:
    keep_aside(house, 1)
    gbk = GOOD.encode("gbk").decode(errors="surrogateescape")
    said = intake(house, "retry", "1", "--record", gbk, code=1).stderr
    assert "1: record: is not UTF-8: byte 0x" in said
    assert kept(house) == [1]
