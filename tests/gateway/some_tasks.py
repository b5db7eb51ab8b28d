"""What a user's package would offer to its clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID


def add(payload: Mapping[str, Any]) -> int:
    return sum(payload["numbers"])


async def who(payload: Mapping[str, Any], id_: UUID) -> dict[str, str]:
    return {"task": str(id_), "name": payload.get("name", "")}


def fail(payload: Mapping[str, Any]) -> None:
    raise RuntimeError("secret words of the back end")


TASKS = {"add": add, "who": who, "fail": fail}
