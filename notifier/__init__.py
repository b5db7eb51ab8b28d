"""A RabbitMQ consumer fleet with tiered retry that can prove who was told, when, and why not."""

from __future__ import annotations

__version__ = "0.1.0"
