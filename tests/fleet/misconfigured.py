"""Stands in for `notifier.wiring.fleet` where the settings are wrong."""

from __future__ import annotations

from notifier.domain.worker import Worker
from notifier.errors import SettingsError
from notifier.settings import Settings


def worker_for(_settings: Settings, _kind: str, _tier: int | None) -> Worker:
    raise SettingsError("[wechat] app_secret is missing")
