"""How every process of the package logs: one line per event on stderr, secrets taken out."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

HIDDEN = "[hidden]"
_HIDDEN_KEY = re.compile(
    r"(^|_)(token|secret|password|passwd|authorization|cookie|openid|credentials?)$", re.IGNORECASE
)
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
_QUERY_SECRET = re.compile(
    r"(?<=[?&])((?:access_)?token|(?:app)?secret|password|openid)=[^&\s'\"]+", re.IGNORECASE
)

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]


def configure(level: str, json_lines: bool) -> None:
    """Send structlog's and the standard library's events to stderr, from `level` on.

    level: debug, info, warning or error. Libraries that use `logging` are heard from warning on.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    stream = _Unbreakable()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    render = structlog.processors.JSONRenderer() if json_lines else _console()
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(file=stream),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    _adopt_standard_logging(shared, render, stream, max(threshold, logging.WARNING))


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Replace the values of telling keys, and credentials inside URLs of any value."""
    return {key: _hidden(key, value) for key, value in event.items()}


def hide_in_text(text: str) -> str:
    """The text without the credentials of the URLs in it."""
    return _QUERY_SECRET.sub(rf"\1={HIDDEN}", _URL_CREDENTIALS.sub(HIDDEN, text))


def _hidden(key: str, value: Any) -> Any:
    if _HIDDEN_KEY.search(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {inner: _hidden(str(inner), item) for inner, item in value.items()}
    if isinstance(value, BaseException):
        value = str(value)
    return hide_in_text(value) if isinstance(value, str) else value


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )


def _adopt_standard_logging(
    shared: list[Processor], render: Processor, stream: _Unbreakable, threshold: int
) -> None:
    handler: logging.StreamHandler[Any] = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)


class _Unbreakable:
    """stderr, but a terminal that was closed or a full disk does not stop the work."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
