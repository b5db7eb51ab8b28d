"""What the options of `notifier publish` ask for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from notifier.errors import InvalidInput

if TYPE_CHECKING:
    from notifier.dispatch.ordering import Timing
    from notifier.domain.notice import Notice
    from notifier.settings import Settings


def lines_of(order: str | None, file: str | None, *, notice: Notice | None) -> list[str | Notice]:
    """Raises InvalidInput where not exactly one of them is given, or the file cannot be read."""
    if [order, file, notice].count(None) != 2:
        raise InvalidInput("order", "give one of --order, --file and --to")
    if notice is not None:
        return [notice]
    return [order] if order is not None else list(_lines(str(file)))


def notice_of(to: str | None, channel: str | None, **options: str | None) -> Notice | None:
    """None without --to. Raises InvalidInput."""
    from notifier.domain.notice import Notice
    from notifier.domain.payload import parse_payload

    if to is None:
        for name, value in {"channel": channel, **options}.items():
            if value is not None:
                raise InvalidInput(name, "goes with --to; in a file it is a field of the line")
        return None
    if channel is None:
        raise InvalidInput("channel", "say how to reach --to: wechat, webhook or push")
    payload = options["payload"]
    return Notice(
        channel=channel,
        recipient=to,
        template=options["template"] or "",
        payload={} if payload is None else parse_payload(_payload_text(payload)),
        order_no=options["order_no"] or "",
        idempotency_key=options["idempotency_key"],
    )


def timing_of(
    settings: Settings, at: str | None, delay: str | None, *, deadline: str | None, ladder: str
) -> Timing:
    """Raises InvalidInput."""
    from zoneinfo import ZoneInfo

    from notifier.dispatch.ordering import Timing
    from notifier.domain.ladder import find_ladder
    from notifier.domain.moment import parse_duration, parse_moment
    from notifier.wiring.parts import ladders_of

    if at is not None and delay is not None:
        raise InvalidInput("at", "give either --at or --delay")
    zone = ZoneInfo(settings.wechat.time_zone)
    timing = Timing(
        at=parse_moment("at", at, zone) if at is not None else None,
        delay=parse_duration("delay", delay) if delay is not None else None,
        deadline=parse_moment("deadline", deadline, zone) if deadline is not None else None,
        ladder=find_ladder(ladders_of(settings), ladder).name,
    )
    first = timing.at or datetime.now(UTC) + (timing.delay or timedelta(0))
    if timing.deadline is not None and timing.deadline <= first:
        raise InvalidInput("deadline", f"{deadline} is not after the first attempt's moment")
    return timing


def _payload_text(payload: str) -> str:
    if payload == "-":
        return sys.stdin.read()
    return _read("payload", payload[1:]) if payload.startswith("@") else payload


def _lines(file: str) -> Iterator[str]:
    text = sys.stdin.read() if file == "-" else _read("file", file)
    # Not splitlines: it also splits at control characters, which belong to the line they spoil.
    for line in text.removeprefix("\ufeff").split("\n"):
        yield line.removesuffix("\r")


def _read(field: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(field, f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(field, f"{path} is not UTF-8: byte {error.start}") from None
