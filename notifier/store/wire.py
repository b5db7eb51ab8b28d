"""What the server answers, decoded in bulk.

aiomysql opens the connections. Its cursors await each packet twice, every column's description
among them, which was most of what a claim cost; here all that the socket has brought is decoded
at once. Source: MySQL's protocol, pages "COM_QUERY Response" and "Text Resultset".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from pymysql import err
from pymysql.constants import COMMAND, CR, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import convert_bit, decoders, through

Row = tuple[Any, ...]
Decode = Callable[[bytes], Any]

CHUNK = 1 << 18
HEADER = 4
"""Bytes before each packet: three of its length, one of its number."""
LONGEST_PACKET = 0xFFFFFF
OK, LOCAL_FILE, END, ERROR = 0x00, 0xFB, 0xFE, 0xFF
LONGEST_END = 8
NULL = 0xFB
BINARY = 63
"""The character set of what is bytes and no text."""
_BYTES_OF_LENGTH = {0xFC: 2, 0xFD: 3, 0xFE: 8}


async def ask(connection: Any, sql: str) -> tuple[list[int], list[Row]]:
    """Run statements: the number of rows that each changed, or found, and the last one's rows.

    connection: aiomysql's, idle. Raises pymysql.Error, OSError. Whoever is cut short closes the
    connection, so that nobody takes the rest of the answer for his own.
    """
    connection._last_usage = connection._loop.time()
    answer = _Answer()
    try:
        await connection._execute_command(COMMAND.COM_QUERY, sql.encode())
        while not answer.feed(await connection._reader.read(CHUNK)):
            pass
    except BaseException:
        connection.close()
        raise
    if answer.refusal is not None:
        err.raise_mysql_exception(answer.refusal)
    connection.server_status = answer.status
    return answer.changed, answer.rows


class _Answer:
    """One answer for each statement, up to the first that the server refuses.

    rows: of the last one. status: the connection's. refusal: the server's error packet.
    """

    def __init__(self) -> None:
        self.changed: list[int] = []
        self.rows: list[Row] = []
        self.status = 0
        self.refusal: bytes | None = None
        self._rest = b""
        self._take: Callable[[bytes, int, int], None] = self._first
        self._is_whole = False
        self._columns = 0
        self._decodes: list[Decode] = []

    def feed(self, chunk: bytes) -> bool:
        """Whether this was the end. Raises pymysql.Error for what is no answer to us."""
        if not chunk:
            raise err.OperationalError(CR.CR_SERVER_LOST, "the server closed the connection")
        data = self._rest + chunk
        at, size = 0, len(data)
        while size >= at + HEADER:
            length = data[at] | data[at + 1] << 8 | data[at + 2] << 16
            end = at + HEADER + length
            if length == LONGEST_PACKET:
                raise err.InternalError(CR.CR_MALFORMED_PACKET, "a row of 16 MiB or more")
            if end > size:
                break
            self._take(data, at + HEADER, end)
            at = end
        self._rest = data[at:]
        return self._is_whole

    def _first(self, data: bytes, at: int, end: int) -> None:
        kind = data[at]
        if data[at - 1] == 0:
            # Nobody asked: it says goodbye to a connection that was idle, or shuts down.
            raise err.OperationalError(CR.CR_SERVER_LOST, "the server took leave")
        if kind == OK:
            self.rows = []
            changed, at = _number(data, at + 1)
            self.changed.append(changed)
            _, at = _number(data, at)
            self._ends(data, at)
        elif kind == ERROR:
            self._refused(data, at, end)
        elif kind == LOCAL_FILE:
            raise err.NotSupportedError(CR.CR_UNKNOWN_ERROR, "the server asks for a file")
        else:
            self._columns, _ = _number(data, at)
            self._decodes = []
            self._take = self._column

    def _column(self, data: bytes, at: int, end: int) -> None:
        """Its description ends with character set (2), length (4), type (1) and 5 more bytes."""
        if self._columns:
            self._columns -= 1
            charset = data[end - 12] | data[end - 11] << 8
            self._decodes.append(_decode_of(data[end - 6], charset))
        else:
            self.rows = []
            self._take = self._row

    def _row(self, data: bytes, at: int, end: int) -> None:
        kind = data[at]
        if kind == END and end - at <= LONGEST_END:
            self.changed.append(len(self.rows))
            self._ends(data, at + 3)
        elif kind == ERROR:
            self._refused(data, at, end)
        else:
            self.rows.append(_row(data, at, self._decodes))

    def _ends(self, data: bytes, at: int) -> None:
        self.status = data[at] | data[at + 1] << 8
        self._take = self._first
        self._is_whole = not self.status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS

    def _refused(self, data: bytes, at: int, end: int) -> None:
        self.refusal = data[at:end]
        self._is_whole = True


def _row(data: bytes, at: int, decodes: Sequence[Decode]) -> Row:
    values: list[Any] = []
    for decode in decodes:
        size = data[at]
        at += 1
        if size == NULL:
            values.append(None)
            continue
        if size > NULL:
            size, at = _number(data, at - 1)
        end = at + size
        values.append(decode(data[at:end]))
        at = end
    return tuple(values)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A length-encoded integer, and where the next byte is."""
    first = data[at]
    if first < NULL:
        return first, at + 1
    end = at + 1 + _BYTES_OF_LENGTH[first]
    return int.from_bytes(data[at + 1 : end], "little"), end


@lru_cache(maxsize=256)
def _decode_of(type_: int, charset: int) -> Decode:
    if type_ in (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP):
        return _moment
    decode = decoders.get(type_, through)
    if decode in (int, float):
        return decode  # both read digits as bytes
    if decode not in (through, convert_bit):
        return lambda value: decode(value.decode("ascii"))
    return bytes if charset == BINARY and type_ != FIELD_TYPE.JSON else bytes.decode


@lru_cache(maxsize=64)
def _moment(value: bytes) -> datetime:
    """The session is in UTC. Kept, since NOW(6) is the same in every row."""
    return datetime.fromisoformat(f"{value.decode('ascii')}+00:00")
