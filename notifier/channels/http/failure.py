"""Why no answer came, in constant words, and whether the request had an effect perhaps."""

from __future__ import annotations

from notifier.errors import NotifierError


class EgressFailed(NotifierError):
    """No answer came.

    code: a constant word for records. perhaps_sent: False only if the receiver certainly got
    nothing (no address, no connection, no trusted TLS).
    """

    def __init__(self, code: str, detail: str, *, perhaps_sent: bool) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.perhaps_sent = perhaps_sent
