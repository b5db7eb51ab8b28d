"""Imports that a process of the fleet does without, because six of them share a small machine."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

RARELY_USED = (
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.asymmetric.padding",
)
"""The MySQL driver imports them for SHA-2 passwords without TLS only; 7 MB."""


class PutOff(ModuleType):
    """Stands in for a module until the first of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # inspect looks at every module that is loaded
            raise AttributeError(name)
        for rare in RARELY_USED:
            if isinstance(sys.modules.get(rare), PutOff):
                del sys.modules[rare]
        return getattr(import_module(self.__name__), name)


def stay_lean() -> None:
    """Call before the first import of a driver."""
    for name in RARELY_USED:
        sys.modules.setdefault(name, PutOff(name))
    # structlog would import it for tracebacks that nobody looks at here; 4 MB and 40 ms.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
