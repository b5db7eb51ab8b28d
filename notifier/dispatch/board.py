"""Looking at what is due next: from Redis, which whoever looks keeps up to date from MySQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from notifier.domain.board import Board
from notifier.errors import StoreUnavailable

MOST = 1000
"""How many a board has room for."""


class NextDue(Protocol):
    async def read(self, most: int) -> Board:
        """From MySQL. Raises StoreUnavailable, StoreError."""
        ...


class Kept(Protocol):
    @property
    def board(self) -> Board | None: ...
    @property
    def is_my_turn(self) -> bool: ...


class KeptBoard(Protocol):
    async def look(self, most: int) -> Kept:
        """From Redis. One of all who look within a second has the turn. Raises StoreUnavailable."""
        ...

    async def replace(self, board: Board) -> None:
        """Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """trouble: which server was away, and what was done instead; "" where none was."""

    board: Board
    trouble: str = ""


class BoardView:
    """However many look, MySQL is asked once a second; and never while nobody does."""

    def __init__(self, kept: KeptBoard, next_due: NextDue) -> None:
        self._kept = kept
        self._next_due = next_due

    async def look(self, most: int) -> Seen:
        """Those due first. Raises StoreUnavailable where neither server answers, StoreError."""
        try:
            kept = await self._kept.look(most)
        except StoreUnavailable as error:
            board = (await self._next_due.read(MOST)).first(most)
            return Seen(board=board, trouble=_without_redis(error))
        if kept.board is not None and not kept.is_my_turn:
            return Seen(board=kept.board)
        return await self._look_anew(kept.board, most)

    async def _look_anew(self, before: Board | None, most: int) -> Seen:
        try:
            board = await self._next_due.read(MOST)
        except StoreUnavailable as error:
            if before is None:
                raise
            return Seen(board=before, trouble=f"{error}; shown is what was due a moment ago")
        try:
            await self._kept.replace(board)
        except StoreUnavailable as error:
            return Seen(board=board.first(most), trouble=_without_redis(error))
        return Seen(board=board.first(most))


def _without_redis(error: StoreUnavailable) -> str:
    return f"{error}; read from MySQL instead"
