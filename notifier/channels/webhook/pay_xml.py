"""The XML answer of WeChat Pay's second version, read without trust."""

from __future__ import annotations

# Expat itself expands and fetches nothing here: whatever declares a type or an entity is refused
# before its first entity could be used.
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

DEEPEST = 8


@dataclass(slots=True, kw_only=True)
class PayAnswer:
    """return_code and return_msg, "" for what is not there."""

    code: str = ""
    message: str = ""


@dataclass(slots=True)
class _Reading:
    path: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > DEEPEST:
            raise ValueError("too deep")
        if len(self.path) == 2:
            if name in self.texts:
                raise ValueError("an element twice")
            self.texts[name] = ""

    def end(self, name: str) -> None:
        self.path.pop()

    def text(self, text: str) -> None:
        if len(self.path) == 2 and self.path[0] == "xml":
            self.texts[self.path[1]] += text


def read_pay_xml(body: bytes) -> PayAnswer:
    """Of `<xml><return_code>…</return_code><return_msg>…</return_msg></xml>`, empty for others."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        return PayAnswer()
    return PayAnswer(
        code=reading.texts.get("return_code", "").strip(),
        message=reading.texts.get("return_msg", "").strip(),
    )


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a document type or an entity")
