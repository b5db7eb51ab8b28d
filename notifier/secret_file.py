"""Secrets that stand in files of their own instead of in the environment."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

from notifier.errors import SettingsError

MOUNTED = Path("/run/secrets")
"""Here an engine mounts a container's secrets, for whoever runs inside: their mode says nothing.

Source: Docker, "Manage sensitive data with Docker secrets" (0444 where nothing else is asked for).
"""


def read_secret(path: Path) -> str:
    """Without the line's end.

    Raises SettingsError where it cannot be read, or where others can read it too.
    """
    try:
        if path.stat().st_mode & 0o077 and not path.is_relative_to(MOUNTED):
            raise SettingsError(f"others can read {path}; chmod 600")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None


def with_password(url: str, password: str) -> str:
    """The address with its password.

    Raises SettingsError where it has one already, or this one is empty.
    """
    if not password:
        raise SettingsError("the file is empty; write the password into it")
    parts = urlsplit(url)
    user, _, place = parts.netloc.rpartition("@")
    if ":" in user:
        raise SettingsError("the url has a password too; leave it out there")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()
