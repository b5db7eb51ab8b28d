"""XML of one level, `<xml><name>text</name>…</xml>`, read without trust."""

from __future__ import annotations

# Expat itself expands and fetches nothing here: whatever declares a type or an entity is refused
# before its first entity could be used.
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

DEEPEST = 8


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


def read_flat_xml(body: bytes) -> Mapping[str, str]:
    """Text by name, stripped; {} for what is no such XML."""
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
        return {}
    return {name: text.strip() for name, text in reading.texts.items()}


def _refuse(*_: object) -> NoReturn:
    raise ValueError("a document type or an entity")
