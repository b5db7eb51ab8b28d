"""A script from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from notifier.sandbox.options import SandboxError


def read_script(given: str | None) -> Any:
    """The parsed JSON of a script, given as it is or as the name of a file; None for None.

    Raises: SandboxError naming the text or the file.
    """
    if given is None:
        return None
    is_json = given.lstrip()[:1] in ("[", "{")
    try:
        return orjson.loads(given if is_json else Path(given).read_bytes())
    except OSError as error:
        raise SandboxError(f"script: cannot read {given!r}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise SandboxError(f"script: {given!r} is no JSON: {error}") from error
