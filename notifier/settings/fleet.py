"""The processes, and what each of them does how often."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from notifier.domain.ladder import DEFAULT_TIERS, check_tiers, parse_tiers
from notifier.settings.section import Section, checked


class Fleet(Section):
    name: str = Field("default", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """Two fleets of one name on one host are refused."""
    tiers: Annotated[tuple[int, ...], NoDecode] = DEFAULT_TIERS
    """Seconds; one queue and at least one process for each."""
    concurrency: int = Field(200, ge=1, le=2000)
    """Attempts under way at once, per process."""
    run_dir: Path = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp")) / f"notifier-{os.getuid()}"  # noqa: S108
    """Lock and control socket; created with mode 0700."""
    drain_s: float = Field(30, ge=0, le=600)
    """How long SIGTERM lets work in flight finish, seconds."""
    heartbeat_s: float = Field(1, ge=0.1, le=60)
    """How often each process reports, seconds."""
    give_up_after: int = Field(5, ge=1, le=100)
    """Deaths of one child within a minute until the fleet stops with an error."""
    metrics_port: int | None = Field(None, ge=0, le=65535)
    """Prometheus metrics of the whole fleet on this port of loopback."""

    @field_validator("tiers", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return checked(parse_tiers, value) if isinstance(value, str) else value

    @field_validator("tiers")
    @classmethod
    def _check(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        tiers: tuple[int, ...] = checked(check_tiers, value)
        return tiers


class Attempt(Section):
    batch: int = Field(200, ge=1, le=2000)
    """Most claims or records in one statement."""
    pause_s: float = Field(60, ge=1, le=86400)
    """How long a channel rests after a quota or configuration refusal without a date, seconds."""


class Calendar(Section):
    horizon_s: float = Field(60, ge=1, le=86400)
    """What is due later than this waits in MySQL, seconds."""
    tick_s: float = Field(0.5, gt=0, le=60)
    """How often the calendar and the sweeper look, seconds."""
    batch: int = Field(500, ge=1, le=5000)
    """Rows promoted or swept in one transaction."""


class Outbox(Section):
    poll_s: float = Field(0.1, ge=0.01, le=60)
    """How often the fleet looks into notifier_outbox while nothing comes, seconds."""


class Retention(Section):
    days: int = Field(30, ge=0, le=36500)
    """How long what has ended is kept, with its attempts and its log lines, and what operators
    did; 0: for ever."""
    chunk: int = Field(500, ge=1, le=5000)
    """Rows looked at in one transaction."""


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    console: bool = True
    """A line per attempt on the console."""
    folder: Path | None = None
    """A line per attempt in tier-N.log of this folder, rotated."""
    mysql: bool = True
    """A line per attempt in tg_log_order_dispatch."""
    json_lines: bool = False
    """Console lines as JSON."""
