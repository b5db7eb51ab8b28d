"""The command line's root: one place that turns errors into a text and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import typer

from notifier import __version__
from notifier.client.quiet import log_as_a_library
from notifier.dispatch import failpoint
from notifier.errors import InvalidInput, NotifierError, SettingsError

app = typer.Typer(
    name="notifier",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tell somebody at the right moment, again until it is heard, and prove it afterwards.",
)
"""Exit codes: 0 done, 1 it failed, 2 what was asked is wrong and nothing was changed."""

GROUPS = (
    *("publish", "remind", "board", "fleet", "gateway", "clients", "key", "inspect"),
    *("dlq", "intervene", "pausing", "forget", "endpoint", "ladder", "outbox", "intake"),
    *("ops", "db", "loadtest", "operator", "sandbox", "stack"),
)
"""Modules of this package, each adding its commands to `app` when imported."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"notifier {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Settings come from NOTIFIER_* and notifier.toml; `notifier settings` prints them all."""


def private_folder() -> Path:
    """For what is private to a checkout; without one, to the working directory."""
    checkout = Path(__file__).parents[2]
    home = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return home / ".notifier"


def main() -> None:
    # A complaint in the log would stand beside our error, which says it with a remedy, and stdout
    # is for what was asked; commands that stay configure logs.
    logging.getLogger().addHandler(logging.NullHandler())
    log_as_a_library()
    failpoint.arm(os.environ.get(failpoint.VARIABLE))
    for group in GROUPS:
        import_module(f"notifier.cli.{group}")
    sys.exit(run_guarded(app))


def run_guarded(command: Callable[[], object]) -> int:
    """Run, and say on stderr what went wrong."""
    try:
        command()
    except (InvalidInput, SettingsError) as error:
        typer.echo(f"error: {error}", err=True)
        return 2
    except NotifierError as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    return 0
