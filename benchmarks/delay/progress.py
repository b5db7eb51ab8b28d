"""How far a run has come: a bar on a terminal, else a line for each phase."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

_EVERY = 1_000


class Progress:
    """On stderr."""

    def __init__(self, console: Console, bars: Bars) -> None:
        self._console = console
        self._bars = bars
        self._mechanism = ""
        self._task = bars.add_task("starting", total=None)

    def mechanism(self, name: str) -> None:
        """What the next phases are about."""
        self._mechanism = name

    def phase(self, what: str, total: int | None = None) -> None:
        line = f"{self._mechanism}: {what}"
        if not self._console.is_terminal:
            self._console.print(line)
        self._bars.reset(self._task, description=line, total=total)

    def done(self, completed: int) -> None:
        self._bars.update(self._task, completed=completed)

    def counting(self, messages: Iterable[bytes]) -> Iterator[bytes]:
        """The same, counted as they are taken."""
        for number, message in enumerate(messages):
            if number % _EVERY == 0:
                self.done(number)
            yield message


@contextmanager
def shown() -> Iterator[Progress]:
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(
        *columns,
        console=console,
        refresh_per_second=2,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        yield Progress(console, bars)
