"""Whom one notification goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from yarl import URL

from notifier.channels.targets import TargetRules, check_target
from notifier.channels.webhook.gates import GateRules
from notifier.domain.endpoint import Dialect, Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """timeout: one request, connect included; an endpoint's own is never longer.

    secret: signs what goes to a URL that is no endpoint; "" for no signature. ca_file: trust this
    CA (PEM) instead of the system's. gates: how much one endpoint may take.
    """

    rules: TargetRules
    timeout: timedelta = timedelta(seconds=15)
    secret: str = field(default="", repr=False)
    ca_file: Path | None = None
    gates: GateRules = field(default_factory=GateRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """name: of the endpoint, or the origin of a URL that is none.

    endpoint: None for a URL that nobody registered.
    """

    name: str
    url: URL
    dialect: Dialect
    secrets: tuple[str, ...]
    timeout: timedelta
    endpoint: Endpoint | None


def target_of_url(options: WebhookOptions, recipient: str) -> Target:
    """Raises InvalidInput."""
    url = check_target(recipient, options.rules, field="recipient")
    return Target(
        name=str(url.origin()),
        url=url,
        dialect=Dialect.STANDARD,
        secrets=(options.secret,) if options.secret else (),
        timeout=options.timeout,
        endpoint=None,
    )
