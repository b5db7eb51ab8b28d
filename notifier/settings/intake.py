"""What older programs put into Redis, and where it is taken from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from notifier.settings.section import Section


class Intake(Section):
    enabled: bool = False
    """True: the fleet has a process that takes what older programs put into Redis."""
    url: SecretStr | None = None
    """The Redis of those programs; unset: that of [redis]."""
    password_file: Path | None = None
    """The password for url, in a file that nobody else can read."""
    order_list: str = Field("order_designer_list", max_length=200)
    """The list of ## records; empty: none is taken."""
    reminder_set: str = Field("queue", max_length=200)
    """The sorted set of who is to be reminded; its scores are unix seconds; empty: none."""
    taken_suffix: str = Field(":notifier:taken", min_length=1, max_length=40)
    """The list beside each of them, where an entry is until MySQL has it."""
    reminder_channel: Literal["push", "wechat", "webhook"] = "push"
    """How those of the sorted set are told."""
    reminder_to: str = Field("", max_length=2048)
    """Whom to call for them, where the channel is webhook: https://… or endpoint:NAME."""
    reminder_member: str = "用户(?P<recipient>.+)[0-9]{10}"
    """What a member looks like: a regular expression whose group `recipient` is who is told."""
    reminder_after_s: float = Field(0, ge=0, le=31_622_400)
    """Added to the score, where that is the moment of the order, seconds."""
    poll_s: float = Field(0.5, ge=0.01, le=60)
    """How often to look while nothing comes, seconds."""

    @field_validator("reminder_member")
    @classmethod
    def _check(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        if "recipient" not in groups:
            raise ValueError("has no group (?P<recipient>…)")
        return value
