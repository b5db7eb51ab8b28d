"""What a gateway answers to who asks for its clients."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from heapq import nsmallest

import orjson

from notifier.domain.census import marks_of
from notifier.gateway.live.frames import moment
from notifier.gateway.live.session import Session


def roll_of(
    sessions: Collection[Session], *, users: Collection[str], topics: Collection[str], most: int
) -> bytes:
    """most: of the list, those who are here longest; 0: only counts, with marks to add them by."""
    document: dict[str, object] = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "count": {
            "clients": len(sessions),
            "users": len(users),
            "topics": len(topics),
            "unacknowledged": sum(len(session.awaited or ()) for session in sessions),
        },
        "clients": [
            _line(one) for one in nsmallest(most, sessions, key=lambda session: session.since_s)
        ],
    }
    if not most:
        document["marks"] = {"users": marks_of(users), "topics": marks_of(topics)}
    return orjson.dumps(document)


def _line(session: Session) -> dict[str, object]:
    return {
        "user": session.user,
        "address": session.address,
        "kind": session.kind,
        "since": moment(session.since),
        "bound": session.bound,
        "topics": sorted(session.topics or ()),
        "queued_bytes": session.queued,
        "unacknowledged": len(session.awaited or ()),
    }
