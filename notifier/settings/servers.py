"""The servers: where they are, and what on them is ours."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from notifier.settings.section import Section


class Amqp(Section):
    url: SecretStr = SecretStr("amqp://localhost:5672/")
    """RabbitMQ: amqp:// or amqps://, user and vhost included."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    allow_plaintext: bool = False
    """Allow an unencrypted connection to another machine."""
    management_url: SecretStr | None = None
    """RabbitMQ's management API, http(s)://user:password@host:15672; for depths and checks."""
    management_password_file: Path | None = None
    """The password for management_url, in a file that nobody else can read."""
    exchange: str = Field("delay", min_length=1, max_length=80)
    """The x-delayed-message exchange."""
    queue_prefix: str = Field("delay_queue", min_length=1, max_length=80)
    """A tier's queue is this and its seconds."""
    delay: Literal["auto", "exchange", "queues"] = "auto"
    """What holds messages: the exchange, or a hold queue per tier; auto: the first there is."""
    delayed_type: Literal["direct", "topic"] = "direct"
    """How the exchange routes when the delay is over."""
    queue_type: Literal["quorum", "classic"] = "quorum"
    """classic only to share the objects of older programs; hold queues are quorum always."""
    hold_prefix: str = Field("", max_length=80)
    """A tier's hold queue is this and its seconds; empty: queue_prefix and '.hold.'."""
    dead_queue: str = Field("notifier.dead", min_length=1, max_length=80)
    """Holds what has no row or cannot be read."""
    accept_foreign_orders: bool = False
    """Take another program's ## record on a tier's queue as an order: who may write to the exchange
    may dispatch."""
    heartbeat_s: int = Field(30, ge=5, le=600)
    """AMQP heartbeat, seconds."""
    publish_timeout_s: float = Field(10, gt=0, le=120)
    """How long to wait for a publisher confirm, seconds."""


class Mysql(Section):
    url: SecretStr = SecretStr("mysql://root@localhost:3306/notifier")
    """MySQL 8 or MariaDB 10.6 and newer: mysql://user:password@host:port/database."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    ca_file: Path | None = None
    """Verify the server against this CA; without it only a loopback server is accepted."""
    allow_plaintext: bool = False
    """Allow an unencrypted connection to another machine."""
    pool_size: int = Field(4, ge=1, le=64)
    """Connections per process."""
    statement_timeout_s: float = Field(10, gt=0, le=300)
    """A statement that takes longer counts as the server being away, seconds."""


class Redis(Section):
    url: SecretStr = SecretStr("redis://localhost:6379/0")
    """redis:// or rediss://."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    prefix: str = Field("notifier:", min_length=1, max_length=64)
    """Every key begins with this."""


class Sandbox(Section):
    control_url: str | None = None
    """The sandbox's control port, for load tests."""
