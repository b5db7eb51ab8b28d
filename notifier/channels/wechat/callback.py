"""What WeChat calls us with: the check of the address, and receipts of sent templates.

Source: developers.weixin.qq.com, "Access Overview" (signature), "Message encryption and
decryption", "Template message: push of the sending result" (TEMPLATESENDJOBFINISH).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from notifier.channels.flat_xml import read_flat_xml
from notifier.domain.receipt import LONGEST_ID, Receipt, status_of
from notifier.errors import NotifierError, SettingsError

LARGEST = 64 * 1024
OLDEST_S = 300
"""A signature's age, either way: clocks differ."""
BLOCK = 32
"""Bytes; the padding is PKCS#7 to this, not to the cipher's own block."""


class CallbackRefused(NotifierError):
    """It is not from WeChat, or not for this account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """token, aes_key: as they are entered at WeChat; aes_key "" for the plain mode."""

    app_id: str
    token: str = field(repr=False)
    aes_key: bytes = field(default=b"", repr=False)

    def echo(self, query: Mapping[str, str], *, now_s: float) -> str:
        """What WeChat wants to read back when the address is set. Raises CallbackRefused."""
        self._check(query, "signature", now_s=now_s)
        return query.get("echostr", "")

    def receipt(self, query: Mapping[str, str], body: bytes, *, now_s: float) -> Receipt | None:
        """None for any other event or message. Raises CallbackRefused."""
        texts = self._open(query, read_flat_xml(body), now_s=now_s)
        if texts.get("Event") != "TEMPLATESENDJOBFINISH":
            return None
        msg_id = texts.get("MsgID") or texts.get("MsgId") or ""
        if not msg_id.isascii() or not msg_id.isdigit() or len(msg_id) > LONGEST_ID:
            raise CallbackRefused("a receipt without a MsgID")
        return Receipt(msg_id=msg_id, status=status_of(texts.get("Status", "")))

    def _open(
        self, query: Mapping[str, str], texts: Mapping[str, str], *, now_s: float
    ) -> Mapping[str, str]:
        if query.get("encrypt_type") != "aes":
            # Where a key is set, only what is encrypted was agreed on.
            if self.aes_key:
                raise CallbackRefused("a message that is not encrypted")
            self._check(query, "signature", now_s=now_s)
            return texts
        encrypted = texts.get("Encrypt", "")
        self._check(query, "msg_signature", encrypted, now_s=now_s)
        return read_flat_xml(self._decrypted(encrypted))

    def _check(self, query: Mapping[str, str], name: str, *more: str, now_s: float) -> None:
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        expected = signature_of(self.token, timestamp, nonce, *more)
        if not hmac.compare_digest(expected.encode(), query.get(name, "").encode()):
            raise CallbackRefused(f"a bad {name}")
        if not timestamp.isascii() or not timestamp.isdigit():
            raise CallbackRefused("no timestamp")
        if abs(now_s - int(timestamp[:12])) > OLDEST_S:
            raise CallbackRefused(f"a timestamp that is more than {OLDEST_S} s away from now")

    def _decrypted(self, text: str) -> bytes:
        if not self.aes_key:
            raise CallbackRefused("an encrypted message, and [wechat] callback_key is not set")
        try:
            sealed = base64.b64decode(text, validate=True)
            opener = Cipher(algorithms.AES(self.aes_key), modes.CBC(self.aes_key[:16])).decryptor()
            padded = opener.update(sealed) + opener.finalize()
        except (binascii.Error, ValueError):
            raise CallbackRefused("a message that cannot be decrypted") from None
        plain = padded[: -padded[-1]] if padded and 1 <= padded[-1] <= BLOCK else b""
        length = int.from_bytes(plain[16:20], "big")
        content, app_id = plain[20 : 20 + length], plain[20 + length :]
        if not hmac.compare_digest(app_id, self.app_id.encode()):
            raise CallbackRefused("a message for another account")
        return content


def signature_of(*parts: str) -> str:
    # SHA-1 is what WeChat signs with; the token is what makes it one.
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def aes_key_of(encoding_aes_key: str) -> bytes:
    """The 43 characters of WeChat's page as 32 bytes; b"" for none. Raises SettingsError."""
    if not encoding_aes_key:
        return b""
    try:
        key = base64.b64decode(f"{encoding_aes_key}=", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise SettingsError("[wechat] callback_key is not the 43 characters of EncodingAESKey")
    return key
