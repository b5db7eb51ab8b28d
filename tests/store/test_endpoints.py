"""Registered endpoints in MySQL, a process's copy of them, and their health."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.endpoint import Dialect, Endpoint, EndpointForm, new_secret
from notifier.errors import InvalidInput, NotFound, SettingsError, StoreUnavailable
from notifier.store.endpoint_copy import FEWEST_FAILURES, EndpointCopy
from notifier.store.endpoints import Endpoints
from notifier.store.mysql import Database, MysqlOptions
from notifier.store.pauses import MysqlPauses
from notifier.store.seal import Seal
from tests.core import Core, anybody

SEAL = Seal([base64.b64encode(b"k" * 32).decode()])
FORM = EndpointForm(
    name="shop",
    url="https://shop.example.com/notify",
    dialect=Dialect.ALIPAY,
    ladder="quick",
    rate_per_s=2.5,
    timeout=timedelta(seconds=3),
    http=True,
)
DAYS = timedelta(days=5)


@pytest.fixture
def endpoints(core: Core) -> Endpoints:
    return Endpoints(core.database, SEAL)


@pytest.fixture
def copy(core: Core) -> EndpointCopy:
    """A process's copy that looks again every time."""
    return EndpointCopy(core.database, SEAL, give_up_after=DAYS, fresh_s=0)


@pytest.fixture
def other_copy(core: Core) -> EndpointCopy:
    """Of another process."""
    return EndpointCopy(core.database, SEAL, give_up_after=DAYS, fresh_s=0)


async def found(copy: EndpointCopy, name: str = "shop") -> Endpoint:
    endpoint = await copy.find(name)
    assert endpoint is not None
    return endpoint


async def test_what_was_added_is_found_with_all_that_was_said(
    endpoints: Endpoints, copy: EndpointCopy
) -> None:
    secret = new_secret()
    await endpoints.add(FORM, secret)

    endpoint, standing = await found(copy), await endpoints.one("shop")

    assert (endpoint.form, endpoint.secrets, endpoint.failing_since) == (FORM, (secret,), None)
    assert standing.form == FORM
    assert (standing.pause_reason, standing.old_secret_until) == ("", None)
    assert [each.form.name for each in await endpoints.all()] == ["shop"]
    assert await endpoints.known(["shop", "Shop", "x"]) == {"shop"}


async def test_no_secret_lies_in_the_table_in_clear(core: Core, endpoints: Endpoints) -> None:
    secret = new_secret()
    await endpoints.add(FORM, secret)
    await endpoints.rotate("shop", new_secret(), overlap=timedelta(hours=1))

    rows = await core.database.fetch("SELECT * FROM notifier_endpoint")
    assert secret.removeprefix("whsec_").encode() not in repr(rows).encode()
    assert base64.b64decode(secret.removeprefix("whsec_")) not in b"".join(rows[0][3:5])


async def test_a_name_is_taken_once(endpoints: Endpoints) -> None:
    await endpoints.add(FORM, new_secret())
    with pytest.raises(InvalidInput, match="exists already"):
        await endpoints.add(FORM, new_secret())


async def test_nobody_changes_what_there_is_not(endpoints: Endpoints) -> None:
    for act in (
        endpoints.one("shop"),
        endpoints.rotate("shop", new_secret(), overlap=timedelta(0)),
        endpoints.remove("shop"),
        endpoints.forgive("shop"),
    ):
        with pytest.raises(NotFound, match="no endpoint 'shop'"):
            await act


async def test_after_a_rotation_both_secrets_sign_for_a_while(
    core: Core, endpoints: Endpoints, copy: EndpointCopy
) -> None:
    old, new = new_secret(), new_secret()
    await endpoints.add(FORM, old)
    assert (await found(copy)).secrets == (old,)

    await endpoints.rotate("shop", new, overlap=timedelta(seconds=0.5))

    assert (await found(copy)).secrets == (new, old)
    async with asyncio.timeout(30):
        while len((await found(copy)).secrets) > 1:
            await asyncio.sleep(0.05)
    assert (await found(copy)).secrets == (new,)
    assert (await endpoints.one("shop")).old_secret_until is None


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(
    endpoints: Endpoints, copy: EndpointCopy
) -> None:
    await endpoints.add(FORM, new_secret())
    new = new_secret()
    await endpoints.rotate("shop", new, overlap=timedelta(0))

    assert (await found(copy)).secrets == (new,)


async def test_what_is_removed_or_added_later_is_seen_by_every_process(
    endpoints: Endpoints, copy: EndpointCopy, other_copy: EndpointCopy
) -> None:
    assert await copy.find("shop") is None
    await endpoints.add(FORM, new_secret())
    assert await copy.find("shop")
    assert await other_copy.find("shop")

    await endpoints.remove("shop")
    assert await copy.find("shop") is None
    again = new_secret()
    await endpoints.add(FORM, again)
    for each in (copy, other_copy):
        assert (await found(each)).secrets == (again,)


async def test_within_a_second_nobody_looks_again(core: Core, endpoints: Endpoints) -> None:
    copy = EndpointCopy(core.database, SEAL, give_up_after=DAYS)
    await endpoints.add(FORM, new_secret())
    assert await copy.find("shop")
    await endpoints.remove("shop")

    assert await copy.find("shop")


async def test_what_was_added_this_very_second_is_found(core: Core, endpoints: Endpoints) -> None:
    copy = EndpointCopy(core.database, SEAL, give_up_after=DAYS)
    assert await copy.find("shop") is None

    await endpoints.add(FORM, new_secret())

    assert await copy.find("shop")


async def test_while_the_database_is_away_the_copy_will_do(
    core: Core, schema: MysqlOptions, endpoints: Endpoints
) -> None:
    nowhere = Database(replace(schema, url="mysql://root@127.0.0.1:1/notifier"))
    copy = EndpointCopy(core.database, SEAL, give_up_after=DAYS, fresh_s=0.01)
    await endpoints.add(FORM, new_secret())
    assert await copy.find("shop")

    copy._database = nowhere
    await asyncio.sleep(0.02)

    assert await copy.find("shop")
    with pytest.raises(StoreUnavailable):
        await copy.find("other")
    await nowhere.close()


async def test_a_secret_that_cannot_be_read_says_so(core: Core, endpoints: Endpoints) -> None:
    await endpoints.add(FORM, new_secret())
    blind = EndpointCopy(core.database, Seal([]), give_up_after=DAYS)

    with pytest.raises(SettingsError, match="shop was encrypted with another key"):
        await blind.find("shop")


async def test_removing_counts_what_waits_and_lifts_the_rest(
    core: Core, endpoints: Endpoints
) -> None:
    await endpoints.add(FORM, new_secret())
    await core.due(anybody(recipient="endpoint:shop"))
    await MysqlPauses(core.database).pause("endpoint:shop", until=None, reason="x", who="test")

    assert await endpoints.remove("shop") == 1
    assert await MysqlPauses(core.database).read() == {}


async def failing_since(core: Core) -> object:
    rows = await core.database.fetch("SELECT failing_since, failures FROM notifier_endpoint")
    return rows[0][0]


async def test_the_first_failure_is_remembered_until_a_success_in_any_process(
    core: Core, endpoints: Endpoints, copy: EndpointCopy, other_copy: EndpointCopy
) -> None:
    await endpoints.add(FORM, new_secret())
    await copy.note(await found(copy), heard=True)
    assert await failing_since(core) is None

    await copy.note(await found(copy), heard=False)
    first = await failing_since(core)
    await copy.note(await found(copy), heard=False)
    assert first == await failing_since(core) == (await found(other_copy)).failing_since

    await other_copy.note(await found(other_copy), heard=True)
    assert await failing_since(core) is None
    assert (await found(copy)).failing_since is None


async def test_what_works_writes_nothing(core: Core, endpoints: Endpoints) -> None:
    copy = EndpointCopy(core.database, SEAL, give_up_after=DAYS)
    await endpoints.add(FORM, new_secret())
    endpoint = await found(copy)
    before = await core.database.fetch("SELECT * FROM notifier_endpoint")
    for _ in range(100):
        await copy.note(endpoint, heard=True)

    assert await core.database.fetch("SELECT * FROM notifier_endpoint") == before


async def test_of_a_failing_one_a_process_writes_at_most_once_a_second(
    core: Core, endpoints: Endpoints
) -> None:
    copy = EndpointCopy(core.database, SEAL, give_up_after=DAYS)
    await endpoints.add(FORM, new_secret())
    for _ in range(50):
        await copy.note(await found(copy), heard=False)

    assert (await endpoints.one("shop")).failures in (1, 2)


async def age(database: Database, days: float, failures: int) -> None:
    await database.run(
        "UPDATE notifier_endpoint SET failing_since = NOW(6) - INTERVAL %s SECOND, failures = %s, "
        "changed_at = NOW(6)",
        [int(days * 86400), failures],
    )


@pytest.mark.parametrize(
    ("days", "failures", "is_paused"),
    [(5.01, FEWEST_FAILURES, True), (4.99, 1000, False), (30, 2, False)],
)
async def test_an_endpoint_that_has_failed_for_days_is_paused(
    core: Core,
    endpoints: Endpoints,
    copy: EndpointCopy,
    days: float,
    failures: int,
    is_paused: bool,
) -> None:
    await endpoints.add(FORM, new_secret())
    await age(core.database, days, failures)

    await copy.note(await found(copy), heard=False)

    standing = await endpoints.one("shop")
    assert bool(standing.pause_reason) is is_paused
    if is_paused:
        assert standing.pause_reason.startswith("it has failed since 20")
        assert (standing.paused_by, standing.paused_until) == ("notifier", None)


async def test_a_person_who_resumes_it_gives_it_another_chance(
    core: Core, endpoints: Endpoints, copy: EndpointCopy
) -> None:
    await endpoints.add(FORM, new_secret())
    await age(core.database, 6, 100)
    await copy.note(await found(copy), heard=False)

    await MysqlPauses(core.database).resume("endpoint:shop", reason="x", who="test")
    await endpoints.forgive("shop")
    await copy.note(await found(copy), heard=False)

    assert (await endpoints.one("shop")).pause_reason == ""


async def test_an_endpoint_that_is_gone_is_paused_for_good(
    endpoints: Endpoints, copy: EndpointCopy
) -> None:
    await endpoints.add(FORM, new_secret())
    await copy.disable("shop", reason="it answered 410: gone")

    assert (await endpoints.one("shop")).pause_reason == "it answered 410: gone"


async def test_its_notifications_climb_its_ladder_unless_they_ask_for_another(
    core: Core, endpoints: Endpoints
) -> None:
    await endpoints.add(FORM, new_secret())
    accepted = await core.accept(
        anybody(recipient="endpoint:shop"),
        anybody(recipient="endpoint:shop", ladder="short"),
        anybody(recipient="endpoint:other"),
        anybody(),
    )

    ladders = []
    for each in accepted.accepted:
        rows = await core.database.fetch(
            "SELECT ladder FROM notifier_notification WHERE id = %s", [each.id.bytes]
        )
        ladders.append(rows[0][0])
    assert ladders == ["quick", "short", "default", "default"]


async def test_a_ladder_that_the_settings_have_no_more_stops_nobody(
    core: Core, endpoints: Endpoints
) -> None:
    await endpoints.add(replace(FORM, ladder="gone"), new_secret())
    await core.accept(anybody(recipient="endpoint:shop"))

    assert await core.database.fetch("SELECT ladder FROM notifier_notification") == [("default",)]
