"""What registers endpoints, and what judges whom a webhook is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from notifier.channels.addresses import addresses_of_host
from notifier.channels.targets import check_target
from notifier.dispatch.addressing import Addresses
from notifier.dispatch.checkup import Fault, Seen
from notifier.dispatch.endpoints import Registry, RegistryRules
from notifier.settings import Settings
from notifier.store.endpoints import Endpoints
from notifier.store.mysql import Database
from notifier.wiring.parts import (
    ladders_of,
    open_database,
    seal_of,
    target_rules_of,
    webhook_channel,
)


def addresses_of(settings: Settings, database: Database) -> Addresses:
    rules = target_rules_of(settings)
    return Addresses(
        Endpoints(database, seal_of(settings)),
        check_url=partial(check_target, rules=rules, field="recipient"),
    )


async def look_at_webhooks(settings: Settings) -> Seen:
    """How many endpoints there are, what is opened for them, and whose secret cannot be read."""
    async with open_database(settings) as database:
        endpoints = Endpoints(database, seal_of(settings))
        standings = await endpoints.all()
        unreadable = await endpoints.unreadable()
    rest = sum(1 for standing in standings if standing.pause_reason)
    facts = [f"{len(standings)} endpoints", f"{rest} of them at rest"]
    egress = settings.egress
    opened = [*egress.allow_cidrs, *egress.allow_hosts, *(["http"] if egress.allow_http else [])]
    if opened:
        facts.append(f"opened for them: {', '.join(opened)}")
    return Seen(facts=facts, faults=[Fault(what=what) for what in unreadable])


@asynccontextmanager
async def open_registry(settings: Settings) -> AsyncIterator[Registry]:
    """Raises SettingsError for a bad key."""
    async with open_database(settings) as database, registry_on(database, settings) as registry:
        yield registry


@asynccontextmanager
async def registry_on(database: Database, settings: Settings) -> AsyncIterator[Registry]:
    """Raises SettingsError for a bad key."""
    channel = webhook_channel(settings, database)
    try:
        yield Registry(
            Endpoints(database, seal_of(settings)),
            channel=channel,
            rules=RegistryRules(
                ladders=tuple(ladders_of(settings)),
                longest_timeout=timedelta(seconds=settings.webhook.timeout_s),
                targets=target_rules_of(settings),
            ),
            resolve=addresses_of_host,
        )
    finally:
        await channel.close()
