"""Values of which each notification makes a dozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(kind: type[Kind]) -> type[Kind]:
    """A slotted, keyword-only dataclass that is frozen for the type checker alone.

    Python's own frozen ones are made two and a half times as slowly: for one of eight fields 1.1 us
    instead of 0.4.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(kind)
