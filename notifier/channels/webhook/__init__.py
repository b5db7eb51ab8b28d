"""Webhooks: a signed POST to a URL or to a registered endpoint."""

from __future__ import annotations

from notifier.channels.webhook.channel import EndpointBook, WebhookChannel
from notifier.channels.webhook.gates import GateRules
from notifier.channels.webhook.target import WebhookOptions

__all__ = ["EndpointBook", "GateRules", "WebhookChannel", "WebhookOptions"]
