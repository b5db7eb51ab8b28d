"""What `notifier check` looks at: settings, servers, tables, broker objects, clocks, secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notifier.dispatch.checkup import Fault, Look, Seen
from notifier.settings import Settings
from notifier.store.condition import condition_of
from notifier.store.presence import RedisPresence
from notifier.store.upgrade import newest
from notifier.wiring import delay, operator, parts
from notifier.wiring.endpoints import look_at_webhooks
from notifier.wiring.gateway_look import look_at_gateway
from notifier.wiring.legacy import look_at_intake
from notifier.wiring.outbox import open_outbox_rows
from notifier.wiring.pausing import look_at_pauses

OUTBOX_LATE_S = 5.0
"""So long no row waits where a fleet runs."""
CLOCKS_APART = timedelta(seconds=1)
UPGRADE = "run `notifier db upgrade`"
OUTSIDE_SETTINGS = re.compile(r"NOTIFIER_(CONFIG|CHILD_.*|FAIL.*|TEST_.*)")
SECRET = re.compile(r"://[^/@\s]*:[^/@\s]+@|^\s*app_secret\s*=", re.MULTILINE)


def looks_of(settings: Settings) -> list[tuple[str, Look]]:
    """Subject and look, in the order people read them."""
    return [
        ("settings", lambda: _look_at_settings(os.environ)),
        ("MySQL", lambda: _look_at_mysql(settings)),
        ("orders", lambda: _look_at_orders(settings)),
        ("Redis", lambda: _look_at_redis(settings)),
        ("RabbitMQ", lambda: _look_at_rabbitmq(settings)),
        ("WeChat", lambda: _look_at_wechat(settings)),
        ("webhooks", lambda: look_at_webhooks(settings)),
        ("pauses", lambda: look_at_pauses(settings)),
        ("outbox", lambda: _look_at_outbox(settings)),
        ("intake", lambda: look_at_intake(settings)),
        ("gateway", lambda: look_at_gateway(settings)),
    ]


def topology_look(settings: Settings) -> Look:
    """RabbitMQ alone."""
    return lambda: _look_at_rabbitmq(settings)


async def _look_at_settings(environment: Mapping[str, str]) -> Seen:
    return _look_at_file(environment, [*_unknown_names(environment)])


def _look_at_file(environment: Mapping[str, str], faults: list[Fault]) -> Seen:
    path = Path(environment.get("NOTIFIER_CONFIG", "notifier.toml"))
    if not path.exists():
        if "NOTIFIER_CONFIG" in environment:
            what = f"NOTIFIER_CONFIG: there is no {path}"
            faults.append(Fault(what=what, remedy="mend the path, or unset it"))
        return Seen(facts=["from the environment alone"], faults=faults)
    if path.stat().st_mode & 0o077 and SECRET.search(path.read_text(encoding="utf-8")):
        what = f"{path} holds a secret, and others can read it"
        faults.append(Fault(what=what, remedy=f"chmod 600 {path}"))
    return Seen(facts=[f"{path}, and the environment"], faults=faults)


def _unknown_names(environment: Mapping[str, str]) -> Iterator[Fault]:
    known = tuple(f"NOTIFIER_{section.upper()}_" for section in Settings.model_fields)
    for name in sorted(environment):
        if not name.startswith("NOTIFIER_") or OUTSIDE_SETTINGS.fullmatch(name):
            continue
        if not name.startswith(known):
            yield Fault(
                what=f"{name} is set, and no setting has this name",
                remedy="`notifier settings` prints them all",
            )


async def _look_at_mysql(settings: Settings) -> Seen:
    async with parts.open_database(settings) as database:
        before = datetime.now(UTC)
        condition = await condition_of(database)
        middle = before + (datetime.now(UTC) - before) / 2
    faults = []
    if condition.revision != newest():
        what = f"tables at {condition.revision or 'no version'}, this program needs {newest()}"
        faults.append(Fault(what=what, remedy=UPGRADE))
    apart = condition.now - middle
    if abs(apart) > CLOCKS_APART:
        what = f"its clock is {apart.total_seconds():+.1f} s from this host's"
        faults.append(Fault(what=what, remedy="set both by NTP; decisions use the database's"))
    facts = [condition.version, f"tables at {condition.revision}"]
    return Seen(facts=[*facts, f"clock {apart / timedelta(milliseconds=1):+.0f} ms"], faults=faults)


async def _look_at_orders(settings: Settings) -> Seen:
    book = parts.order_books_of(settings).get("orders")
    if book is None:
        return Seen(facts=["switched off: there are only notifications"])
    async with parts.open_database(settings) as database:
        await book.probe(database)
    faults = []
    if settings.orders.publisher_column is None and settings.orders.tell_publishers:
        what = "[orders] publisher_column: none, so publishers are reported and not told"
        remedy = "name the column with their openid, or set tell_publishers = false"
        faults.append(Fault(what=what, remedy=remedy))
    return Seen(facts=[settings.orders.table], faults=faults)


async def _look_at_outbox(settings: Settings) -> Seen:
    async with open_outbox_rows(settings) as rows:
        backlog = await rows.backlog()
    faults = []
    if backlog.oldest_s > OUTBOX_LATE_S:
        what = f"{backlog.waiting} rows wait, the first for {backlog.oldest_s:.0f} s"
        faults.append(Fault(what=what, remedy="does a fleet run? `notifier status`"))
    if backlog.rejected:
        what = f"{backlog.rejected} rows broke a rule and were kept aside"
        faults.append(Fault(what=what, remedy="`notifier outbox list` says why"))
    return Seen(facts=[f"{backlog.waiting} rows wait"], faults=faults)


async def _look_at_redis(settings: Settings) -> Seen:
    url = settings.redis.url.get_secret_value()
    async with aclosing(RedisPresence(url, prefix=settings.redis.prefix)) as presence:
        fleets = await presence.everybody()
    return Seen(facts=["answers", f"{len(fleets)} fleets are there"])


async def _look_at_rabbitmq(settings: Settings) -> Seen:
    recorded = await delay.recorded(settings)
    async with operator.open_inspector(settings, recorded.mechanism) as inspector:
        facts = [f"RabbitMQ {inspector.version}", *recorded.facts]
        problems = await inspector.check()
    faults = [Fault(what=what) for what in recorded.problems]
    faults += [Fault(what=problem.what, remedy=problem.remedy) for problem in problems]
    if settings.amqp.management_url is None:
        what = "[amqp] management_url is not set: bindings, arguments and policies are not checked"
        faults.append(Fault(what=what, remedy="set NOTIFIER_AMQP_MANAGEMENT_URL"))
    elif not problems:
        facts.append(f"{len(settings.fleet.tiers)} tiers as they must be")
    return Seen(facts=facts, faults=faults)


async def _look_at_wechat(settings: Settings) -> Seen:
    wechat = settings.wechat
    if not wechat.app_id:
        what = "[wechat] app_id: not set, so what goes through WeChat waits"
        return Seen(faults=[Fault(what=what, remedy="set NOTIFIER_WECHAT_APP_ID and its secret")])
    if not wechat.secret():
        remedy = "set NOTIFIER_WECHAT_APP_SECRET or NOTIFIER_WECHAT_APP_SECRET_FILE"
        return Seen(faults=[Fault(what="[wechat] app_secret: not set", remedy=remedy)])
    if wechat.ca_file is not None and not wechat.ca_file.exists():
        what = f"[wechat] ca_file: there is no {wechat.ca_file}"
        return Seen(faults=[Fault(what=what, remedy="mend the path, or leave it out")])
    return Seen(facts=[f"account {wechat.app_id}", f"at {wechat.base_url}"])
