"""Access tokens: two isolated families, as WeChat's classic and stable endpoints give them.

Source: WeChat's pages on access tokens (getAccessToken, getStableAccessToken).
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from notifier.sandbox.ledger import beijing_day
from notifier.sandbox.options import Behaviour

_RENEWED_BEFORE_S = 300
_CLASSIC, _STABLE = "classic", "stable"


@dataclass(slots=True, kw_only=True)
class _Token:
    value: str
    family: str
    issued_at: float
    expires_at: float
    works_until: float
    """Earlier than the expiry if it was replaced or revoked."""
    is_stuck: bool = False
    """Revoked, and yet handed out until a refresh is forced."""


class TokenOffice:
    """Issues and checks tokens; every method takes `now` in epoch seconds."""

    def __init__(self) -> None:
        self._tokens: dict[str, _Token] = {}
        self._current: dict[str, _Token] = {}
        self._asked: Counter[tuple[str, int]] = Counter()
        self._forced_at = float("-inf")

    def classic(self, behaviour: Behaviour, now: float) -> dict[str, object] | int:
        """A new token, the one before falling into its grace; or an errcode."""
        if self._is_over(_CLASSIC, beijing_day(now), behaviour.classic_per_day):
            return 45009
        return self._answer(self._replace(_CLASSIC, behaviour, now), now)

    def stable(
        self, behaviour: Behaviour, now: float, *, is_forced: bool
    ) -> dict[str, object] | int:
        """The current token with what is left of it, or a new one; or an errcode."""
        if self._is_over("stable-minute", int(now // 60), behaviour.stable_per_minute):
            return 45011
        if self._is_over(_STABLE, beijing_day(now), behaviour.stable_per_day):
            return 45009
        if is_forced and now - self._forced_at >= behaviour.force_gap_s:
            if self._is_over("force", beijing_day(now), behaviour.force_per_day):
                return 45009
            self._forced_at = now
            return self._answer(self._replace(_STABLE, behaviour, now), now)
        current = self._current.get(_STABLE)
        is_dead = current is not None and current.works_until < current.expires_at
        if current is None or (is_dead and not current.is_stuck):
            current = self._replace(_STABLE, behaviour, now)
        elif current.expires_at - now < _RENEWED_BEFORE_S:
            current = self._issue(_STABLE, behaviour, now)
        return self._answer(current, now)

    def refusal(self, value: str, now: float) -> int | None:
        """The errcode of a call with this token, None if it is good."""
        token = self._tokens.get(value)
        if token is None or (now >= token.works_until and token.works_until < token.expires_at):
            return 40001
        return 42001 if now >= token.expires_at else None

    def revoke(self, now: float, *, is_stuck: bool = False) -> None:
        """Let the current tokens be invalid from now on; stuck ones are handed out all the same."""
        for token in self._current.values():
            token.works_until = min(token.works_until, now)
            token.is_stuck = is_stuck

    def history(self) -> Iterator[dict[str, object]]:
        """Every token issued, told by a hash; the newest last."""
        for token in self._tokens.values():
            yield {
                "sha256": hashlib.sha256(token.value.encode()).hexdigest()[:8],
                "family": token.family,
                "issued_at": token.issued_at,
                "expires_at": token.expires_at,
                "works_until": token.works_until,
                "is_current": self._current.get(token.family) is token,
            }

    def _replace(self, family: str, behaviour: Behaviour, now: float) -> _Token:
        before = self._current.get(family)
        if before is not None:
            # A forced refresh kills at once; the classic endpoint leaves some minutes.
            grace_s = behaviour.token_grace_s if family == _CLASSIC else 0
            before.works_until = min(before.works_until, now + grace_s)
        return self._issue(family, behaviour, now)

    def _issue(self, family: str, behaviour: Behaviour, now: float) -> _Token:
        value = "86_" + secrets.token_urlsafe(behaviour.token_length)[: behaviour.token_length - 3]
        expires_at = now + behaviour.token_lifetime_s
        token = _Token(
            value=value,
            family=family,
            issued_at=now,
            expires_at=expires_at,
            works_until=expires_at,
        )
        self._tokens[value] = self._current[family] = token
        return token

    def _answer(self, token: _Token, now: float) -> dict[str, object]:
        return {"access_token": token.value, "expires_in": int(token.expires_at - now)}

    def _is_over(self, counter: str, period: int, limit: int) -> bool:
        self._asked[counter, period] += 1
        return bool(limit) and self._asked[counter, period] > limit
