"""Write a project's data to a file: the person's own file with answers, every decision, or every annotation.

Rows are spooled once, so that the file shows one pass over the store and its columns are known before it is written.
"""

import pickle
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from collab.domain.annotation import ANNOTATION_KINDS, Annotation, Decision, Suggestion
from collab.domain.certificate import Certificate
from collab.domain.media import is_media_name
from collab.domain.project import NONE, Answer, Item, LabelSchema, Project
from collab.domain.store import Store
from collab.domain.suspect import Adjudicated
from collab.domain.table import Cells
from collab.domain.task import task_of
from collab.errors import Conflict, JobCancelled, TooLarge, UnknownName
from collab.loop.withholding import without_personal
from collab.loop.writing import ABSENT, EXCEL_ROWS, WRITERS

What = Literal["mine", "decisions", "annotations"]
Format = Literal["csv", "jsonl", "parquet", "xlsx"]
Progress = Callable[[float, str], bool]
"""Told the share done and the number of rows so far; returns True to cancel."""
Bare = Callable[[Item], Item]
"""Takes from an item what isn't exported."""
Row = tuple[Mapping[str, Any], Cells, Answer]
"""The cells of the file, what collab says of them, and the answer; () is none."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    path: Path
    name: str
    """Its name in the store."""
    rows: int
    guarded_cells: int = 0
    """Cells with a leading apostrophe, so that no spreadsheet runs them; CSV and Excel only."""
    altered_cells: int = 0
    """Cells that Excel can't hold: shortened, or without their control characters."""
    left_out: int = 0
    """Rows of the files that "mine" hasn't, as they became no items of their own: duplicates and rejected ones."""


def export_data(
    store: Store, project: Project, what: What, form: Format, *, progress: Progress, personal: bool = False
) -> ExportReport:
    """Write an export and store it under `exports/`.

    Args:
        store: The workspace.
        project: Whose data.
        what: "mine" is the person's own rows, one for each item, same columns and order, plus answer, source, annotator
            and time.
        form: "jsonl" and "parquet" are exact; in "csv" and "xlsx" cells that a spreadsheet would run are guarded. Where
            any number of classes may apply, an answer is a list; in "csv" and "xlsx" it is "a; b" or "∅", and each one
            has a column of 1 and 0.
        progress: Called now and then.
        personal: Whether columns that may tell who somebody is come along.

    Raises:
        UnknownName: There is no such export or format.
        TooLarge: Excel can't hold so many rows.
        JobCancelled: `progress` said so.
        Conflict: Something was erased meanwhile, which may stand in the rows.
    """
    bare = (lambda item: item) if personal else partial(without_personal, project=project)
    sources = {"mine": _mine, "decisions": _decisions, "annotations": _annotations}
    for kind, given, known in (("export", what, tuple(sources)), ("format", form, tuple(WRITERS))):
        if given not in known:
            raise UnknownName(kind, given, known)
    counts = store.progress(project.id)
    total = max(1, counts.events if what == "annotations" else counts.items)
    reports = [report for *_, report in store.imports(project.id)]
    order = [name for report in reports for name in report.columns]
    with tempfile.TemporaryDirectory() as folder, closing(_Spool(Path(folder) / "rows", order)) as spool:
        for done, row in sources[what](store, project, bare):
            if row is not None:
                theirs, ours, answer = row
                if project.schema.many and form in ("csv", "xlsx"):
                    ours = {**ours, **_flags(project.schema, answer)}
                spool.add(theirs, ours)
            if done % _PAGE == 0 and progress(min(0.99, done / total), f"{spool.rows:,}"):
                raise JobCancelled("The export was cancelled.")
        if form == "xlsx" and spool.rows >= EXCEL_ROWS:
            raise TooLarge("an Excel sheet", f"{EXCEL_ROWS - 1:,} rows", "Export as CSV, JSON Lines or Parquet.")
        written = Path(folder) / f"export.{form}"
        with closing(WRITERS[form](written, spool.columns())) as writer:
            for cells in spool:
                writer.write(cells)
        kind = f"{what}-personal" if personal and project.personal else what
        name = f"exports/{project.id}-{slug(project.name)}-{kind}-{counts.events}.{form}"
        path = store.write_file(name, _chunks(written))
        if _erased_since(store, project.id, counts.events):  # last: an erasure from now on deletes the file itself
            store.delete_files(name)
            raise Conflict("Something was erased while this was written. Export once more.")
    progress(1.0, f"{spool.rows:,}")
    left_out = sum(r.duplicates + r.rejected for r in reports) if what == "mine" else 0
    return ExportReport(path, name, spool.rows, writer.guarded, writer.altered, left_out)


def _mine(store: Store, project: Project, bare: Bare) -> Iterator[tuple[int, Row | None]]:
    signed, settled = _signed(store, project.id), _settled(store, project.id)
    for done, (whole, decision, said) in enumerate(_outcomes(store, project.id), 1):
        item = bare(whole)
        # Where an import changed a value, the one of the file is kept in `meta`.
        ours = _outcome(project.schema, item, decision, said, signed, settled.get(item.id))
        yield done, ({**item.fields, **item.meta}, ours, decision.answer if decision else ())


def _decisions(store: Store, project: Project, bare: Bare) -> Iterator[tuple[int, Row | None]]:
    signed, settled = _signed(store, project.id), _settled(store, project.id)
    for done, (whole, decision, said) in enumerate(_outcomes(store, project.id), 1):
        item = bare(whole)
        if decision is None:
            yield done, None
            continue
        behind, certificate = _behind(item, decision, said), signed.get(decision.certificate)
        models = [word.model for a in behind if (word := a.shown or a.hidden)]
        more = {
            "answer_id": _ids(project.schema, decision.answer),
            "confidence": decision.confidence,
            "certificate": decision.certificate,
            "signed_by": certificate.signed_by if certificate else "",
            "model": certificate.model if certificate else "; ".join(dict.fromkeys(models)),
            "shown": any(a.shown for a in behind),
            "seconds": behind[-1].seconds if behind else None,
            "audit": (item.reserved or item.drawn) and decision.source != "machine",
            "schema_version": project.schema.version,
            "item": item.ref,
        }
        ours = _outcome(project.schema, item, decision, said, signed, settled.get(item.id)) | more
        yield done, (_content(item), ours, decision.answer)


def _annotations(store: Store, project: Project, bare: Bare) -> Iterator[tuple[int, Row | None]]:
    in_force = {a.id for _, _, said in _outcomes(store, project.id) for a in said}
    after = 0
    while page := store.log(project.id, after, _PAGE):
        words = [Annotation.from_event(e) for _, e in page if e.kind in ANNOTATION_KINDS]
        said = {a.id: a for a in words}
        items = store.items(list({a.item for a in words}))
        for number, event in page:
            a = said.get(event.id)
            if a is None:
                yield number, None
                continue
            item = bare(items[a.item])
            yield number, (_content(item), _annotation(project.schema, item, a, a.id in in_force), a.answer)
        after = page[-1][0]


def _content(item: Item) -> Mapping[str, Any]:
    """The fields of an item, with the path that its file gave in place of the name of a stored image."""
    return {name: item.meta.get(name, v) if is_media_name(v) else v for name, v in item.fields.items()}


def _annotation(schema: LabelSchema, item: Item, a: Annotation, in_force: bool) -> Cells:
    """What collab says of an annotation. A hidden word stays hidden here too, unless it was shown after the answer."""
    shown, after = a.shown, a.hidden if a.revealed else None
    choices = shown.choices if shown else None
    return {
        "annotator": a.annotator,
        "kind": a.kind,
        "answer": _names(schema, a.answer),
        "answer_id": _ids(schema, a.answer),
        "at": _iso(a.at),
        "seconds": a.seconds,
        "purpose": a.purpose,
        "blind": a.blind,
        "by_coin": a.by_coin,
        "shown": _best(schema, shown),
        "shown_probability": task_of(schema).sure(shown.proba) if shown else None,
        "shown_model": shown.model if shown else "",
        "shown_footing": shown.footing if shown else "",
        "shown_set": "; ".join(schema.classes[i].name for i in choices.columns) if choices else "",
        "revealed": _best(schema, after),
        "note": a.note,
        "schema_version": a.schema_version,
        "lease_valid": a.lease_valid,
        "in_force": in_force,
        "target": a.target or "",
        "event": a.id,
        "item": item.ref,
    }


def _best(schema: LabelSchema, word: Suggestion | None) -> str | tuple[str, ...] | None:
    if not schema.many:
        return schema.classes[word.best].name if word else ""
    return tuple(schema.classes[c].name for c in task_of(schema).suggested(word.proba)) if word else None


class _Spool:
    """Rows on disk, and the columns that they have: those of the file first, then what collab says of them."""

    def __init__(self, path: Path, order: list[str]) -> None:
        self._file = path.open("w+b")
        self._order = order
        self._theirs: dict[str, set[type]] = {}
        self._ours: dict[str, set[type]] = {}
        self.rows = 0

    def add(self, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
        """Keep a row."""
        pickle.dump((dict(theirs), dict(ours)), self._file)
        self.rows += 1
        for seen, row in ((self._theirs, theirs), (self._ours, ours)):
            for name, value in row.items():
                kinds = seen.setdefault(name, set())
                if value is not None:
                    kinds.add(type(value))

    def columns(self) -> dict[str, set[type]]:
        """Types of the values by column; where the file has a column of that name, ours begins with "collab_"."""
        ordered = {name: self._theirs[name] for name in self._order if name in self._theirs}
        theirs = {**ordered, **self._theirs}
        return {**theirs, **{f"collab_{name}" if name in theirs else name: kinds for name, kinds in self._ours.items()}}

    def __iter__(self) -> Iterator[list[Any]]:
        self._file.seek(0)
        theirs = list(self.columns())[: len(self._theirs)]
        for _ in range(self.rows):
            original, said = pickle.load(self._file)
            yield [original.get(n, ABSENT) for n in theirs] + [said.get(n, ABSENT) for n in self._ours]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _outcomes(store: Store, project: int) -> Iterator[tuple[Item, Decision | None, tuple[Annotation, ...]]]:
    after = 0
    while page := store.outcomes(project, after, _PAGE):
        yield from page
        after = page[-1][0].id


def _signed(store: Store, project: int) -> dict[int | None, Certificate]:
    """The certificates under which a machine decides, by their number."""
    return {c.number: c for c in store.certificates(project) if c.status == "signed"}


def _settled(store: Store, project: int) -> dict[int, Adjudicated]:
    """What adjudicators have settled, by item."""
    found: dict[int, Adjudicated] = {}
    before = None
    while page := store.adjudications(project, _PAGE, before):
        found |= {each.adjudication.item: each for each in page}
        before = page[-1].number
    return found


def _outcome(
    schema: LabelSchema, item: Item, decision: Decision | None, said: tuple[Annotation, ...],
    signed: Mapping[int | None, Certificate], settled: Adjudicated | None,
) -> Cells:  # fmt: skip
    behind = _behind(item, decision, said)
    names, moments = [a.annotator for a in behind], [a.at for a in behind]
    if settled is not None and settled.adjudication.verdict != "discard":  # whoever else said so, it is theirs
        names, moments = [settled.adjudicator], [settled.at]
    if decision is not None and (certificate := signed.get(decision.certificate)):
        moments.append(certificate.signed_at)
    undecided = "erased" if item.erased else "" if item.state == "open" else item.state
    return {
        "answer": _names(schema, decision.answer if decision else ()),
        "source": decision.source if decision else undecided,
        "annotator": "; ".join(names),
        "at": _iso(max(moments)) if moments else "",
    }


def _behind(item: Item, decision: Decision | None, said: tuple[Annotation, ...]) -> list[Annotation]:
    """The annotations that an item's state rests on."""
    if decision and decision.source in ("imported", "machine"):
        return []
    if decision and decision.source == "adjudicated":
        return [a for a in said if a.kind == "answer" and a.answer == decision.answer]
    kinds = {"decided": "answer", "disputed": "answer", "flagged": "flag"}
    return [a for a in said if a.kind == kinds.get(item.state, item.state)]


def _names(schema: LabelSchema, answer: Answer) -> str | tuple[str, ...] | None:
    """The names of an answer's classes; where any number may apply, all of them, and None where there is no answer."""
    if not schema.many:
        return "; ".join(schema[schema.resolve(class_id)].name for class_id in answer)
    resolved = dict.fromkeys(schema.resolve(class_id) for class_id in answer if class_id != NONE)
    return tuple(schema[class_id].name for class_id in resolved) if answer else None


def _ids(schema: LabelSchema, answer: Answer) -> str | tuple[str, ...] | None:
    if not schema.many:
        return "; ".join(answer)
    return tuple(class_id for class_id in answer if class_id != NONE) if answer else None


def _flags(schema: LabelSchema, answer: Answer) -> Cells:
    """For each class that is offered whether an answer names it, 1 or 0; None where there is no answer that counts.

    By column, not by name: a class may be called as one that was retired.
    """
    columns = task_of(schema).columns(answer, schema) if answer else None
    offered = {f"answer: {c.name}": at for at, c in enumerate(schema.classes) if not c.retired}
    return {name: None if columns is None else int(at in columns) for name, at in offered.items()}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def slug(name: str) -> str:
    """A name as a part of a file's name."""
    return re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "project"


def _erased_since(store: Store, project: int, number: int) -> bool:
    """Whether something was erased after this event."""
    while page := store.log(project, number, _PAGE):
        if any(event.kind == "erase" for _, event in page):
            return True
        number = page[-1][0]
    return False


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")
