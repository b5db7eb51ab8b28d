"""Secrets in the database: encrypted with a key that the database does not have.

AES-256-GCM with a random nonce; a sealed text opens only under the name it was sealed for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from notifier.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
KEY_BYTES = 32
_KEY_ID, _NONCE = 4, 12
_URL_SAFE = str.maketrans("-_", "+/")
MAKE_ONE = "make one with: head -c 32 /dev/urandom | base64"


class Seal:
    """keys: base64 of 32 bytes each; the first one seals, all of them open."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises SettingsError for a bad key, without repeating it."""
        self._keys = {_key_id(key): key for key in map(_key, keys)}

    def close(self, text: str, *, name: str) -> bytes:
        """Raises SettingsError where there is no key."""
        if not self._keys:
            raise SettingsError(
                f"[webhook] key (NOTIFIER_WEBHOOK_KEY): endpoints need one; {MAKE_ONE}"
            )
        key_id, key = next(iter(self._keys.items()))
        nonce = secrets.token_bytes(_NONCE)
        return VERSION + key_id + nonce + _cipher(key).encrypt(nonce, text.encode(), name.encode())

    def open(self, sealed: bytes, *, name: str) -> str:
        """Raises SettingsError where none of the keys fits, or the text was tampered with."""
        from cryptography.exceptions import InvalidTag

        key_id, rest = sealed[1 : 1 + _KEY_ID], sealed[1 + _KEY_ID :]
        key = self._keys.get(key_id)
        if sealed[:1] != VERSION or key is None:
            raise SettingsError(
                f"[webhook] key: the secret of endpoint {name} was encrypted with another key; "
                "add that one behind a comma"
            )
        try:
            text = _cipher(key).decrypt(rest[:_NONCE], rest[_NONCE:], name.encode())
        except InvalidTag:
            raise SettingsError(
                f"the encrypted secret of endpoint {name} is damaged; give it a new one with "
                f"`notifier endpoint rotate-secret {name}`"
            ) from None
        return text.decode()


def _cipher(key: bytes) -> AESGCM:
    # Where nobody uses endpoints, no process loads it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip().translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(f"[webhook] key: is not the base64 of {KEY_BYTES} bytes; {MAKE_ONE}")
    return key


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"notifier endpoint key" + key).digest()[:_KEY_ID]
