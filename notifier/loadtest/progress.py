"""How far a run has come: bars on a terminal, else a line every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notifier.loadtest.watch import Tally

LINE_EVERY_S = 3.0


@contextmanager
def shown() -> Iterator[Callable[[Tally], None]]:
    """On stderr."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        accepted = progress.add_task("accepted", total=None)
        told = progress.add_task("told", total=None)

        def show(tally: Tally) -> None:
            progress.update(accepted, completed=tally.accepted, total=tally.wanted)
            progress.update(told, completed=tally.told, total=tally.expected)

        yield show


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_at = monotonic()

    def __call__(self, tally: Tally) -> None:
        if monotonic() < self._next_at:
            return
        self._next_at = monotonic() + LINE_EVERY_S
        self._console.print(
            f"{monotonic() - tally.began:5.0f} s  accepted {tally.accepted} of "
            f"{tally.wanted}, told {tally.told} of {tally.expected}",
            soft_wrap=True,
        )
