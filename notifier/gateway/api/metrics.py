"""Figures for Prometheus. What is not known just now is left out: a 0 would be a statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from notifier.domain.api_key import Scope
from notifier.errors import NotifierError
from notifier.gateway.part import Gateway

ANSWER_S = 5.0
Section = Callable[[], Awaitable[list[Metric]]]


class Metrics:
    def __init__(self, gateway: Gateway) -> None:
        self._keys = gateway.keys
        self._tools = gateway.tools
        self._figures = gateway.tools.figures
        self._tally = gateway.tally

    async def show(self, request: Request) -> Response:
        """Figures in Prometheus' text format.

        What is not known, because a server does not answer, is absent. Those of the fleet are on
        its own port: `run-consumers --metrics-port`.
        """
        await self._keys.require(request, Scope.READ)
        sections: list[Section] = [self._states, self._outbox, self._pauses, self._depths]
        found = await asyncio.gather(*(_known(section) for section in sections))
        families = [*self._own(), *(family for section in found for family in section)]
        registry = CollectorRegistry()
        registry.register(_Fixed(families))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _own(self) -> list[Metric]:
        accepted = CounterMetricFamily(
            "notifier_gateway_accepted",
            "Notifications this process has accepted.",
            value=self._tally.report().published,
        )
        broker = GaugeMetricFamily(
            "notifier_gateway_rabbitmq_up",
            "Whether this process reaches RabbitMQ.",
            value=float(self._tools.is_broker_up()),
        )
        return [accepted, broker]

    async def _states(self) -> list[Metric]:
        counts = await self._figures.counts()
        return [
            _labelled(
                "notifier_notifications",
                "By state.",
                "state",
                {s.value: n for s, n in counts.items()},
            )
        ]

    async def _outbox(self) -> list[Metric]:
        backlog = await self._figures.backlog()
        waiting, rejected = "notifier_outbox_waiting", "notifier_outbox_rejected"
        oldest = "notifier_outbox_oldest_seconds"
        return [
            GaugeMetricFamily(waiting, "Committed rows.", value=backlog.waiting),
            GaugeMetricFamily(oldest, "How long the first waits.", value=backlog.oldest_s),
            GaugeMetricFamily(rejected, "Rows kept aside.", value=backlog.rejected),
        ]

    async def _pauses(self) -> list[Metric]:
        pauses = await self._figures.pauses()
        return [
            _labelled(
                "notifier_pause", "1 for what rests.", "scope", {pause.scope: 1 for pause in pauses}
            )
        ]

    async def _depths(self) -> list[Metric]:
        depths = await self._figures.depths()
        if depths is None:
            return []
        ready = {str(tier): count for tier, count in depths.items()}
        return [_labelled("notifier_queue_ready", "Messages ready by tier.", "tier", ready)]


async def _known(section: Section) -> list[Metric]:
    try:
        async with asyncio.timeout(ANSWER_S):
            return await section()
    except (NotifierError, TimeoutError):
        return []


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


class _Fixed(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families
