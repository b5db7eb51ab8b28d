"""The functions that clients may start: a closed list of names, from the user's own packages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from notifier.domain.notice import FREE_TEMPLATE
from notifier.errors import SettingsError

USUAL_NAME = "TASKS"
GROUP = "notifier.tasks"
"""Of the entry points by which a package offers functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """call: gets the payload; and the task's id, the same in every attempt, where it has room."""

    call: Callable[..., Any]
    is_async: bool
    takes_id: bool


def load_registry(where: str, packaged: Sequence[str] = ()) -> Mapping[str, Function]:
    """where: `module` or `module:name`; "" for none. packaged: names of entry points.

    Imports these, and no entry point of another name. Raises SettingsError.
    """
    functions = _mapped(where) if where else {}
    for name in packaged:
        if name in functions:
            raise SettingsError(
                f"[tasks] packaged: {name!r} is in [tasks] registry {where!r} too; leave one out"
            )
        functions[name] = _packaged(name)
    return functions


def _packaged(name: str) -> Function:
    there = entry_points(group=GROUP)
    found = {one.value: one for one in there.select(name=name)}
    if not found:
        names = ", ".join(sorted(there.names)) or "none"
        raise SettingsError(
            f"[tasks] packaged: no installed package offers {name!r} in the entry-point group "
            f"{GROUP}; offered: {names}"
        )
    if len(found) > 1:
        raise SettingsError(
            f"[tasks] packaged: {name!r} is offered by {' and by '.join(sorted(found))}; "
            "uninstall all but one"
        )
    ((value, one),) = found.items()
    return _function(f"packaged, {value}", _name("packaged", name), _loaded(one))


def _loaded(one: EntryPoint) -> Any:
    try:
        return one.load()
    except Exception as error:  # whatever the package does when it is imported
        raise SettingsError(
            f"[tasks] packaged: {one.name!r}, {one.value}, cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def _mapped(where: str) -> dict[str, Function]:
    module, _, name = where.partition(":")
    try:
        found = getattr(import_module(module), name or USUAL_NAME)
    except Exception as error:  # whatever the user's module does when it is imported
        raise SettingsError(
            f"[tasks] registry {where!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Mapping):
        raise SettingsError(f"[tasks] registry {where!r} is no mapping from names to functions")
    place = f"registry {where!r}"
    return {_name(place, name): _function(place, name, call) for name, call in found.items()}


def _name(where: str, name: object) -> str:
    if not isinstance(name, str) or not FREE_TEMPLATE.fullmatch(name):
        raise SettingsError(
            f"[tasks] {where} has the name {name!r}; names are 1 to 64 letters, digits, "
            "'.', '_' or '-'"
        )
    return name


def _function(where: str, name: str, call: Any) -> Function:
    if not callable(call):
        raise SettingsError(f"[tasks] {where}: {name!r} is no function")
    places = [
        parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return Function(call=call, is_async=inspect.iscoroutinefunction(call), takes_id=len(places) > 1)
