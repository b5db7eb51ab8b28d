"""What `--help` says is what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import typer.main

from notifier.cli.app import GROUPS, app

SECTION = re.compile(r"(?<!\\)\[[a-z]+\]")


def _texts(command: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, command.help or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    for name, child in getattr(command, "commands", {}).items():
        yield from _texts(child, f"{path} {name}")


for group in GROUPS:
    import_module(f"notifier.cli.{group}")
TEXTS = dict(_texts(typer.main.get_command(app), "notifier"))


def test_the_texts_of_all_commands_are_looked_at() -> None:
    assert {"notifier", "notifier pause tier", "notifier topology apply"} <= TEXTS.keys()


@pytest.mark.parametrize("path", [path for path, text in TEXTS.items() if "[" in text])
def test_a_section_of_the_settings_is_not_taken_for_markup(path: str) -> None:
    assert not SECTION.findall(TEXTS[path])
