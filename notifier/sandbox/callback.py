"""Tells the account's server what became of a send, signed and if wished encrypted as WeChat does.

Source: WeChat's pages on the pushed result of a template message (TEMPLATESENDJOBFINISH), on the
signature of its calls, and on the encryption of messages; nothing of the receiver's code is used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from notifier.sandbox.actions import Action
from notifier.sandbox.options import CallbackTarget, SandboxError

ACCOUNT = "gh_sandbox0001"
_BLOCK_BYTES = 32
_FIELDS = {"url", "token", "key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPlan:
    """times: how often the same receipt is sent."""

    status: str = "success"
    after_s: float = 0.0
    times: int = 1
    is_forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    query: Mapping[str, str]
    body: bytes


def plan_of(actions: tuple[Action, ...]) -> ReceiptPlan:
    """What a rule makes of the receipt."""
    given = {action.name: action for action in actions}
    times = 2 if "receipt_twice" in given else 1
    return ReceiptPlan(
        status=given["receipt"].argument if "receipt" in given else "success",
        after_s=given["receipt_after"].number / 1000 if "receipt_after" in given else 0.0,
        times=0 if "no_receipt" in given else times,
        is_forged="receipt_forged" in given,
    )


def receipt_xml(row: Mapping[str, Any], status: str) -> str:
    """row: the effect that it speaks of."""
    return (
        f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>"
        f"<FromUserName><![CDATA[{row['openid']}]]></FromUserName>"
        f"<CreateTime>{int(row['accepted_at'])}</CreateTime>"
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>"
        f"<MsgID>{row['msgid']}</MsgID><Status><![CDATA[{status}]]></Status></xml>"
    )


def signed(xml: str, target: CallbackTarget, *, app_id: str, is_forged: bool) -> SignedCall:
    """The call as it is made now; forged, it is signed with another token."""
    token = secrets.token_hex(8) if is_forged else target.token
    timestamp, nonce = str(int(time.time())), secrets.token_hex(5)
    query = {
        "signature": _signature(token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
    }
    if not target.key:
        return SignedCall(query=query, body=xml.encode())
    text = _encrypted(xml.encode(), _aes_key(target.key), app_id)
    query |= {"encrypt_type": "aes", "msg_signature": _signature(token, timestamp, nonce, text)}
    body = (
        f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>"
        f"<Encrypt><![CDATA[{text}]]></Encrypt></xml>"
    )
    return SignedCall(query=query, body=body.encode())


def target_of(source: Mapping[str, object]) -> CallbackTarget | None:
    """Of `{"url": …, "token": …, "key": …}`; {} is nobody.

    Raises: SandboxError naming the field.
    """
    if not source:
        return None
    given: dict[str, str] = {}
    for name, value in source.items():
        if name not in _FIELDS:
            raise SandboxError(f"callback: no field {name!r}; known: {sorted(_FIELDS)}")
        if not isinstance(value, str):
            raise SandboxError(f"callback: {name} must be a text, not {value!r}")
        given[name] = value
    return checked_target(CallbackTarget(**given))


def checked_target(target: CallbackTarget) -> CallbackTarget:
    """The target itself. Raises: SandboxError naming the field."""
    if not target.url.startswith(("http://", "https://")):
        raise SandboxError(f"callback: url {target.url!r} must begin with http:// or https://")
    if not target.token:
        raise SandboxError("callback: token must not be empty")
    if target.key:
        _aes_key(target.key)
    return target


def _aes_key(text: str) -> bytes:
    try:
        key = base64.b64decode(f"{text}=", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise SandboxError("callback: key must be the 43 characters of an EncodingAESKey")
    return key


def _signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def _encrypted(content: bytes, key: bytes, app_id: str) -> str:
    plain = os.urandom(16) + len(content).to_bytes(4, "big") + content + app_id.encode()
    padding = _BLOCK_BYTES - len(plain) % _BLOCK_BYTES
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = cipher.update(plain + bytes([padding]) * padding) + cipher.finalize()
    return base64.b64encode(sealed).decode()
