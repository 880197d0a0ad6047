"""Split bytes into lines and delimited records so that one broken row never takes its neighbours with it.

`csv.reader` alone lets a quote that is never closed swallow the rest of the file. Here the lines of the record under
way are kept; where it turns out broken, only its first line is given up and reading goes on with the next one.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import IO

from charset_normalizer import from_bytes

CELL_LIMIT = 1 << 20
"""Characters in a cell."""
LINE_LIMIT = 1 << 24
"""Bytes in a line; longer ones are skipped without being held."""

DELIMITERS = ",\t;|"
LIKELY = ("cp1252", "cp1251", "gb18030", "big5", "cp932", "cp949")
"""Where several encodings fit a short sample equally well, the first of these."""
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

Record = tuple[int, list[str], str, str]
"""(number of its first line, cells, fault or "", the raw text where there is a fault)"""


def guess_encoding(head: bytes) -> str:
    """Guess the encoding of the first bytes of a file.

    UTF-8 wins where at least half of the lines with non-ASCII bytes are valid: the others are then broken rows, not
    another encoding.

    >>> guess_encoding("Straße".encode()), guess_encoding(b"plain")
    ('utf-8', 'utf-8')
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if head[1::2].count(0) > 0.3 * len(head[1::2]):
        return "utf-16-le"
    if head[::2].count(0) > 0.3 * len(head[::2]):
        return "utf-16-be"
    telling = [line for line in head.split(b"\n") if not line.isascii()]
    valid = sum(_is_utf8(line) for line in telling)
    if 2 * valid >= len(telling):
        return "utf-8"
    matches = from_bytes(b"\n".join(telling)[: 1 << 16])
    best = matches.best()
    if best is None:
        return LIKELY[0]
    tied = {name for m in matches if m.chaos <= best.chaos for name in (m.encoding, *m.could_be_from_charset)}
    return next((name for name in LIKELY if name in tied), best.encoding)


def guess_delimiter(text: str, wanted: str = "") -> tuple[str, bool]:
    """Guess the delimiter, and whether quotes hold cells together.

    Each candidate parses the sample; the one with the fewest bad rows wins, then the one with more columns.
    `csv.Sniffer` counts characters instead, and takes letters of running text for delimiters.

    >>> guess_delimiter("text;label\\nwell, fine;yes\\n")
    (';', True)
    """
    lines = text.splitlines(keepends=True)[:400]
    best: tuple[int, int, bool] | None = None
    choice = (wanted or ",", True)
    for delimiter in wanted or DELIMITERS:
        for quoted in (True, False):
            bad, width = _bad_rows(lines, delimiter, quoted)
            penalty = 0 if quoted or delimiter == "\t" else 2  # one stray quote is a broken row, not another format
            score = (bad + penalty, -width, not quoted)
            if (width > 1 or wanted) and (best is None or score < best):
                best, choice = score, (delimiter, quoted)
    return choice


def physical_lines(file: IO[bytes], encoding: str) -> Iterator[tuple[str, str]]:
    """Yield each line with its end, and its fault: bytes of another encoding, NUL bytes, or too long."""
    peek = getattr(file, "peek", lambda _: b"")(1)
    if encoding.startswith(("utf-16", "utf-32")) or (b"\r" in peek and b"\n" not in peek):
        # Lines of two-byte encodings can't be cut at the byte 0x0a, nor those of a file whose lines end in \r.
        with io.TextIOWrapper(file, encoding, errors="replace", newline="") as lines:
            for line in lines:
                yield line, _fault(line, "�" in line, encoding)
        return
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    first = True
    while raw := file.readline(LINE_LIMIT):
        if len(raw) == LINE_LIMIT and not raw.endswith(b"\n"):
            while (rest := file.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                pass
            yield raw[:CELL_LIMIT].decode(codec, "replace"), f"is a line of more than {LINE_LIMIT >> 20} MB"
            first = False
            continue
        try:
            line, broken = raw.decode(codec), False
        except UnicodeDecodeError:
            line, broken = raw.decode(codec, "replace"), True
        if first:
            line, first = line.removeprefix("\ufeff"), False
        yield line, _fault(line, broken, encoding) if broken or "\0" in line else ""


def records(file: IO[bytes], encoding: str, delimiter: str, *, quoted: bool = True) -> Iterator[Record]:
    """Yield records with the number of their first line; blank lines are none."""
    csv.field_size_limit(CELL_LIMIT)
    yield from _records(_Lines(physical_lines(file, encoding)), delimiter, quoted)


def _records(lines: "_Lines", delimiter: str, quoted: bool) -> Iterator[Record]:
    reader = _csv(lines, delimiter, quoted)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            alone = len(lines.taken) == 1
            fault = lines.fault if alone and lines.fault else _sentence(error, alone)
            number, raw = lines.number, lines.taken[0]
            lines.give_back()
            reader = _csv(lines, delimiter, quoted)
            yield number, [], fault, raw
            continue
        if lines.fault:
            yield lines.number, [], lines.fault, "".join(lines.taken)
        elif cells:
            yield lines.number, cells, "", ""


class _Lines:
    """Feeds lines to `csv.reader` and keeps those of the record under way, so that they can be read again."""

    def __init__(self, source: Iterator[tuple[str, str]]) -> None:
        self._source = source
        self._waiting: deque[tuple[str, str]] = deque()
        self._pairs: list[tuple[str, str]] = []
        self.number = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        pair = self._waiting.popleft() if self._waiting else next(self._source)
        self._pairs.append(pair)
        return pair[0]

    def begin(self) -> None:
        """A record begins with the next line."""
        self.number += len(self._pairs)
        self._pairs.clear()

    def give_back(self) -> None:
        """Read all but the first line of this record again."""
        self._waiting.extendleft(reversed(self._pairs[1:]))
        del self._pairs[1:]

    @property
    def taken(self) -> list[str]:
        """Lines of this record so far."""
        return [line for line, _ in self._pairs]

    @property
    def fault(self) -> str:
        """The first fault among them."""
        return next((fault for _, fault in self._pairs if fault), "")


def _csv(lines: Iterator[str], delimiter: str, quoted: bool) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True)


def _bad_rows(lines: list[str], delimiter: str, quoted: bool) -> tuple[int, int]:
    """How many rows are broken or not as wide as the header, and its width."""
    found = list(_records(_Lines(iter([(line, "") for line in lines])), delimiter, quoted))
    width = len(found[0][1]) if found else 0
    return sum(len(cells) != width for _, cells, _, _ in found), width


def _sentence(error: csv.Error, alone: bool) -> str:
    if "field limit" in str(error) and alone:
        return f"has a cell of more than {CELL_LIMIT >> 20} MB"
    if "expected after" in str(error) and alone:
        return "has text after a closing quote"
    if "new-line character" in str(error):
        return "has a carriage return outside quotes"
    return "has a quote that is never closed"


def _fault(line: str, broken: bool, encoding: str) -> str:
    if broken:
        return f"has bytes that are not {encoding}; choose the encoding of the file"
    return "has NUL bytes" if "\0" in line else ""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
