"""How settings are printed: as the lines of a notifier.toml, with their meaning beside them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from notifier.settings_list import Shown


def print_settings(lines: Sequence[Shown]) -> None:
    """What differs from its default is marked with *."""
    console = Console(highlight=False, soft_wrap=True)
    section = ""
    for line in lines:
        if line.section != section:
            section = line.section
            console.print(f"\n[{section}]", style="bold", markup=False)
        console.print(_line(line))


def _line(line: Shown) -> Text:
    text = Text("  " if line.is_default else "* ")
    text.append(f"{line.name} = {line.value or '(none)'}", style="" if line.is_default else "green")
    notes = [line.meaning, line.bounds]
    if not line.is_default:
        notes.append(f"default {line.default or '(none)'}")
    text.append(f"\n      {line.environment}", style="dim")
    shown = "; ".join(note.rstrip(".") for note in notes if note)
    if shown:
        text.append(f"  {shown}", style="dim")
    return text
