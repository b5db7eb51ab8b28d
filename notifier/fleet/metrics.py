"""Prometheus metrics of a whole fleet on one port of the supervisor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import accumulate

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from notifier.errors import NotifierError
from notifier.fleet.report import LATENESS_BOUNDS_MS, Lateness, Tally
from notifier.fleet.status import FleetStatus

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def served(read: Callable[[], FleetStatus], port: int) -> Iterator[str]:
    """Serve on loopback while the body runs; yields the address. Raises NotifierError.

    read: called from other threads.  port: 0 takes a free one.
    """
    registry = CollectorRegistry()
    registry.register(FleetCollector(read))
    try:
        server, thread = start_http_server(port, addr=LOOPBACK, registry=registry)
    except OSError as error:
        raise NotifierError(
            f"metrics_port {port} cannot be used: {error.strerror}; give another --metrics-port"
        ) from error
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class FleetCollector(Collector):
    def __init__(self, read: Callable[[], FleetStatus]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask a fleet that has not started."""
        return ()

    def collect(self) -> Iterator[Metric]:
        status = self._read()
        yield _fleet(status)
        yield _uptime(status)
        yield from _gauges(status)
        yield from _counters(status)
        yield _lateness(status)


def _fleet(status: FleetStatus) -> Metric:
    family = GaugeMetricFamily(
        "notifier_up", "1 while every process is ready.", labels=["fleet", "version"]
    )
    family.add_metric([status.name, status.version], float(status.is_ready))
    return family


def _uptime(status: FleetStatus) -> Metric:
    return GaugeMetricFamily(
        "notifier_uptime_seconds", "Since the supervisor started.", value=status.uptime_s
    )


def _gauges(status: FleetStatus) -> Iterator[Metric]:
    ready = GaugeMetricFamily("notifier_processes_ready", "Processes at work.", labels=["tier"])
    wanted = GaugeMetricFamily("notifier_processes_wanted", "As configured.", labels=["tier"])
    in_flight = GaugeMetricFamily("notifier_in_flight", "Attempts under way.", labels=["tier"])
    for role in status.roles:
        ready.add_metric([role.role], role.ready)
        wanted.add_metric([role.role], role.wanted)
        in_flight.add_metric([role.role], role.in_flight)
    yield from (ready, wanted, in_flight, _memory(status))


def _memory(status: FleetStatus) -> Metric:
    family = GaugeMetricFamily(
        "notifier_resident_bytes", "Memory of all processes of a tier.", labels=["tier"]
    )
    family.add_metric(["supervisor"], status.rss_bytes)
    totals: dict[str, int] = {}
    for process in status.processes:
        role = process.kind if process.tier is None else str(process.tier)
        totals[role] = totals.get(role, 0) + process.rss_bytes
    for role, total in totals.items():
        family.add_metric([role], total)
    return family


def _counters(status: FleetStatus) -> Iterator[Metric]:
    outcomes = CounterMetricFamily(
        "notifier_outcomes", "What became of attempts.", labels=["tier", "outcome"]
    )
    restarts = CounterMetricFamily(
        "notifier_restarts", "Processes started again after a death.", labels=["tier"]
    )
    for role in status.roles:
        for field in fields(Tally):
            outcomes.add_metric([role.role, field.name], getattr(role.tally, field.name))
        restarts.add_metric([role.role], role.restarts)
    yield from (outcomes, restarts)


def _lateness(status: FleetStatus) -> Metric:
    family = HistogramMetricFamily(
        "notifier_lateness_seconds", "Start of an attempt minus its due moment.", labels=["tier"]
    )
    bounds = [f"{bound / 1000:g}" for bound in LATENESS_BOUNDS_MS] + ["+Inf"]
    for role in status.roles:
        lateness = role.lateness or Lateness()
        buckets = list(zip(bounds, map(float, accumulate(lateness.counts)), strict=True))
        family.add_metric([role.role], buckets=buckets, sum_value=lateness.sum_ms / 1000)
    return family
