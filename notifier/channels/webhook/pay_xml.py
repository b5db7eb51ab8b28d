"""The XML answer of WeChat Pay's second version."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.channels.flat_xml import read_flat_xml


@dataclass(slots=True, kw_only=True)
class PayAnswer:
    """return_code and return_msg, "" for what is not there."""

    code: str = ""
    message: str = ""


def read_pay_xml(body: bytes) -> PayAnswer:
    """Of `<xml><return_code>…</return_code><return_msg>…</return_msg></xml>`, empty for others."""
    texts = read_flat_xml(body)
    return PayAnswer(code=texts.get("return_code", ""), message=texts.get("return_msg", ""))
