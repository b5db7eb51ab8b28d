"""When somebody is told again."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator
from pydantic_settings import NoDecode

from notifier.domain.ladder import BUILT_IN, LONGEST_TIER_S, ladder_of
from notifier.settings.section import Section, checked

LadderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class NamedLadder(Section):
    delays_s: Annotated[tuple[float, ...], NoDecode] = BUILT_IN["default"]
    """Delay before each attempt, seconds, comma-separated."""
    jitter: float = Field(0, ge=0, le=1)
    """At most this part of a retry's delay is added to it, by chance."""
    give_up_after_s: float | None = Field(None, gt=0, le=LONGEST_TIER_S)
    """Nobody is told later than this after the first moment, seconds; unset: no such limit."""

    @field_validator("delays_s", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(float(part) for part in value.split(",") if part.strip())
        return value

    @field_validator("delays_s")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        checked(partial(ladder_of, "delays_s"), value)
        return value


class LadderSection(NamedLadder):
    """`default`, and others by name."""

    named: dict[LadderName, NamedLadder] = Field(default={})
    """More of them: [ladder.named.patient] delays_s = [60, 600, 3600]; `notifier ladder list`."""

    @field_validator("named")
    @classmethod
    def _check_names(cls, value: dict[str, NamedLadder]) -> dict[str, NamedLadder]:
        if "default" in value:
            raise ValueError("'default' is set by [ladder] delays_s itself")
        return value
