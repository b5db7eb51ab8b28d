"""What the dashboard reads, and what it acts with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from notifier.dispatch.desk import OperatorDesk
from notifier.dispatch.explain import Explainer
from notifier.dispatch.login import Login
from notifier.settings import Settings
from notifier.store.endpoint_overview import EndpointOverview
from notifier.store.failures import FailureRows
from notifier.store.mysql import Database
from notifier.store.operators import Deeds, Operators
from notifier.store.overview import OverviewRows
from notifier.store.pauses import MysqlPauses
from notifier.store.presence import RedisPresence
from notifier.wiring.gateway import Tools
from notifier.wiring.parts import mysql_options, open_database

CONNECTIONS = 3
"""Of its own, so that nobody who looks takes one from those who submit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    login: Login
    desk: OperatorDesk
    explainer: Explainer
    overview: OverviewRows
    failures: FailureRows
    endpoints: EndpointOverview
    pauses: MysqlPauses
    deeds: Deeds
    presence: RedisPresence


@asynccontextmanager
async def open_dashboard(settings: Settings, tools: Tools) -> AsyncIterator[Dashboard]:
    """Raises SettingsError."""
    database = Database(replace(mysql_options(settings), pool_size=CONNECTIONS))
    presence = RedisPresence(settings.redis.url.get_secret_value(), prefix=settings.redis.prefix)
    try:
        yield _dashboard(settings, tools, database, presence)
    finally:
        await presence.aclose()
        await database.close()


@asynccontextmanager
async def open_operators(settings: Settings) -> AsyncIterator[Operators]:
    async with open_database(settings) as database:
        yield Operators(database)


def _dashboard(
    settings: Settings, tools: Tools, database: Database, presence: RedisPresence
) -> Dashboard:
    deeds = Deeds(database)
    return Dashboard(
        login=Login(Operators(database)),
        desk=OperatorDesk(
            find=tools.desk.listing,
            deeds=deeds,
            replay=tools.desk.replay,
            pausing=tools.desk.pausing,
            tiers=settings.fleet.tiers,
        ),
        explainer=tools.desk.explainer,
        overview=OverviewRows(database),
        failures=FailureRows(database),
        endpoints=EndpointOverview(database),
        pauses=MysqlPauses(database),
        deeds=deeds,
        presence=presence,
    )
