"""What WeChat calls us with is judged by its signature, in the plain and in the safe mode."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from notifier.channels.wechat.callback import (
    Callback,
    CallbackRefused,
    aes_key_of,
    signature_of,
)
from notifier.domain.receipt import Receipt
from notifier.errors import SettingsError

NOW_S = 1_795_262_400.0
APP_ID = "wx0123456789abcdef"
ENCODING_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")
PLAIN = Callback(app_id=APP_ID, token="token")
SAFE = Callback(app_id=APP_ID, token="token", aes_key=aes_key_of(ENCODING_KEY))


def receipt_xml(status: str = "success", name: str = "MsgID") -> bytes:
    return (
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>"
        "<CreateTime>1395658920</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><{name}>200163836</{name}>"
        f"<Status><![CDATA[{status}]]></Status></xml>"
    ).encode()


def query(*more: str, name: str = "signature", at_s: float = NOW_S, **other: str) -> dict[str, str]:
    timestamp = str(int(at_s))
    return {
        "timestamp": timestamp,
        "nonce": "n1",
        name: signature_of("token", timestamp, "n1", *more),
        **other,
    }


def sealed(content: bytes, *, app_id: str = APP_ID, key: bytes = SAFE.aes_key) -> str:
    plain = os.urandom(16) + len(content).to_bytes(4, "big") + content + app_id.encode()
    padding = 32 - len(plain) % 32
    closer = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    text = closer.update(plain + bytes([padding]) * padding) + closer.finalize()
    return base64.b64encode(text).decode()


def envelope(encrypted: str) -> bytes:
    return f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{encrypted}</Encrypt></xml>".encode()


def test_the_echo_is_given_to_who_knows_the_token() -> None:
    assert PLAIN.echo(query(echostr="42"), now_s=NOW_S) == "42"
    # Source: the signature is the SHA-1 of the three, sorted and joined.
    assert signature_of("b", "c", "a") == "a9993e364706816aba3e25717850c26c9cd0d89d"


@pytest.mark.parametrize(
    ("status", "name", "kept"),
    [
        ("success", "MsgID", "success"),
        ("failed:user block", "MsgId", "failed:userblock"),
        ("failed: system failed", "MsgID", "failed:systemfailed"),
    ],
)
def test_a_receipt_is_read_as_its_copies_are_written(status: str, name: str, kept: str) -> None:
    receipt = PLAIN.receipt(query(), receipt_xml(status, name), now_s=NOW_S)
    assert receipt == Receipt(msg_id="200163836", status=kept)


def test_an_encrypted_receipt_is_opened() -> None:
    text = sealed(receipt_xml())
    asked = query(text, name="msg_signature", encrypt_type="aes")
    assert SAFE.receipt(asked, envelope(text), now_s=NOW_S) == Receipt(
        msg_id="200163836", status="success"
    )


def test_other_events_are_nothing_to_us() -> None:
    body = b"<xml><MsgType>event</MsgType><Event>subscribe</Event></xml>"
    assert PLAIN.receipt(query(), body, now_s=NOW_S) is None


def _forged() -> None:
    PLAIN.receipt(query() | {"signature": "0" * 40}, receipt_xml(), now_s=NOW_S)


def _old() -> None:
    PLAIN.receipt(query(at_s=NOW_S - 600), receipt_xml(), now_s=NOW_S)


def _nothing() -> None:
    PLAIN.echo({}, now_s=NOW_S)


def _plain_though_safe() -> None:
    SAFE.receipt(query(), receipt_xml(), now_s=NOW_S)


def _of_another_account() -> None:
    text = sealed(receipt_xml(), app_id="wx_other")
    asked = query(text, name="msg_signature", encrypt_type="aes")
    SAFE.receipt(asked, envelope(text), now_s=NOW_S)


def _of_another_key() -> None:
    text = sealed(receipt_xml(), key=bytes(32))
    asked = query(text, name="msg_signature", encrypt_type="aes")
    SAFE.receipt(asked, envelope(text), now_s=NOW_S)


def _no_block() -> None:
    text = base64.b64encode(b"short").decode()
    asked = query(text, name="msg_signature", encrypt_type="aes")
    SAFE.receipt(asked, envelope(text), now_s=NOW_S)


@pytest.mark.parametrize(
    "attempt",
    [_forged, _old, _nothing, _plain_though_safe, _of_another_account, _of_another_key, _no_block],
)
def test_what_is_not_from_wechat_is_refused(attempt: Callable[[], None]) -> None:
    with pytest.raises(CallbackRefused):
        attempt()


def test_an_entity_is_never_expanded() -> None:
    bomb = b'<!DOCTYPE xml [<!ENTITY a "TEMPLATESENDJOBFINISH">]><xml><Event>&a;</Event></xml>'
    assert PLAIN.receipt(query(), bomb, now_s=NOW_S) is None


def test_a_key_that_is_none_is_said() -> None:
    with pytest.raises(SettingsError, match="43 characters"):
        aes_key_of("short")
