"""Passwords that stand in files instead of in addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier import secret_file
from notifier.errors import SettingsError
from notifier.secret_file import read_secret
from notifier.settings import read_settings
from notifier.settings_list import shown

PASSWORD = "p/w:@#%hunter2"
QUOTED = "p%2Fw%3A%40%23%25hunter2"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but a test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFIER_CONFIG", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("section", "url", "address", "expected"),
    [
        ("amqp", "url", "amqp://u@rabbit/v", f"amqp://u:{QUOTED}@rabbit/v"),
        ("amqp", "management_url", "http://m@rabbit:15672", f"http://m:{QUOTED}@rabbit:15672"),
        ("mysql", "url", "mysql://u@[::1]:3306/shop", f"mysql://u:{QUOTED}@[::1]:3306/shop"),
        ("redis", "url", "redis://cache:6379/0", f"redis://:{QUOTED}@cache:6379/0"),
    ],
)
def test_a_password_of_a_file_gets_into_its_address(
    monkeypatch: pytest.MonkeyPatch, file: Path, section: str, url: str, address: str, expected: str
) -> None:
    monkeypatch.setenv(f"NOTIFIER_{section.upper()}_{url.upper()}", address)
    name = url.removesuffix("url") + "password_file"
    monkeypatch.setenv(f"NOTIFIER_{section.upper()}_{name.upper()}", str(file))
    settings = read_settings()
    assert getattr(getattr(settings, section), url).get_secret_value() == expected
    assert "hunter2" not in repr(settings) + settings.model_dump_json()
    assert "hunter2" not in "".join(row.value + row.default for row in shown(settings))


@pytest.mark.parametrize(
    ("text", "mode", "url", "says"),
    [
        ("x", 0o644, "amqp://u@h/", "others can read"),
        ("", 0o600, "amqp://u@h/", "empty"),
        ("x", 0o600, "amqp://u:secret@h/", "leave it out"),
        (None, 0o600, "amqp://u@h/", "cannot be read"),
    ],
)
def test_a_password_file_that_will_not_do_is_named_with_its_fault(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str | None,
    mode: int,
    url: str,
    says: str,
) -> None:
    path = tmp_path / "given"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    monkeypatch.setenv("NOTIFIER_AMQP_URL", url)
    monkeypatch.setenv("NOTIFIER_AMQP_PASSWORD_FILE", str(path))
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "[amqp]" in str(caught.value)
    assert "password_file" in str(caught.value)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_without_its_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setenv("NOTIFIER_AMQP_MANAGEMENT_PASSWORD_FILE", str(file))
    with pytest.raises(SettingsError, match="without management_url"):
        read_settings()


def test_where_an_engine_mounts_secrets_their_mode_says_nothing(
    monkeypatch: pytest.MonkeyPatch, file: Path, tmp_path: Path
) -> None:
    file.chmod(0o444)
    with pytest.raises(SettingsError, match="chmod 600"):
        read_secret(file)
    monkeypatch.setattr(secret_file, "MOUNTED", tmp_path)
    assert read_secret(file) == PASSWORD
