"""The parts of the overview, and how often each is asked for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from notifier.gateway.pages import documents
from notifier.gateway.pages.feed import Section
from notifier.gateway.pages.fleets import Fleets
from notifier.settings import Settings
from notifier.wiring.dashboard import Dashboard
from notifier.wiring.live import connected_clients

DEEDS_SHOWN = 20


def sections_of(
    dashboard: Dashboard, *, fleets: Fleets, settings: Settings, lead: timedelta
) -> list[Section]:
    """What costs more is asked for less often; with a million rows see docs/dashboard.md."""

    async def ladder() -> object:
        open_ones, pace = await asyncio.gather(
            dashboard.overview.on_their_way(), dashboard.overview.pace()
        )
        given_up = await dashboard.overview.given_up(pace.window)
        return documents.of_ladder(settings.fleet.tiers, open_ones, pace, given_up)

    async def counts() -> object:
        return documents.of_counts(await dashboard.overview.counts())

    async def calendar() -> object:
        return documents.of_calendar(await dashboard.overview.calendar(lead=lead))

    async def failures() -> object:
        return documents.of_failures(await dashboard.failures.grouped())

    async def endpoints() -> object:
        return documents.of_endpoints(await dashboard.endpoints.read(lead=lead))

    async def pauses() -> object:
        return documents.of_pauses(await dashboard.pauses.all())

    async def deeds() -> object:
        return documents.of_deeds(await dashboard.deeds.newest(DEEDS_SHOWN))

    async def clients() -> object:
        return documents.of_clients(await connected_clients(settings, most=0))

    return [
        Section("ladder", ladder),
        Section("fleets", fleets.read),
        Section("pauses", pauses),
        Section("counts", counts, every_s=2),
        Section("failures", failures, every_s=3),
        Section("endpoints", endpoints, every_s=3),
        Section("deeds", deeds, every_s=2),
        Section("clients", clients, every_s=15),
        Section("calendar", calendar, every_s=10),
    ]
