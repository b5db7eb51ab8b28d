"""Who follows the account, and who does not want to hear from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from notifier.sandbox.options import SandboxError

_OPENID = re.compile(r"o[A-Za-z0-9_-]{5,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody with a well-formed openid follows, except those listed here.

    refused: openids, or `openid/template_id` for a refusal of one template.
    """

    unknown: frozenset[str] = frozenset()
    unfollowed: frozenset[str] = frozenset()
    blacklisted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def refusal(self, openid: str, template_id: str) -> int | None:
        """The errcode of a send to them, None if they receive it."""
        if openid in self.unknown or not _OPENID.fullmatch(openid):
            return 40003
        if openid in self.unfollowed:
            return 43004
        if openid in self.blacklisted:
            return 43019
        if openid in self.refused or f"{openid}/{template_id}" in self.refused:
            return 43101
        return None

    def changed(self, lists: Mapping[str, object]) -> People:
        """With the named lists replaced.

        Raises: SandboxError for a list of another name or of anything but texts.
        """
        known = [each.name for each in fields(self)]
        changes: dict[str, frozenset[str]] = {}
        for name, openids in lists.items():
            if name not in known:
                raise SandboxError(f"people: no list {name!r}; known: {known}")
            if not isinstance(openids, list) or not all(isinstance(each, str) for each in openids):
                raise SandboxError(f"people: {name} must be a list of openids, not {openids!r}")
            changes[name] = frozenset(openids)
        return replace(self, **changes)
