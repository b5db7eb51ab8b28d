"""Webhooks from a submission to the receiver, through a real fleet, seen by an operator."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.domain.notification import ChannelName, Role
from notifier.domain.submission import Submission
from notifier.errors import InvalidInput
from notifier.stack import Stack
from tests.house import House, built, json_of, wait_for
from tests.sandbox.rig import Sandbox

PATH = "/webhook/shop"


@pytest.fixture
def house(stack: Stack, sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    """May call receivers on loopback, and has a key for their secrets."""
    with built(stack, sandbox, tmp_path) as house:
        house.environment |= {
            "NOTIFIER_EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
            "NOTIFIER_EGRESS_PORTS": "",
            "NOTIFIER_WEBHOOK_CA_FILE": str(sandbox.addresses["ca_file"]),
            "NOTIFIER_WEBHOOK_KEY": base64.b64encode(b"k" * 32).decode(),
            "NOTIFIER_LADDER_DELAYS_S": "0,0.2,0.4,0.6",
        }
        yield house


def add_shop(house: House, *options: str) -> str:
    """Registered and known to the sandbox; its secret."""
    url = house.sandbox.addresses["data_url"] + PATH
    added = house.notifier("endpoint", "add", "shop", url, "--json", *options)
    assert added.returncode == 0, added.stderr
    secret: str = json_of(added.stdout)["secret"]
    house.sandbox.control.webhooks({PATH: [secret]})
    return secret


def submissions(count: int, recipient: str = "endpoint:shop") -> list[Submission]:
    return [
        Submission(
            role=Role.RECIPIENT,
            channel=ChannelName.WEBHOOK,
            recipient=recipient,
            template="payment.paid",
            order_no=f"77{number:04d}",
            payload={"number": number},
        )
        for number in range(count)
    ]


def test_an_endpoint_and_a_url_hear_once_though_both_fail_at_first(house: House) -> None:
    add_shop(house)
    url = house.sandbox.addresses["data_url"] + "/webhook/direct"
    house.sandbox.control.script(
        [{"endpoint": "webhook", "per": "webhook_id", "times": 1, "action": "http:500"}]
    )
    house.start_fleet()

    asyncio.run(house.accept([*submissions(20), *submissions(5, url)]))
    wait_for(lambda: house.states()["sent"] == 25, 30, lambda: str(house.states()))

    effects = list(house.sandbox.control.effects())
    assert Counter(effect["path"] for effect in effects) == {PATH: 20, "/webhook/direct": 5}
    assert all(effect["is_verified"] for effect in effects if effect["path"] == PATH)
    assert {effect["wire_count"] for effect in effects} == {1}
    house.expect_clean_audit()

    [explained] = json_of(house.notifier("explain", "770003", "--json").stdout)[:1]
    first, second = explained["attempts"]
    assert (first["code"], first["answer"]["status"]) == ("http_500", 500)
    assert (second["outcome"], second["answer"]["body"]) == ("sent", "success")
    shown = house.notifier("explain", "770003").stdout
    assert "answered 500 after" in shown
    assert 'ms: "success"' in shown.replace("\n" + " " * 11, " ")


def test_an_endpoint_that_is_gone_rests_until_it_is_resumed(house: House) -> None:
    add_shop(house)
    house.sandbox.control.script([{"match": {"path": PATH}, "times": 1, "action": "http:410"}])
    house.start_fleet()

    asyncio.run(house.accept(submissions(1)))
    wait_for(lambda: house.states()["dead"] == 1, 15, lambda: str(house.states()))
    wait_for(lambda: "410" in house.notifier("endpoint", "list").stdout, 30)
    # Each process knows of the rest within a second; what comes before that is still sent.
    sent = count(house, until_one_is="scheduled")
    told = house.effects_of(PATH)
    assert told == sent
    waiting = house.rows("SELECT HEX(id) FROM notifier_notification WHERE state = 'scheduled'")
    explained = house.notifier("explain", waiting[0][0].lower()).stdout
    assert "endpoint shop is at rest: it answered 410: gone" in unwrapped(explained)

    resumed = house.notifier("endpoint", "resume", "shop")
    assert "put off: 1" in resumed.stdout
    wait_for(lambda: house.states()["sent"] == sent + 1, 15, lambda: str(house.states()))
    house.expect_clean_audit()


def count(house: House, *, until_one_is: str) -> int:
    """How many were sent before that."""
    for sent in range(1000):
        before = sum(house.states().values())
        asyncio.run(house.accept(submissions(1)))
        wait_for(lambda: house.states()["waiting"] + house.states()["in_flight"] == 0, 15)
        assert sum(house.states().values()) == before + 1
        if house.states()[until_one_is]:
            return sent
    pytest.fail(f"none became {until_one_is}")


def unwrapped(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.alone
def test_an_endpoint_gets_no_more_a_second_than_it_takes(house: House) -> None:
    add_shop(house, "--rate", "10")
    house.start_fleet()

    asyncio.run(house.accept(submissions(25)))
    wait_for(lambda: house.states()["sent"] == 25, 30, lambda: str(house.states()))

    moments = sorted(effect["received_at"] for effect in house.sandbox.control.effects())
    assert moments[-1] - moments[0] > 2.3
    assert all(later - earlier > 0.9 for earlier, later in zip(moments, moments[10:], strict=False))
    rows = house.rows("SELECT COUNT(*), MAX(attempt), MAX(step) FROM notifier_attempt")
    assert rows == [(25, 1, 0)], "holding back burns nothing"
    house.expect_clean_audit()


def test_operators_see_everything_but_the_secret(house: House) -> None:
    secret = add_shop(house, "--dialect", "alipay", "--ladder", "alipay", "--timeout", "5s")

    tested = house.notifier("endpoint", "test", "shop")
    rotated = house.notifier("endpoint", "rotate-secret", "shop", "--overlap", "1h", "--json")
    new = json_of(rotated.stdout)["secret"]
    house.sandbox.control.webhooks({PATH: [new]})
    again = house.notifier("endpoint", "test", "shop", "--json")
    shown = house.notifier("endpoint", "show", "shop", "--json")
    listed = house.notifier("endpoint", "list")

    assert (tested.returncode, again.returncode) == (0, 0), tested.stdout + tested.stderr
    assert 'ms: "success"\nheard' in tested.stdout
    assert json_of(again.stdout)["answer"]["status"] == 200
    document = json_of(shown.stdout)
    assert (document["dialect"], document["ladder"], document["timeout"]) == ("alipay", "alipay", 5)
    assert document["old_secret_until"] is not None
    assert "shop" in listed.stdout
    for output in (tested, again, shown, listed, house.notifier("endpoint", "show", "shop")):
        for one in (secret, new):
            assert one.removeprefix("whsec_") not in output.stdout + output.stderr

    assert house.notifier("endpoint", "pause", "shop", "--reason", "moving").returncode == 0
    assert "moving" in house.notifier("endpoint", "show", "shop").stdout
    assert house.notifier("endpoint", "resume", "shop").returncode == 0
    assert house.notifier("endpoint", "remove", "shop").returncode == 0
    assert house.notifier("endpoint", "show", "shop").returncode == 1


def test_a_secret_of_ones_own_comes_through_stdin_and_is_not_shown(house: House) -> None:
    url = house.sandbox.addresses["data_url"] + PATH
    secret = "whsec_" + base64.b64encode(b"s" * 24).decode()
    house.sandbox.control.webhooks({PATH: [secret]})

    added = house.notifier("endpoint", "add", "shop", url, "--secret-stdin", text=secret + "\n")

    assert added.returncode == 0
    assert secret not in added.stdout
    assert house.notifier("endpoint", "test", "shop").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["a b", "https://example.com/"], "endpoint: 'a b' is no name"),
        (["shop", "http://example.com/"], "url: is http"),
        (["shop", "https://localhost/"], "url: has a host without a domain"),
        (["shop", "https://169.254.169.254/"], "url: has an address that may not be reached"),
        (["shop", "https://example.com/", "--ladder", "x"], "ladder: there is no 'x'"),
        (["shop", "https://example.com/", "--timeout", "60s"], "timeout: 60 s is not between"),
        (["shop", "https://example.com/", "--rate", "0"], "rate: 0 is not above 0"),
        (["shop", "https://example.com/", "--secret-stdin"], "secret: must be whsec_"),
    ],
)
def test_bad_input_is_named_and_nothing_is_added(
    house: House, arguments: list[str], complaint: str
) -> None:
    added = house.notifier("endpoint", "add", *arguments, text="planted\n")

    assert added.returncode == 2
    assert complaint in added.stderr
    assert "planted" not in added.stderr
    assert house.rows("SELECT * FROM notifier_endpoint") == []


def test_without_a_key_no_endpoint_is_added(house: House) -> None:
    del house.environment["NOTIFIER_WEBHOOK_KEY"]
    added = house.notifier("endpoint", "add", "shop", "https://127.0.0.1/")

    assert added.returncode == 2
    assert "NOTIFIER_WEBHOOK_KEY" in added.stderr


@pytest.mark.parametrize(
    "recipient", ["endpoint:absent", "http://example.com/", "https://10.0.0.1/"]
)
def test_a_bad_recipient_is_refused_before_anything_is_accepted(
    house: House, recipient: str
) -> None:
    with pytest.raises(InvalidInput, match="recipient"):
        asyncio.run(
            house.accept([*submissions(1, "https://example.com/"), *submissions(1, recipient)])
        )

    assert sum(house.states().values()) == 0
