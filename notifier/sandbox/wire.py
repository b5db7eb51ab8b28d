"""What went over the wire: counters, and the newest calls one by one."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from notifier.sandbox.answers import Answer
from notifier.sandbox.calls import Call


class Wire:
    """Every call counted; the newest remembered, without tokens or secrets."""

    def __init__(self, rows: int) -> None:
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=rows)
        self._calls: Counter[str] = Counter()
        self._codes: Counter[tuple[str, int | str]] = Counter()
        self._deliveries: Counter[str] = Counter()

    def note(self, call: Call, answer: Answer, *, answered_at: float) -> None:
        """Take down one call and its fate."""
        self._calls[call.endpoint] += 1
        self._codes[call.endpoint, answer.code] += 1
        self._deliveries[answer.delivery.name.lower()] += 1
        self._rows.append(
            (
                call.received_at,
                round((answered_at - call.received_at) * 1000, 3),
                call.endpoint,
                call.method,
                call.path,
                answer.status,
                answer.code,
                answer.delivery.name.lower(),
                call.text("touser"),
                call.text("client_msg_id") or call.webhook_id,
            )
        )

    def forget(self) -> None:
        """Begin anew."""
        for each in (self._rows, self._calls, self._codes, self._deliveries):
            each.clear()

    def listed(self) -> Iterator[dict[str, Any]]:
        """The remembered calls, the oldest first."""
        names = (
            "received_at",
            "took_ms",
            "endpoint",
            "method",
            "path",
            "status",
            "code",
            "delivery",
            "openid",
            "message_id",
        )
        for row in tuple(self._rows):
            yield dict(zip(names, row, strict=True))

    def counted(self) -> dict[str, Any]:
        """All counters as JSON."""
        codes: dict[str, dict[str, int]] = {}
        for (endpoint, code), times in self._codes.items():
            codes.setdefault(str(endpoint), {})[str(code)] = times
        calls = {str(endpoint): times for endpoint, times in self._calls.items()}
        return {"calls": calls, "codes": codes, "deliveries": dict(self._deliveries)}
