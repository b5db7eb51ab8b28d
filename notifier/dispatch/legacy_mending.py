"""Records that were kept aside, accepted after all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from notifier.dispatch.legacy_intake import FindFaults, Handover, Judge, Rows
from notifier.domain.legacy_item import Item, Way
from notifier.errors import InvalidInput


class Kept(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def item(self) -> Item: ...


class KeptStore(Protocol):
    async def find(self, id_: int | None) -> Sequence[Kept]: ...
    async def refuse(self, id_: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """accepted: how many. refused: by id, why."""

    accepted: int
    refused: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    kept: KeptStore
    rows: Rows
    intake: Handover
    judges: Mapping[Way, Judge]
    faults: FindFaults

    async def retry(self, id_: int | None, *, record: str | None = None) -> Retried:
        """Judge again one that was kept aside, or (None) all of them.

        record: what it should have said. Raises StoreUnavailable, StoreError: some may be done.
        """
        accepted, refused = 0, {}
        for kept in await self.kept.find(id_):
            item = kept.item if record is None else _mended(kept.item, record)
            try:
                await self._accept(kept.id, item)
                accepted += 1
            except InvalidInput as error:
                refused[kept.id] = str(error)
                if record is None:
                    await self.kept.refuse(kept.id, str(error))
        return Retried(accepted=accepted, refused=refused)

    async def _accept(self, id_: int, item: Item) -> None:
        submission = self.judges[item.way](item)
        for fault in (await self.faults([submission])).values():
            raise fault
        await self.intake.hand_over(await self.rows.accept([submission], mended=id_))


def _mended(item: Item, record: str) -> Item:
    body = record.encode(errors="surrogateescape")  # as the command line hands it over
    return replace(item, body=body, size=len(body))
