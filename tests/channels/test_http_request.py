"""The bytes of a request: nobody but us says where it begins and ends."""

from __future__ import annotations

import pytest
from yarl import URL

from notifier.channels.http.failure import EgressFailed
from notifier.channels.http.request import USER_AGENT, start_of, written

URL_ = URL("http://a.com:8080/hook?q=%20")


def test_a_request_is_these_bytes() -> None:
    assert written(start_of(URL_), {"webhook-id": "7", "Accept": "*/*"}, b"{}") == (
        b"POST /hook?q=%20 HTTP/1.1\r\n"
        b"Host: a.com:8080\r\n"
        b"User-Agent: " + USER_AGENT.encode() + b"\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Type: application/json; charset=utf-8\r\n"
        b"webhook-id: 7\r\n"
        b"Accept: */*\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        ("https://a.com", b"POST / HTTP/1.1\r\nHost: a.com\r\n"),
        ("https://a.com:443/?a=b", b"POST /?a=b HTTP/1.1\r\nHost: a.com\r\n"),
        ("http://[2606:4700::1111]:81/", b"POST / HTTP/1.1\r\nHost: [2606:4700::1111]:81\r\n"),
        ("https://münchen.de/ü", b"POST /%C3%BC HTTP/1.1\r\nHost: xn--mnchen-3ya.de\r\n"),
    ],
)
def test_a_request_names_its_host_as_the_url_does(url: str, begins: bytes) -> None:
    assert written(start_of(URL(url)), {}, b"").startswith(begins)


@pytest.mark.parametrize(
    "fields",
    [
        *(
            {"X": "a\r\nY: b"},
            {"X": "a\n"},
            {"X": "a\0"},
            {"X: y\r\nZ": "a"},
            {"X": "ü"},
            {"": "a"},
        ),
        *(
            {"X ": "a"},
            {"Host": "b.com"},
            {"content-length": "9"},
            {"Transfer-Encoding": "chunked"},
        ),
    ],
)
def test_a_field_cannot_end_a_request_or_begin_another(fields: dict[str, str]) -> None:
    with pytest.raises(EgressFailed) as caught:
        written(start_of(URL_), fields, b"{}")

    assert (caught.value.code, caught.value.perhaps_sent) == ("bad_field", False)


@pytest.mark.parametrize(
    "url",
    [
        *("http://a.com/ HTTP/1.1\r\nX: y", "http://a.com/a b", "http://a.com/?q=\x7f", "/hook"),
        *("ftp://a.com/", "http://a.com/ü", "http:/a.com"),
    ],
)
def test_a_url_cannot_end_a_request_line(url: str) -> None:
    with pytest.raises(EgressFailed) as caught:
        start_of(URL(url, encoded=True))

    assert (caught.value.code, caught.value.perhaps_sent) == ("bad_url", False)
