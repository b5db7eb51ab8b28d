"""An answer while it comes in, and what is kept of it.

httptools (llhttp, strict) reads the bytes; here is what it does not do: limits, interim answers,
and whether a byte was left over, after which nothing more is believed of a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from notifier.channels.http.failure import EgressFailed

LARGEST_BODY = 64 * 1024
LARGEST_HEAD = 16 * 1024
LONGEST_LINE = 8190
MOST_FIELDS = 64
MOST_READ = 4 * LARGEST_BODY
"""Of one answer, with what frames its body: a chunk may be one byte, and its extension endless."""
KEPT_FIELDS = {b"content-type": "Content-Type", b"retry-after": "Retry-After"}
LONGEST_KEPT_FIELD = 256
LENGTH, CODING = b"content-length", b"transfer-encoding"
NOTED_FIELDS = frozenset({LENGTH, CODING, *KEPT_FIELDS})
BODILESS = frozenset({204, 304})
VERSIONS = frozenset({"1.0", "1.1"})
SWITCHING_PROTOCOLS = 101
DETAILS = {
    "timeout": "no answer in time",
    "reset": "the connection ended before the answer",
    "garbled": "what came is no HTTP answer",
    "too_large": f"more than {LARGEST_HEAD} bytes of headers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer of any status; 3xx included, nothing is followed.

    body: its first 64 KiB, as they came over the wire. cut: "" where that is all of it, else why
    the rest is missing: too_large, timeout, reset or garbled.
    headers: Content-Type and Retry-After in these spellings, the first 256 characters of each.
    """

    status: int
    body: bytes
    cut: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Incoming:
    """The answer to one request.

    is_over: nothing more of it is awaited. can_follow: a next request may use the connection,
    because the answer ended with the last byte that was read, and its sender keeps the connection.
    """

    __slots__ = (
        *("can_follow", "is_over"),
        *(
            "_body",
            "_cut",
            "_fields",
            "_is_plain",
            "_noted",
            "_parser",
            "_read",
            "_reason",
            "_room",
        ),
        "_status",
    )

    def __init__(self) -> None:
        self.is_over = False
        self.can_follow = False
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._noted: dict[bytes, bytes] = {}
        self._is_plain = True
        self._status = 0
        self._cut = ""
        self._read = 0
        self._reason = 0
        self._room = LARGEST_BODY

    def feed(self, data: bytes) -> bool:
        """Returns is_over. The last byte is read by itself: an answer over before it is too long.

        Not to be called once it is over.
        """
        parser = self._parser
        assert parser is not None  # noqa: S101
        self._read += len(data)
        try:
            parser.feed_data(data[:-1])
            if self.is_over:
                self.can_follow = False
            else:
                parser.feed_data(data[-1:])
        except (HttpParserError, HttpParserUpgrade):
            self.can_follow = False
            self.stop("garbled")
        if self._read > LARGEST_HEAD and not self._status:
            self.stop(self._fault_of_head())
        elif self._read > MOST_READ:
            self.stop("too_large")
        return self.is_over

    def end(self) -> None:
        """The peer has said all it had to say."""
        if not self._status:
            self.stop("reset")
        else:
            has_length = LENGTH in self._noted or CODING in self._noted
            self.stop("garbled" if has_length else "")

    def stop(self, cut: str) -> None:
        """Nothing more is awaited. cut: why not, "" where it is whole."""
        if not self.is_over:
            self.is_over = True
            self._cut = cut
            self._parser = None  # they hold each other

    def answer(self) -> HttpAnswer:
        """The status is the receiver's word even where the body is cut.

        Raises EgressFailed where there is none.
        """
        if not self._status:
            raise EgressFailed(self._cut, DETAILS[self._cut], perhaps_sent=True)
        headers = {
            kept: self._noted[name].decode(errors="surrogateescape")[:LONGEST_KEPT_FIELD]
            for name, kept in KEPT_FIELDS.items()
            if name in self._noted
        }
        return HttpAnswer(
            status=self._status, body=b"".join(self._body), cut=self._cut, headers=headers
        )

    # What the parser calls, also for whatever follows an answer that is over.

    def on_status(self, reason: bytes) -> None:
        self._reason += len(reason)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # else it trails the body
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self._parser is None or self._status:
            return
        status = self._parser.get_status_code()
        if self._parser.get_http_version() not in VERSIONS or status < 100:
            self.stop("garbled")
        elif status < 200 and status != SWITCHING_PROTOCOLS:
            self._note_fields()
            self._is_plain &= not (LENGTH in self._noted or CODING in self._noted)
            self._fields, self._noted, self._reason = [], {}, 0
        elif fault := self._fault_of_fields():
            self.stop(fault)
        else:
            self._status = status
            self._note_fields()
            if status == SWITCHING_PROTOCOLS:
                self.stop("")

    def on_body(self, data: bytes) -> None:
        if self.is_over:
            return
        self._body.append(data[: self._room])
        if len(data) > self._room:
            self.stop("too_large")
        self._room -= len(data)

    def on_message_complete(self) -> None:
        if self._parser is not None and self._status:
            self.can_follow = self._is_plain and self._parser.should_keep_alive()
            self.stop("")

    def _note_fields(self) -> None:
        """The first of each; and whether everybody would find the body's end where we do."""
        noted = self._noted
        for name, value in self._fields:
            key = name.lower()
            if key in NOTED_FIELDS:
                self._is_plain &= key not in noted or key in KEPT_FIELDS
                noted.setdefault(key, value.strip())
        if CODING in noted:
            self._is_plain &= noted[CODING].lower() == b"chunked"
        if self._status in BODILESS:
            self._is_plain &= CODING not in noted and noted.get(LENGTH, b"0") == b"0"

    def _fault_of_fields(self) -> str:
        fields = self._fields
        if len(fields) > MOST_FIELDS:
            return "garbled"
        if self._read <= LONGEST_LINE:  # so nothing in it is longer
            return ""
        lengths = self._lengths()
        if max(lengths) > LONGEST_LINE:
            return "garbled"
        return "too_large" if sum(lengths) > LARGEST_HEAD else ""

    def _fault_of_head(self) -> str:
        """Of one that is not at its end after all that is allowed."""
        unfinished = self._read - sum(self._lengths())
        return "garbled" if unfinished > LONGEST_LINE else self._fault_of_fields() or "too_large"

    def _lengths(self) -> list[int]:
        """Of the reason and of each field."""
        return [self._reason, *(len(name) + len(value) + 4 for name, value in self._fields)]
