"""The functions that clients may start: a closed list of names, from the user's own package."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from notifier.domain.notice import FREE_TEMPLATE
from notifier.errors import SettingsError

USUAL_NAME = "TASKS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """call: gets the payload; and the task's id, the same in every attempt, where it has room."""

    call: Callable[..., Any]
    is_async: bool
    takes_id: bool


def load_registry(where: str) -> Mapping[str, Function]:
    """where: `module` or `module:name`; "" for none. Imports it. Raises SettingsError."""
    if not where:
        return {}
    module, _, name = where.partition(":")
    try:
        found = getattr(import_module(module), name or USUAL_NAME)
    except Exception as error:  # whatever the user's module does when it is imported
        raise SettingsError(
            f"[tasks] registry {where!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Mapping):
        raise SettingsError(f"[tasks] registry {where!r} is no mapping from names to functions")
    return {_name(where, name): _function(where, name, call) for name, call in found.items()}


def _name(where: str, name: object) -> str:
    if not isinstance(name, str) or not FREE_TEMPLATE.fullmatch(name):
        raise SettingsError(
            f"[tasks] registry {where!r} has the name {name!r}; names are 1 to 64 letters, digits, "
            "'.', '_' or '-'"
        )
    return name


def _function(where: str, name: str, call: Any) -> Function:
    if not callable(call):
        raise SettingsError(f"[tasks] registry {where!r}: {name!r} is no function")
    places = [
        parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return Function(call=call, is_async=inspect.iscoroutinefunction(call), takes_id=len(places) > 1)
