"""What logs say, and what they never say."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from notifier import logs
from notifier.logs import hide_in_text


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().err)
    return line


def test_a_line_has_its_event_level_and_moment_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", json_lines=True)

    structlog.get_logger("some").info("sent", attempt=3)

    line = logged(capsys)
    assert (line["event"], line["level"], line["attempt"]) == ("sent", "info", 3)
    assert line["timestamp"].endswith("Z")


def test_secrets_are_hidden_wherever_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", json_lines=True)

    structlog.get_logger("some").warning(
        "told",
        access_token="one",
        designer_openid="two",
        headers={"Authorization": "three"},
        url="https://u:four@h/path?access_token=five&x=1",
        reason=OSError("amqp://user:six@h:5672/ refused"),
    )

    line = json.dumps(logged(capsys))
    assert not [word for word in ("one", "two", "three", "four", "five", "six") if word in line]
    assert "/path?access_token=[hidden]&x=1" in line
    assert "@h:5672/ refused" in line


def test_secrets_are_hidden_in_tracebacks_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", json_lines=True)

    try:
        raise RuntimeError("GET https://h/token?appid=1&secret=hunter2")
    except RuntimeError:
        structlog.get_logger("some").error("failed", exc_info=True)

    line = logged(capsys)
    assert "RuntimeError" in line["exception"]
    assert "hunter2" not in line["exception"]


def test_libraries_are_heard_from_warning_on_in_the_same_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", json_lines=True)

    logging.getLogger("aio_pika").info("nothing")
    logging.getLogger("aio_pika").warning("lost amqp://user:hunter2@h/")

    line = logged(capsys)
    assert line["event"] == "lost amqp://[hidden]@h/"
    assert line["level"] == "warning"


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", json_lines=False)

    structlog.get_logger("some").info("nothing")

    assert capsys.readouterr().err == ""


def test_a_closed_terminal_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("info", json_lines=False)
    reading, writing = os.pipe()
    os.close(reading)
    broken = open(writing, "w", buffering=1)  # noqa: SIM115 (closing it fails, by intent)
    monkeypatch.setattr("sys.stderr", broken)

    structlog.get_logger("some").info("nobody reads this")

    with contextlib.suppress(BrokenPipeError):
        broken.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://root:pw@h/db", "mysql://[hidden]@h/db"),
        ("to a@b.example, see http://h/x", "to a@b.example, see http://h/x"),
        ("http://h/?secret=abc", "http://h/?secret=[hidden]"),
    ],
)
def test_only_credentials_are_taken_out_of_a_text(text: str, shown: str) -> None:
    assert hide_in_text(text) == shown
