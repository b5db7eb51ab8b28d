"""A merchant's webhook receiver that checks Standard Webhooks signatures and counts effects.

Source: the Standard Webhooks specification 1.0.0; nothing of the sender's code is used here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from notifier.sandbox.account import Account
from notifier.sandbox.answers import Answer
from notifier.sandbox.calls import NOT_JSON, Call, plain_text
from notifier.sandbox.options import SandboxError

_TOLERANCE_S = 300
_BODY_KEPT_BYTES = 65_536


def receive(call: Call, account: Account, now: float) -> Answer:
    """200 for an authentic webhook; its effect is new unless its webhook-id was seen before."""
    if call.method != "POST":
        return _answer(405, "POST only")
    if call.body is None:
        return _answer(413, "body too long")
    secrets = account.webhook_secrets.get(call.path)
    if secrets and (problem := signature_problem(call, secrets, now)):
        return _answer(401, problem)
    row = _row(call, is_verified=bool(secrets), is_repeat=_is_seen(call, account))
    remember(row, account)
    return Answer(body=b"success", content_type="text/plain", code=200, row=row)


def remember(row: dict[str, Any], account: Account) -> None:
    """Take an effect or a repeat into account, as it happens or from disk."""
    if row["webhook_id"] is not None:
        account.webhooks_seen[row["webhook_id"]] += 1


def signature_problem(call: Call, secrets: Iterable[str], now: float) -> str | None:
    """What is wrong with the signature, None if any secret fits any of its parts."""
    webhook_id = call.webhook_id
    timestamp = call.headers.get("webhook-timestamp", "")
    if not webhook_id:
        return "webhook-id missing"
    if not (timestamp.isascii() and timestamp.isdigit()):
        return "webhook-timestamp missing or no integer"
    if abs(now - int(timestamp)) > _TOLERANCE_S:
        return "webhook-timestamp is more than 5 minutes off"
    signed = f"{webhook_id}.{timestamp}.".encode() + (call.body or b"")
    good = [_signature(signed, secret) for secret in secrets]
    for part in plain_text(call.headers.get("webhook-signature", "")).split():
        version, _, signature = part.partition(",")
        if version == "v1" and any(hmac.compare_digest(signature.encode(), each) for each in good):
            return None
    return "webhook-signature fits no secret"


def checked_secret(secret: str) -> str:
    """The secret itself.

    Raises: SandboxError unless it is `whsec_` and the base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise SandboxError("webhook secret: must be whsec_ and the base64 of 24 to 64 bytes")
    return secret


def _signature(signed: bytes, secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _is_seen(call: Call, account: Account) -> bool:
    return account.webhooks_seen[call.webhook_id or ""] > 0


def _row(call: Call, *, is_verified: bool, is_repeat: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "webhook_repeat" if is_repeat else "webhook",
        "received_at": call.received_at,
        "path": call.path,
        "webhook_id": call.webhook_id,
    }
    if not is_repeat:
        text = (call.body or b"")[:_BODY_KEPT_BYTES].decode("utf-8", "replace")
        row["is_verified"] = is_verified
        row["body"] = text if call.message is NOT_JSON else call.message
    return row


def _answer(status: int, text: str) -> Answer:
    return Answer(status=status, content_type="text/plain", body=text.encode(), code=status)
