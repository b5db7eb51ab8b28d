"""Sinks of the run log on this machine: the console, and a file per tier."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from datetime import tzinfo
from logging.handlers import RotatingFileHandler
from pathlib import Path

from notifier.dispatch.run_log import Line

FILE_BYTES = 50_000_000
FILES_KEPT = 5
TIME = "%Y-%m-%d %H:%M:%S"


class ConsoleSink:
    """`Y-m-d H:i:s {content}`"""

    name = "console"

    def __init__(self, time_zone: tzinfo) -> None:
        self._time_zone = time_zone

    async def write(self, lines: Sequence[Line]) -> None:
        for line in lines:
            sys.stdout.write(f"{line.at.astimezone(self._time_zone):{TIME}} {line.content}\n")
        sys.stdout.flush()


class FileSink:
    """` [{tier}] Received {content} ---> Y-m-d H:i:s` in `tier-{tier}.log`, rotated at 50 MB.

    A file is open only while it is written: other processes of the tier may rotate it.
    Source: the tiered-notification how-to's `Log/{n}.txt`.
    """

    name = "file"

    def __init__(self, folder: Path, time_zone: tzinfo) -> None:
        self._folder = folder
        self._time_zone = time_zone
        self._files: dict[int, logging.Handler] = {}

    async def write(self, lines: Sequence[Line]) -> None:
        texts: dict[int, list[str]] = {}
        for line in lines:
            at = line.at.astimezone(self._time_zone)
            text = f" [{line.tier}] Received {line.content} ---> {at:{TIME}}"
            texts.setdefault(line.tier, []).append(text)
        for tier, those in texts.items():
            # One record for all of them: the handler looks at the file before each.
            record = logging.LogRecord("tier", logging.INFO, "", 0, "\n".join(those), None, None)
            self._file(tier).handle(record)
            self._file(tier).close()

    def _file(self, tier: int) -> logging.Handler:
        if tier not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files[tier] = RotatingFileHandler(
                self._folder / f"tier-{tier}.log",
                maxBytes=FILE_BYTES,
                backupCount=FILES_KEPT,
                encoding="utf-8",
            )
        return self._files[tier]
