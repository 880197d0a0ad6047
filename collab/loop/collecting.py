"""Store the pictures that the rows of a file name: each original once, and what people and models see of it.

A picture is named after its bytes, so the same bytes are one picture wherever they come from. An import that is taken
back leaves its pictures: others may use them, and the next import of the same ones is quicker.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import final

from collab.domain.media import media_name, thumb_of, view_of
from collab.domain.project import LoopPolicy
from collab.domain.store import Store
from collab.domain.table import PICTURES, RAW_LIMIT, Cells, Rejected, Row, Table
from collab.engine.pictures import SNIFFED, identify, prepare
from collab.errors import UnknownName, UnreadableFile
from collab.loop.gathering import Place, place_of

THREADS = 2
AHEAD = 8
"""Rows whose pictures are under way: enough for the threads, few enough for the memory."""

Named = Mapping[str, str]
"""Names of stored pictures by field; "" where the cell is empty."""


@final
class Collector:
    """Reads, checks and stores pictures, a few rows ahead of who takes them."""

    def __init__(self, store: Store, table: Table, fields: Iterable[str], policy: LoopPolicy, *, keep: bool) -> None:
        """Find the place where the pictures lie.

        Args:
            store: Where they are kept.
            table: The file whose cells name them, by paths from the folder that it lies in.
            fields: Columns of such paths.
            policy: Says how large a picture may be.
            keep: False: only say what they will be called; nothing is decoded or written.
        """
        self._store, self._policy, self._keep = store, policy, keep
        self._fields = tuple(fields)
        self._place: Place | None = place_of(table.path) if self._fields else None
        self._pictures = table.format == PICTURES
        self._base = PurePosixPath(table.inside).parent

    def rows(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Named]]:
        """Give back rows in their order, with the names of their pictures; one whose picture is refused is rejected."""
        if self._place is None:
            yield from ((row, {}) for row in rows)
            return
        waiting: deque[Future[tuple[Row, Named]]] = deque()
        with ThreadPoolExecutor(THREADS, "pictures") as threads:
            try:
                for row in rows:
                    waiting.append(threads.submit(self._row, row, self._place))
                    if len(waiting) == AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                threads.shutdown(cancel_futures=True)

    def _row(self, row: Row, place: Place) -> tuple[Row, Named]:
        if isinstance(row, Rejected):
            return row, {}
        line, cells = row
        named: dict[str, str] = {}
        for field in self._fields:
            try:
                named[field] = self._one(cells, field, place)
            except UnreadableFile as error:
                reason = error.reason if self._pictures else f"{field}: {error.reason}"
                return Rejected(line, reason, str(cells.get(field))[:RAW_LIMIT]), {}
        return row, named

    def _one(self, cells: Cells, field: str, place: Place) -> str:
        given = cells.get(field)
        path = "" if given is None else str(given).strip()
        if not path:
            return ""
        data = place.read((self._base / path).as_posix(), self._policy.image_bytes, lambda head: identify(path, head))
        kind = identify(path, data[:SNIFFED])
        name = media_name(blake2b(data, digest_size=16).hexdigest(), kind.suffixes[0])
        if self._keep and not self._there(name, len(data)):
            prepared = prepare(path, data, self._policy.image_pixels)
            for of, content in ((name, data), (view_of(name), prepared.view), (thumb_of(name), prepared.thumb)):
                self._store.write_file(of, iter([content]), durable=False)  # the import syncs all of them at its end
        return name

    def _there(self, name: str, size: int) -> bool:
        """Whether an earlier import has stored it whole: one that a power cut ended may have left empty files."""
        try:
            made = [self._store.file(each).stat().st_size for each in (view_of(name), thumb_of(name))]
            return self._store.file(name).stat().st_size == size and all(made)
        except UnknownName:
            return False
