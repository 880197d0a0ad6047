"""Bring a file's rows into a project: checked, deduplicated, all of them or none.

Reads lazily and stores in batches, so that memory stays flat; nothing is visible before the last row is in.
"""

import errno
import fcntl
import hashlib
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from collab.domain.annotation import Event
from collab.domain.project import Item, Project
from collab.domain.run import ImportReport
from collab.domain.store import Added, NewItem, Store
from collab.domain.table import PICTURE_COLUMNS, RAW_LIMIT, Rejected
from collab.errors import Conflict, JobCancelled, StoreFull, StoreReadOnly
from collab.loop.auditing import revoke_edited
from collab.loop.collecting import Collector
from collab.loop.guessing import language_of
from collab.loop.permitting import needs
from collab.loop.planning import ImportPlan, check_plan, with_commas
from collab.loop.reading import holds_pictures, rows, sniff
from collab.loop.rejecting import Rejects
from collab.loop.shaping import Shaper

BATCH = 5000
PICTURES = 100
"""The batch where rows have pictures: each takes far longer."""
STRATUM_MIN = 500
"""An import with fewer items shares its audit reserve with the next one."""

Progress = Callable[[float, str], bool]
"""Told the share done and the number of rows read so far; returns True to cancel."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import would do."""

    report: ImportReport
    examples: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = ()
    """(id, fields now, fields in the file) of the first changed rows."""


def run_import(
    store: Store,
    project: Project,
    path: Path,
    plan: ImportPlan,
    *,
    now: int,
    progress: Progress,
    by: str = "",
    source: str = "",
) -> ImportReport:
    """Import a file, then ask for its encoding and its search index.

    Args:
        store: The workspace.
        project: Where to.
        path: The file; its suffix names its format. A folder or a ZIP archive holds pictures.
        plan: What people confirmed.
        now: Milliseconds.
        progress: Called after each batch.
        by: Who imports.
        source: What people call the file, where `path` is only a copy of it.

    Raises:
        UnreadableFile: The file is none, or breaks off in the middle.
        JobCancelled: `progress` said so. After any error nothing of the file is there.
        Conflict: Another import of this project is under way.
    """
    source = source or path.name
    with tempfile.TemporaryFile() as rejects:
        feed = _Feed(store, project, path, plan, rejects)
        with _under_way(store, project.id, source, plan, now) as import_id:
            feed.run(import_id, progress)
            report = feed.report()
            if report.rejected:
                name = f"imports/{import_id}-rejected.csv"
                store.write_file(name, feed.rejects.written())
                report = replace(report, rejected_file=name)
            size = store.unjoined(project.id, STRATUM_MIN) + report.added
            mark = reserve_mark(size) if project.policy.audits else 0.0
            file = {"import": import_id, "source": source, "sha256": "" if path.is_dir() else _sha256(path)}
            if any(f.kind == "image" for f in plan.fields):
                store.sync_files()
            with store.transaction():
                report = store.finish_import(import_id, report, mark, STRATUM_MIN, now)
                revoke_edited(store, project.id, feed.replaced, now)
                store.append(_event(project, by, now, file, report))
                for kind in ("encode", "index"):
                    store.submit_job(kind, project.id, {"import": import_id}, by, now)
        log_answers(store, project.id, now)
    return report


@needs("lead")
def preview_changes(
    store: Store,
    project: Project,
    path: Path,
    plan: ImportPlan,
    *,
    now: int,
    progress: Progress,
    limit: int = 20,
) -> Changes:
    """Say what `run_import` would do, with the first differences; leaves no trace.

    Raises:
        UnreadableFile: As `run_import`.
        JobCancelled: As `run_import`.
    """
    with tempfile.TemporaryFile() as rejects:
        feed = _Feed(store, project, path, replace(plan, on_change="keep"), rejects, keep=False)
        with _under_way(store, project.id, path.name, plan, now) as import_id:
            feed.run(import_id, progress)
            store.abandon_import(import_id)
    shown = feed.changed_rows[:limit]
    there = store.items([item for item, _ in shown])
    return Changes(feed.report(), tuple((row.ref, there[item].fields, row.fields) for item, row in shown))


def reserve_mark(n: int) -> float:
    """Share of a stratum of `n` items that is reserved for audits.

    >>> reserve_mark(1000), reserve_mark(50_000)
    (0.2, 0.026)
    """
    return min(0.2, (300 + 0.02 * n) / max(1, n))


def log_answers(store: Store, project: int, now: int) -> None:
    """Log the answers of named people that a finished import brought, also of one that was cut off while at it."""
    while store.append_answers(project, now):
        pass


class _Feed:
    """One pass over a file, and what it has counted so far."""

    def __init__(
        self, store: Store, project: Project, path: Path, plan: ImportPlan, rejects: IO[bytes], *, keep: bool = True
    ) -> None:
        self._store, self._plan = store, plan
        self._table = sniff(path, encoding=plan.encoding, delimiter=plan.delimiter)
        uploaded = not holds_pictures(path) and path.resolve().is_relative_to(store.workspace.resolve())
        check_plan(plan, project, self._table, alone=uploaded)
        images = [f.name for f in plan.fields if f.kind == "image" and (f.shown or f.encoded)]
        self._collector = Collector(store, self._table, images, project.policy, keep=keep)
        self._batch = PICTURES if images else BATCH
        commas = with_commas(plan.fields, self._table)
        self._shaper = Shaper(plan, project, _rows_before(store, project.id), commas)
        self.rejects = Rejects(rejects, self._table)
        self._added = self._duplicates = self._changed = self._contradicted = 0
        self._without: set[tuple[int, str]] = set()
        """Items, and by whom, to which the file gives more than one answer."""
        self._both = "" if plan.answers == "truth" else "; neither of the two answers is taken"
        self.changed_rows: list[tuple[int, NewItem]] = []
        """The first of them."""
        self.replaced: list[int] = []
        """Items that get other content."""

    def run(self, import_id: int, progress: Progress) -> None:
        """Hand every row to the store, batch by batch."""
        shape, batch, number = self._shaper.shape, list[NewItem](), 0
        for number, (row, named) in enumerate(self._collector.rows(rows(self._table)), 1):
            made = row if isinstance(row, Rejected) else shape(row[0], number, row[1], named)
            if isinstance(made, Rejected):
                self.rejects.add(made if isinstance(row, Rejected) else self._named(made, row[1]))
            else:
                batch.append(made)
            if number % self._batch == 0:
                self._add(import_id, batch)
                batch.clear()
                if progress(min(0.99, number / max(1, self._table.about)), f"{number:,}"):
                    raise JobCancelled("The import was cancelled; nothing of the file was kept.")
        self._add(import_id, batch)
        progress(1.0, f"{number:,}")

    def report(self) -> ImportReport:
        """What has been counted."""
        texts = [f.name for f in self._plan.fields if f.encoded and f.kind == "text"]
        language = language_of(str(cells.get(name) or "") for cells in self._table.sample for name in texts)
        return ImportReport(
            added=self._added,
            duplicates=self._duplicates,
            changed=self._changed,
            rejected=self.rejects.count,
            answers=max(0, self._shaper.answers - self._contradicted - (len(self._without) if self._both else 0)),
            unlabeled=self._shaper.unlabeled,
            language=language,
            columns=self._table.columns,
        )

    def _add(self, import_id: int, batch: list[NewItem]) -> None:
        if batch:
            self._store_batch(import_id, batch)
        self.rejects.settle()

    def _store_batch(self, import_id: int, batch: list[NewItem]) -> None:
        done = self._store.add_items(import_id, batch)
        self._count(done)
        if not self._plan.id_column:
            self._add_beside(import_id, [row for _, row in done.changed])
            return
        self._changed += len(done.changed)
        self.changed_rows += done.changed[: max(0, 100 - len(self.changed_rows))]
        if self._plan.on_change == "add":
            self._add_beside(import_id, [row for _, row in done.changed])
        elif self._plan.on_change == "replace" and done.changed:
            self.replaced += [item for item, _ in done.changed]
            with self._store.transaction():
                for item, row in done.changed:
                    self._store.replace_item(import_id, item, row, reopen=True)

    def _add_beside(self, import_id: int, waiting: list[NewItem]) -> None:
        """Add rows whose name is taken under the next free name."""
        number = 2
        while waiting:
            named: dict[str, NewItem] = {}
            waiting = [row for row in waiting if named.setdefault(f"{row.ref} ({number})", row) is not row]
            done = self._store.add_items(import_id, [replace(row, ref=ref) for ref, row in named.items()])
            self._count(done)
            waiting += [named[row.ref] for _, row in done.changed]
            number += 1

    def _count(self, done: Added) -> None:
        self._added += done.added
        self._duplicates += done.duplicates - len(done.contradicted)
        self._contradicted += len(done.contradicted)
        for item, row in done.contradicted:
            self._without.add((item.id, row.annotator if self._plan.answers == "annotations" else ""))
            reason = f"is the same as {self._called(item)}, but has another answer{self._both}"
            self.rejects.add(self._named(Rejected(row.line, reason, _cells(row)), row.meta))

    def _named(self, row: Rejected, cells: Mapping[str, Any]) -> Rejected:
        """A picture goes by its path, which says more than a row that nobody wrote."""
        return replace(row, raw=str(cells[PICTURE_COLUMNS[0]])) if self.rejects.named else row

    def _called(self, item: Item) -> str:
        """What people find an item of the file by: its pictures' paths, or its name."""
        paths = [str(item.meta[f.name]) for f in self._plan.fields if f.kind == "image" and item.meta.get(f.name)]
        return " and ".join(paths) or f"item {item.ref}"


def _cells(row: NewItem) -> str:
    """A row as its file gave it."""
    return json.dumps({**row.fields, **row.meta}, ensure_ascii=False, default=str)[:RAW_LIMIT]


@contextmanager
def _under_way(store: Store, project: int, source: str, plan: ImportPlan, now: int) -> Iterator[int]:
    """An import that is taken back after an error; one that was cut off before is taken back first."""
    with _alone(store.workspace / f"import-{project}.lock"):
        cut_off = store.open_import(project)
        if cut_off is not None:
            store.abandon_import(cut_off)
        log_answers(store, project, now)
        import_id = store.begin_import(project, source, plan.answers, now)
        try:
            yield import_id
        except BaseException:
            store.abandon_import(import_id)
            raise


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, so that an import that was killed is known to be dead."""
    try:
        file = path.open("w")
    except OSError as error:
        raise (StoreFull if error.errno == errno.ENOSPC else StoreReadOnly)(str(path)) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Another import of this project is under way; wait for it, or cancel it.") from None
        yield


def _rows_before(store: Store, project: int) -> int:
    """How many rows earlier files had: the numbers of this file's rows go on from there."""
    return sum(r.added + r.duplicates + r.changed + r.rejected for _, _, _, r in store.imports(project))


def _event(project: Project, by: str, now: int, source: Mapping[str, Any], report: ImportReport) -> Event:
    counted = ("added", "duplicates", "changed", "rejected", "answers", "answers_left", "unlabeled")
    counts = {name: getattr(report, name) for name in counted}
    version, payload = project.schema.version, {**source, **counts}
    return Event(str(uuid.uuid4()), project.id, "import", by, now, schema_version=version, payload=payload)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
