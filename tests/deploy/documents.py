"""docker-compose.yml and the Dockerfiles, read as strictly as an engine reads them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from notifier.stack.layout import CHECKOUT

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILES = (CHECKOUT / "Dockerfile", CHECKOUT / "rabbitmq" / "Dockerfile")


class _Strict(yaml.SafeLoader):
    """A key that is given twice is a mistake; plain YAML lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        given = [key.value for key, _ in node.value if key.value != "<<"]
        twice = {key for key in given if given.count(key) > 1}
        if twice and not getattr(node, "is_merged", False):
            raise yaml.constructor.ConstructorError(
                None, None, f"{sorted(twice)} given twice", node.start_mark
            )
        # What `<<` brings is put among the node's own keys, where it may come twice.
        node.is_merged = True  # type: ignore[attr-defined]
        return super().construct_mapping(node, deep)


def read_compose(text: str) -> dict[str, Any]:
    """Raises yaml.YAMLError."""
    document: dict[str, Any] = yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """name: upper case. text: the rest, with its continued lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Of the JSON form or of the shell form."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return shlex.split(self.text)


def read_dockerfile(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [Instruction(name=name.upper(), text=text.strip()) for name, text in pairs]


def only(instructions: Sequence[Instruction], name: str) -> Instruction:
    """The one with this name."""
    (found,) = [each for each in instructions if each.name == name]
    return found


DOCUMENT = read_compose(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = [name for name, service in SERVICES.items() if service.get("image") == "notifier:local"]
MOUNTED = "/run/secrets/"
