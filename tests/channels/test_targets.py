"""Which URLs may be called: a table of hostile ones, and of the good ones beside them."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from notifier.channels.targets import LONGEST_URL, TargetRules, check_target
from notifier.errors import InvalidInput

USUAL = TargetRules()
HTTP = TargetRules(http=True)

HOSTILE = {
    "schemes": [
        *("http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://a.com/_x"),
        *("javascript:alert(1)", "data:text/plain,x", "//example.com/", "example.com", "https:"),
        *("https:example.com", "https:/example.com", "https://", "https:///path", "ws://a.com/"),
    ],
    "ports": [
        *("https://example.com:80/", "https://example.com:22/", "https://example.com:6379/"),
        *("https://example.com:0/", "https://example.com:65536/", "https://example.com:/"),
        *("https://example.com:443x/", "https://example.com:+443/", "https://example.com:٤٤٣/"),
        *("https://example.com:-1/", "https://example.com:443:80/"),
    ],
    "users and fragments": [
        *("https://user@example.com/", "https://user:word@example.com/", "https://@example.com/"),
        *("https://example.com@127.0.0.1/", "https://example.com/#x", "https://example.com#@a.com"),
        *("https://example.com/hook#", "https://a.com\\@b.com/", "https://a.com%40b.com/"),
    ],
    "characters": [
        *("https://example.com/a b", "https://example.com/\t", " https://example.com/"),
        *("https://example.com/\r\nHost: a", "https://exa\nmple.com/", "https://example.com/\x00"),
        *("https://example.com/\x7f", "https://example.com\\.evil.com/", "https://a.com/\u2028"),
        *("https://example.com/\ud800", "https://exam\xa0ple.com/", "https://exa%6Dple.com/"),
        *("https://<a>.com/", "https://a,b.com/", "https://a..com/", "https://.com/"),
        *("https://-a.com/", "https://a-.com/", "https://example.com../", "https://☃.net/"),
        *("https://" + "a" * 64 + ".com/", "https://xn--a" + ".a" * 130 + ".com/"),
    ],
    "inner names": [
        *("https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://printer/"),
        *("https://nas.local/", "https://db.internal/", "https://metadata.google.internal/"),
        *("https://metadata.goog/", "https://METADATA.google.INTERNAL./computeMetadata/v1/"),
        *(
            "https://metadata/",
            "https://router.lan/",
            "https://a.home.arpa/",
            "https://ｌocalhost/",
        ),
        *("https://a.corp/", "https://localhost.localdomain/", "https://k8s.local:8443/"),
    ],
    "IPv4 spellings": [
        *("https://127.0.0.1/", "https://127.1/", "https://0177.0.0.1/", "https://0x7f.1/"),
        *("https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0/"),
        *("https://127.0.0.1./", "https://127.000.000.001/", "https://0x7F.0x0.0x0.0x1/"),
        *("https://１２７.0.0.1/", "https://127。0。0。1/", "https://①②⑦.0.0.1/", "https://1.1.1/"),
        *("https://1.1.1.1.1/", "https://256.1.1.1/", "https://1.1.1.0x/", "https://8.8.2056/"),
        *("https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://0.0.0.0/"),
        *("https://100.100.100.200/", "https://168.63.129.16/", "https://255.255.255.255/"),
    ],
    "IPv6 forms": [
        *("https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::7f00:1]/"),
        *("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/"),
        *("https://[::ffff:0:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://[fe80::1]/"),
        *("https://[fe80::1%25eth0]/", "https://[2606:4700::1%eth0]/", "https://[fd00:ec2::254]/"),
        *("https://[2002:7f00:1::]/", "https://[2001::1]/", "https://[64:ff9b:1::1]/"),
        *("https://[ff02::1]/", "https://[fec0::1]/", "https://[1.1.1.1]/", "https://[v1.a]/"),
        *(
            "https://[::1/",
            "https://::1]/",
            "https://[]/",
            "https://[2606:4700::1111",
            "https://::1/",
        ),
        *("https://[2606:4700::1111]a/", "https://a[2606:4700::1111]/", "https://[4000::1]/"),
    ],
}


def test_the_table_of_hostile_urls_is_long_enough() -> None:
    assert sum(map(len, HOSTILE.values())) >= 100


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_url_is_refused(kind: str) -> None:
    for text in HOSTILE[kind]:
        with pytest.raises(InvalidInput) as caught:
            pytest.fail(f"{text!r} is called as {check_target(text, USUAL)}")
        assert caught.value.field == "url"


@pytest.mark.parametrize("kind", ["inner names", "IPv4 spellings", "IPv6 forms", "characters"])
def test_it_is_refused_over_http_as_well(kind: str) -> None:
    for text in HOSTILE[kind]:
        with pytest.raises(InvalidInput):
            check_target(text.replace("https://", "http://"), HTTP)


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("https://example.com", "https://example.com/"),
        ("https://EXAMPLE.com./Hook", "https://example.com/Hook"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/a?b=c&d", "https://example.com:8443/a?b=c&d"),
        ("https://münchen.de/ü?q=ü", "https://xn--mnchen-3ya.de/%C3%BC?q=%C3%BC"),
        ("https://支付。中国/", "https://xn--bnq875c.xn--fiqs8s/"),
        ("https://a_b.example.com/%2F..%2f", "https://a_b.example.com/%2F..%2f"),
        (
            "https://example.com/?to=https://127.0.0.1/",
            "https://example.com/?to=https://127.0.0.1/",
        ),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]/"),
        ("HTTPS://example.com/", "https://example.com/"),
    ],
)
def test_a_good_url_is_dialled_in_one_spelling(text: str, dialled: str) -> None:
    assert str(check_target(text, USUAL)) == dialled


def test_http_and_its_port_are_for_those_who_allow_it() -> None:
    assert str(check_target("http://example.com:80/", HTTP)) == "http://example.com/"
    with pytest.raises(InvalidInput, match="port 8080"):
        check_target("http://example.com:8080/", HTTP)


def test_other_ports_are_a_matter_of_the_settings() -> None:
    assert check_target("https://example.com:9443/", replace(USUAL, ports=frozenset({9443})))
    assert check_target("https://example.com:1/", replace(USUAL, ports=frozenset()))
    with pytest.raises(InvalidInput, match="allowed: 9443"):
        check_target("https://example.com/", replace(USUAL, ports=frozenset({9443})))


def test_inner_machines_are_called_where_the_operator_allows_them() -> None:
    networks = (ipaddress.ip_network("10.0.0.0/8"),)
    rules = replace(USUAL, networks=networks, hosts=frozenset({"orders", "pay.internal"}))

    assert check_target("https://10.1.2.3/", rules)
    assert check_target("https://Orders/", rules)
    assert check_target("https://pay.internal./", rules)
    for text in ("https://10.1/", "https://127.0.0.1/", "https://a.internal/", "https://internal/"):
        with pytest.raises(InvalidInput):
            check_target(text, rules)


def test_a_url_that_is_too_long_is_refused() -> None:
    start = "https://example.com/"
    assert check_target(start + "a" * (LONGEST_URL - len(start)), USUAL)
    with pytest.raises(InvalidInput, match="2048"):
        check_target(start + "a" * (LONGEST_URL - len(start) + 1), USUAL)


@pytest.mark.parametrize("text", ["https://a.com:planted/", "https://planted/", "planted"])
def test_no_refusal_repeats_the_url(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_target(text, USUAL)

    assert "planted" not in str(caught.value)
