"""Every setting as people read it: name, value, where it comes from, what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from notifier.settings import Settings

HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """value, default: as text; passwords as ***. environment: the variable that sets it.

    meaning: with its unit. bounds: "" where any value of the type will do.
    """

    section: str
    name: str
    value: str
    default: str
    environment: str
    meaning: str
    bounds: str
    is_default: bool


def shown(settings: Settings) -> Iterator[Shown]:
    """In the order of the source, which is the order of importance."""
    for section in Settings.model_fields:
        model: BaseModel = getattr(settings, section)
        for name, field in type(model).model_fields.items():
            value, default = getattr(model, name), _default(field)
            yield Shown(
                section=section,
                name=name,
                value=_text(value),
                default=_text(default),
                environment=f"NOTIFIER_{section.upper()}_{name.upper()}",
                meaning=" ".join((field.description or "").split()),
                bounds=_bounds(field),
                is_default=value == default,
            )


def _default(field: FieldInfo) -> object:
    default = field.get_default(call_default_factory=True)
    return "" if default is PydanticUndefined else default


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return _veiled(value.get_secret_value())
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {text}" for key, text in value.items())
    return str(value)


def _veiled(secret: str) -> str:
    """An address without its password and without its query, anything else not at all."""
    parts = urlsplit(secret)
    if not parts.scheme or not parts.hostname:
        return HIDDEN if secret else ""
    password = f":{HIDDEN}" if parts.password else ""
    user = f"{parts.username or ''}{password}@" if parts.username or password else ""
    query = f"?{HIDDEN}" if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{user}{host}{parts.path}{query}"


def _bounds(field: FieldInfo) -> str:
    words = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    found = []
    for rule in field.metadata:
        for attribute, word in words.items():
            limit = getattr(rule, attribute, None)
            if limit is not None:
                found.append(f"{word} {limit:g}")
    return ", ".join(found)
