"""What the sections share: frozen, closed, documented, and secrets that may be in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from notifier.errors import SettingsError
from notifier.secret_file import read_secret, with_password


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _read_passwords(self) -> Self:
        """An address whose password is in a file becomes one with a password."""
        read = {}
        for name in type(self).model_fields:
            file, url = getattr(self, name), name.removesuffix("password_file") + "url"
            if not name.endswith("password_file") or file is None:
                continue
            address = getattr(self, url)
            if address is None:
                raise ValueError(f"{name} is given without {url}")
            read[url] = SecretStr(_password_into(address.get_secret_value(), name, file))
        return self.model_copy(update=read) if read else self


def _password_into(url: str, name: str, file: Path) -> str:
    try:
        return with_password(url, read_secret(file))
    except SettingsError as error:
        raise ValueError(f"{name}: {error}") from None


def secret_of(name: str, secret: SecretStr, file: Path | None) -> str:
    """The file's, where there is one. Raises SettingsError where others can read it, or nobody."""
    if file is None:
        return secret.get_secret_value()
    try:
        return read_secret(file)
    except SettingsError as error:
        raise SettingsError(f"{name}: {error}") from None


def checked(check: Any, value: Any) -> Any:
    """What `check` makes of it, its error in the form that Pydantic gathers."""
    try:
        return check(value)
    except Exception as error:
        raise ValueError(str(error)) from error


def words(value: object) -> object:
    """A text with commas as the words between them."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
