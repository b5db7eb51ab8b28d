"""Signatures of Standard Webhooks.

Source: the Standard Webhooks specification 1.0.0, "Verifying webhook authenticity".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache

from notifier.domain.endpoint import key_of


def signed_headers(
    webhook_id: str, timestamp: int, body: bytes, *, secrets: Iterable[str]
) -> dict[str, str]:
    """webhook-id, webhook-timestamp and, where there is a secret, webhook-signature.

    timestamp: Unix seconds of this attempt. secrets: each signs, so that a receiver may go over
    from one to the other. Raises InvalidInput for a bad secret.
    """
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
    content = f"{webhook_id}.{timestamp}.".encode() + body
    signatures = [_signature(content, secret) for secret in secrets]
    if signatures:
        headers["webhook-signature"] = " ".join(signatures)
    return headers


def _signature(content: bytes, secret: str) -> str:
    keyed = _keyed(secret).copy()
    keyed.update(content)
    return f"v1,{base64.b64encode(keyed.digest()).decode()}"


@lru_cache(maxsize=1024)
def _keyed(secret: str) -> hmac.HMAC:
    """To be copied: the key is worked in once."""
    return hmac.new(key_of(secret), digestmod=hashlib.sha256)
