"""The pages' own files, and the headers that keep everything else out of them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fastapi import Request
from fastapi.responses import Response

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from outside, nothing inline, in nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
PRIVATE = {**HEADERS, "cache-control": "no-store"}
"""For what only its reader may see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    type: str
    plain: bytes
    packed: bytes
    etag: str


def read_assets() -> Mapping[str, Asset]:
    """By name."""
    folder = files("notifier.gateway.pages") / "assets"
    return {
        file.name: _asset(file.read_bytes(), kind)
        for file in folder.iterdir()
        if (kind := TYPES.get("." + file.name.rpartition(".")[2])) is not None
    }


def _asset(plain: bytes, kind: str) -> Asset:
    return Asset(
        type=kind,
        plain=plain,
        packed=gzip.compress(plain, 9, mtime=0),
        etag=f'"{hashlib.sha256(plain).hexdigest()[:20]}"',
    )


def answer_with(asset: Asset, request: Request) -> Response:
    headers = {
        **HEADERS,
        "cache-control": "no-cache",
        "etag": asset.etag,
        "vary": "accept-encoding",
    }
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(asset.packed, media_type=asset.type, headers=headers)
    return Response(asset.plain, media_type=asset.type, headers=headers)
