"""Reading an answer: what it is, and whether anything may follow it on its connection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.http.answer import LARGEST_BODY, MOST_READ, Incoming
from notifier.channels.http.failure import EgressFailed

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"\r\n2\r\nok\r\n0\r\n\r\n"
# status, body, cut and whether the connection can go on; of a failure its code
Read = tuple[int, bytes, str, bool] | str
GOOD: Read = (200, b"ok", "", True)
LAST: Read = (200, b"ok", "", False)
GARBLED: Read = "garbled"

FRAMES: dict[bytes, Read] = {
    OK + TWO: GOOD,
    OK + b"content-LENGTH:2\t\r\n\r\nok": GOOD,
    b"HTTP/1.1 200\r\n" + TWO: GOOD,
    OK + CHUNKED + CHUNKS: GOOD,
    OK + CHUNKED + b"\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n": GOOD,
    OK + b"Content-Length: 0\r\n\r\n": (200, b"", "", True),
    b"HTTP/1.1 204 No Content\r\n\r\n": (204, b"", "", True),
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n": (204, b"", "", True),
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + TWO: GOOD,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\n" + OK + TWO: GOOD,
    OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + TWO: GOOD,
    # The sender does not keep the connection, or says nothing of the body's end.
    OK + b"Connection: close\r\n" + TWO: LAST,
    OK + b"Connection: keep-alive, Close\r\n" + TWO: LAST,
    b"HTTP/1.0 200 OK\r\n" + TWO: LAST,
    OK + b"\r\nok": LAST,
    b"HTTP/1.1 101 Switching\r\n\r\nok": (101, b"", "", False),
    # Something is left over.
    OK + TWO + b"\n": LAST,
    OK + TWO + b"\r\n": LAST,
    OK + TWO + b"x": LAST,
    OK + TWO + OK + TWO: LAST,
    OK + CHUNKED + CHUNKS + b"\r\n": LAST,
    OK + CHUNKED + CHUNKS + OK + TWO: LAST,
    b"HTTP/1.1 204 No\r\n\r\nok": (204, b"", "", False),
    # Others would find the end elsewhere.
    b"HTTP/1.1 204 No\r\n" + TWO: (204, b"", "", False),
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n": (304, b"", "", False),
    b"HTTP/1.1 204 No\r\n" + CHUNKED + b"\r\n": (204, b"", "", False),
    b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n" + OK + TWO: LAST,
    b"HTTP/1.1 100 Continue\r\n" + CHUNKED + b"\r\n" + OK + TWO: LAST,
    OK + CHUNKED + CHUNKED + CHUNKS: LAST,
    OK + b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS: LAST,
    OK + b"Transfer-Encoding: gzip\r\n\r\nok": (200, b"ok", "garbled", False),
    OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nok": (200, b"ok", "garbled", False),
    # It ends too early.
    OK + b"Content-Length: 3\r\n\r\nok": (200, b"ok", "garbled", False),
    OK + CHUNKED + b"\r\n2\r\nok\r\n": (200, b"ok", "garbled", False),
    OK + b"Content-Length: 2\r\n": "reset",
    b"HTTP/1.1 100 Continue\r\n\r\n": "reset",
    b"": "reset",
}
BAD_HEADS = (
    *(OK + CHUNKED + TWO, OK + b"Content-Length: 2\r\n" + CHUNKED + CHUNKS),
    *(OK + b"Content-Length: 2\r\n" + TWO, OK + b"Content-Length: 3\r\n" + TWO),
    *(OK + b"Transfer-Encoding: identity\r\n" + TWO, OK + b"Transfer-Encoding : chunked" + CHUNKS),
    *(OK + b"X: a\r\n b\r\n" + TWO, OK + b"X : a\r\n" + TWO, OK + b"X\r\n" + TWO),
    *(OK + b": a\r\n" + TWO, OK + b"X: a\0b\r\n" + TWO, OK + b"X: a\rb\r\n" + TWO),
    *(OK + b"X: a\nb: c\r\n" + TWO, b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    *(b"HTTP/2.0 200 OK\r\n" + TWO, b"HTTP/0.9 200 OK\r\n" + TWO, b"http/1.1 200 OK\r\n" + TWO),
    *(b"HTTP/1.1 099 OK\r\n" + TWO, b"HTTP/1.1 20 OK\r\n" + TWO, b"HTTP/1.1 +20 OK\r\n" + TWO),
    *(b"HTTP/1.1  200 OK\r\n" + TWO, b"ICY 200 OK\r\n" + TWO, b"220 mail.example ESMTP\r\n"),
    *(b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + OK + TWO, b"\x16\x03\x01\x02\x00"),
)
BAD_LENGTHS = (b"+2", b"-2", b"2, 2", b"2,2", b"0x2", b"2 2", b"2a", b"", b"18446744073709551618")
BAD_CHUNKS = (
    *(b"-2\r\nok\r\n0\r\n\r\n", b"0x2\r\nok\r\n0\r\n\r\n", b"2 \r\nok\r\n0\r\n\r\n", b"\r\nok"),
    *(b"2\nok\n0\n\n", b"fffffffffffffffff\r\nok\r\n0\r\n\r\n", b"zz\r\n", b" 2\r\nok\r\n"),
)


def read(parts: Iterable[bytes]) -> Read:
    """As a connection does: what comes after the end ends it."""
    incoming, can_follow = Incoming(), True
    for part in parts:
        if incoming.is_over:
            can_follow = False
            break
        incoming.feed(part)
    if not incoming.is_over:
        incoming.end()
    try:
        answer = incoming.answer()
    except EgressFailed as failure:
        return failure.code if failure.perhaps_sent and not incoming.can_follow else "?"
    return answer.status, answer.body, answer.cut, can_follow and incoming.can_follow


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("sent", FRAMES)
def test_an_answer_is_read_the_same_in_whatever_pieces_it_comes(sent: bytes) -> None:
    assert read([sent] if sent else []) == FRAMES[sent]
    assert read(bytewise(sent)) == FRAMES[sent]
    for at in range(1, len(sent)):
        assert read([sent[:at], sent[at:]]) == FRAMES[sent]


@pytest.mark.parametrize("sent", BAD_HEADS)
def test_a_head_that_can_be_read_in_two_ways_is_no_answer(sent: bytes) -> None:
    assert read([sent]) == read(bytewise(sent)) == GARBLED


@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a_length_that_can_be_read_in_two_ways_is_no_answer(length: bytes) -> None:
    sent = OK + b"Content-Length: " + length + b"\r\n\r\nok"
    assert read([sent]) == read(bytewise(sent)) == GARBLED


@pytest.mark.parametrize("chunks", BAD_CHUNKS)
def test_chunks_that_cannot_be_read_leave_the_status_alone(chunks: bytes) -> None:
    sent = OK + CHUNKED + b"\r\n" + chunks
    for found in (read([sent]), read(bytewise(sent))):
        assert isinstance(found, tuple)
        status, body, cut, can_follow = found
        assert (status, cut, can_follow) == (200, "garbled", False)
        assert body in (b"", b"ok")


def test_what_trails_a_body_or_comes_before_the_answer_is_no_field_of_it() -> None:
    incoming = Incoming()
    hints = b"HTTP/1.1 103 Hints\r\nRetry-After: 1\r\n\r\n"
    trailer = b"\r\n0\r\nRetry-After: 2\r\nContent-Type: a/b\r\n\r\n"

    assert incoming.feed(hints + OK + CHUNKED + trailer)
    assert incoming.answer().headers == {}


def test_of_a_field_that_comes_twice_the_first_counts() -> None:
    incoming = Incoming()

    assert incoming.feed(OK + b"Retry-After: 1\r\nretry-after: 2\r\n" + TWO)
    assert incoming.answer().headers == {"Retry-After": "1"}
    assert incoming.can_follow


@pytest.mark.parametrize("again", [b";" + b"a" * 1000, b"0\r\n" + b"X: y\r\n" * 100, b"1\r\nx\r\n"])
def test_what_frames_a_body_does_not_go_on_for_ever(again: bytes) -> None:
    incoming = Incoming()
    incoming.feed(OK + CHUNKED + b"\r\n")
    fed = 0
    while not incoming.is_over:
        assert fed <= MOST_READ
        incoming.feed(b"1" + again if again.startswith(b";") and not fed else again)
        fed += len(again)

    answer = incoming.answer()
    assert answer.status == 200
    assert answer.cut
    assert len(answer.body) <= LARGEST_BODY


def test_interim_answers_do_not_go_on_for_ever() -> None:
    assert read([b"HTTP/1.1 100 Continue\r\n\r\n"] * 10_000) == GARBLED


PIECES = st.sampled_from(
    [
        *(OK, TWO, CHUNKED, CHUNKS, b"\r\n", b"\n", b"\r", b":", b" ", b"0", b"2", b"ok", b"\0"),
        *(b"HTTP/1.", b"1 ", b"100 ", b"204 ", b"Content-Length", b"Connection: close\r\n", b";"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=3)), max_size=12), st.data())
def test_whatever_comes_is_an_answer_or_a_failure_however_it_is_cut(
    pieces: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(pieces)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=4)) | {0, len(sent)})
    parts = [sent[begin:end] for begin, end in pairwise(cuts)]

    assert read(parts) == read([sent] if sent else [])
