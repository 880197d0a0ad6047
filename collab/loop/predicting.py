"""Say what a model that was taken away makes of a table: no workspace, no project, only its bundle.

Rows are read as an import reads them and encoded chunk by chunk, so that memory stays flat whatever the file's size.
"""

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Self, final

import numpy as np
import pandas as pd
from PIL import Image

from collab.domain.media import THUMB_SIDE
from collab.domain.project import LabelSchema, LoopPolicy, Project
from collab.domain.store import NewItem
from collab.domain.table import PICTURE_COLUMNS, PICTURES, RAW_LIMIT, Cells, Rejected, Row, Table
from collab.domain.task import task_of
from collab.engine import label_sets
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.fitting import Pixels
from collab.engine.encoders.keeping import precision_of, read_image, read_text
from collab.engine.encoders.table import Table as Measured
from collab.engine.heads import FittedHead, head_of
from collab.engine.pictures import identify, prepare
from collab.errors import UnreadableFile
from collab.loop.encoding import text_of
from collab.loop.gathering import Place, place_of
from collab.loop.planning import Comma, ImportPlan, check_plan, with_commas
from collab.loop.reading import rows
from collab.loop.sealing import HEAD, TABLE, Manifest, opened
from collab.loop.shaping import Shaper
from collab.loop.suggesting import proba_of

CHUNK, CHUNK_OF_PICTURES = 512, 32
"""Rows that are encoded at a time; pictures take a second for so many."""
THREADS = 2
"""That decode pictures."""
ANSWER, PROBABILITY, SET, ERROR = "answer", "probability", "set", "error"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one row."""

    answer: tuple[str, ...] = ()
    """Names of the classes: one, or where any number may apply those that do; () is none of them, or see `error`."""
    probability: float = math.nan
    """That the whole of the answer is right."""
    proba: tuple[float, ...] = ()
    """Of each class that can be said, in the order of the model's `classes`."""
    inside: tuple[str, ...] | None = None
    """The set of classes that holds the right one as often as the model's level says; None: it makes no sets."""
    error: str = ""
    """Why nothing is said of the row."""


@final
class Model:
    """A model as it was exported."""

    def __init__(self, manifest: Manifest, blocks: Blocks, head: FittedHead) -> None:
        """Put a model together; `load` reads one."""
        self.manifest = manifest
        self.blocks, self._head = blocks, head
        self._fields = manifest.fields
        self._project = Project(0, manifest.project, manifest.fields, manifest.schema, LoopPolicy())
        self._pictured = tuple(f.name for f in manifest.fields if f.kind == "image")
        self._live = [i for i, c in enumerate(manifest.schema.classes) if not c.retired]

    @classmethod
    def load(cls, bundle: Path | str) -> Self:
        """Read a bundle: the .zip that `collab export model` made, or the folder unpacked from it.

        Raises:
            UnreadableFile: It is none, damaged, of a newer collab, holds files that could run, or its weights don't fit
                its classes.
        """
        path = Path(bundle)
        with opened(path) as (folder, manifest):
            try:
                blocks = _blocks(folder, manifest)
                head = head_of(manifest.head).read((folder / HEAD).read_bytes())
            except UnreadableFile:
                raise
            except (ValueError, KeyError, TypeError, LookupError, AttributeError) as error:
                raise UnreadableFile(path.name, f"what it holds is no model ({error}).") from error
        _check_shapes(path, manifest, blocks, head)
        return cls(manifest, blocks, head)

    @property
    def schema(self) -> LabelSchema:
        """The question and its classes."""
        return self.manifest.schema

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it can say, in the order of its probabilities."""
        return tuple(self.schema.classes[i].name for i in self._live)

    @property
    def as_in_the_app(self) -> bool:
        """Whether it computes here in the precision in which it learned; else probabilities are off by a little."""
        pairs = [(self.manifest.text, self.blocks.text), *((self.manifest.image, each) for each in self.blocks.images)]
        return all(
            said.precision == precision_of(read) for said, read in pairs if said is not None and read is not None
        )

    def predict(self, frame: pd.DataFrame, *, pictures: Path | str = ".", comma: Comma = "") -> pd.DataFrame:
        """Say what the model makes of the rows of a frame.

        Args:
            frame: Has the columns that the model reads; others are left alone.
            pictures: Folder from which the paths in columns of pictures start.
            comma: What it is in numbers as 3,5.

        Returns:
            A row for each one, under its own index: answer, probability, the probability of each class, the label set
            where the model makes one, for each class of any number that may apply whether it does, and an error where a
            row can't be read. An answer of any number of classes is a tuple of their names.

        Raises:
            UnreadableFile: Columns are missing.
        """
        self._check_columns("The frame", [str(name) for name in frame.columns])
        names = [str(name) for name in frame.columns]
        cells = (dict(zip(names, map(_plain, row), strict=True)) for row in frame.itertuples(index=False, name=None))
        given: Iterable[Row] = enumerate(cells, 1)
        place = place_of(Path(pictures)) if self._pictured else None
        commas = [f.name for f in self._fields if f.kind == "number"] if comma else []
        plan = ImportPlan(self._fields, comma=comma)
        found = [self._cells(said) for _, said in self._said(given, Shaper(plan, self._project, 0, commas), place, "")]
        return pd.DataFrame(found, index=frame.index, columns=list(self.columns))

    def predictions(
        self, table: Table, *, comma: Comma = "", unescape: bool = False
    ) -> Iterator[tuple[Row, Prediction]]:
        """Say what the model makes of the rows of a file, one by one, as an import would read them.

        Args:
            table: What a first look found.
            comma: What it is in numbers as 3,5.
            unescape: Decode HTML entities in text, as the project's import did.

        Raises:
            UnreadableFile: Columns are missing, or the file breaks off in the middle.
            InvalidSchema: Numbers have a comma, and nobody said what it is.
        """
        plan = ImportPlan(self._fields, comma=comma, unescape=unescape)
        given: Iterable[Row] = rows(table)
        if table.format == PICTURES and len(self._fields) == 1 and self._pictured:
            given = map(partial(_renamed, self._pictured[0]), given)
        else:
            self._check_columns(table.path.name, table.columns)
            check_plan(plan, self._project, table)
        place = place_of(table.path) if self._pictured else None
        base = PurePosixPath(table.inside).parent.as_posix()
        shaper = Shaper(plan, self._project, 0, with_commas(self._fields, table))
        yield from self._said(given, shaper, place, base)

    @property
    def columns(self) -> Mapping[str, set[type]]:
        """Columns of what it says, with the types of their values."""
        many: dict[str, set[type]] = {f"{ANSWER}: {name}": {int} for name in self.classes} if self.schema.many else {}
        return {
            ANSWER: {tuple} if self.schema.many else {str}, PROBABILITY: {float},
            **{f"{PROBABILITY}: {name}": {float} for name in self.classes},
            **({} if self.manifest.set_threshold is None else {SET: {tuple}}), **many, ERROR: {str},
        }  # fmt: skip

    def cells(self, said: Prediction) -> list[Any]:
        """A prediction as a row of `columns`."""
        return list(self._cells(said).values())

    def _cells(self, said: Prediction) -> dict[str, Any]:
        blank = bool(said.error)
        proba = said.proba if said.proba else (None,) * len(self.classes)
        answer: Any = said.answer if self.schema.many else "".join(said.answer)
        found: dict[str, Any] = {ANSWER: None if blank else answer, PROBABILITY: None if blank else said.probability}
        found |= {f"{PROBABILITY}: {name}": p for name, p in zip(self.classes, proba, strict=True)}
        if self.manifest.set_threshold is not None:
            found[SET] = said.inside
        if self.schema.many:
            found |= {f"{ANSWER}: {name}": None if blank else int(name in said.answer) for name in self.classes}
        return {**found, ERROR: said.error}

    def _check_columns(self, name: str, there: Sequence[str]) -> None:
        if missing := [f.name for f in self._fields if f.name not in there]:
            raise UnreadableFile(
                name, f"it has no column {', '.join(missing)}, which the model reads; there is {', '.join(there)}."
            )

    def _said(
        self, rows: Iterable[Row], shaper: Shaper, place: Place | None, base: str
    ) -> Iterator[tuple[Row, Prediction]]:
        """Shape, encode and score rows chunk by chunk."""
        waiting, number = iter(rows), 0
        size = CHUNK_OF_PICTURES if self._pictured else CHUNK
        with ThreadPoolExecutor(THREADS, "pictures") as threads:
            while chunk := list(islice(waiting, size)):
                seen = list(threads.map(partial(self._seen, place, base), chunk)) if place else [()] * len(chunk)
                shaped = [_shaped(shaper, number + at, *each) for at, each in enumerate(zip(chunk, seen, strict=True))]
                number += len(chunk)
                good = [each for each in shaped if not isinstance(each, Rejected)]
                said = iter(self._predicted(good))
                for row, each in zip(chunk, shaped, strict=True):
                    yield row, Prediction(error=each.reason) if isinstance(each, Rejected) else next(said)

    def _seen(self, place: Place, base: str, row: Row) -> tuple[Pixels | None, ...] | Rejected:
        """The pictures of a row as its encoder reads them in the app: made of what people would be shown."""
        if isinstance(row, Rejected):
            return ()
        found: list[Pixels | None] = []
        side = self.blocks.images[0].size
        for name in self._pictured:
            path = _word(row[1].get(name))
            if not path:
                found.append(None)
                continue
            try:
                inside = (PurePosixPath(base) / path).as_posix()
                data = place.read(inside, self.manifest.image_bytes, partial(identify, path))
                made = prepare(path, data, self.manifest.image_pixels)
            except UnreadableFile as error:
                return Rejected(row[0], f"{name}: {error.reason}", path[:RAW_LIMIT])
            found.append(_pixels(made.thumb if side <= THUMB_SIDE else made.view, side))
        return tuple(found)

    def _predicted(self, rows: Sequence[tuple[NewItem, tuple[Pixels | None, ...]]]) -> Iterator[Prediction]:
        if not rows:
            return
        cells = [item.fields for item, _ in rows]
        texts = [text_of(self._fields, row) for row in cells]
        pictures = [[seen[at] for _, seen in rows] for at in range(len(self._pictured))]
        features = self.blocks.encode(texts, cells, pictures)
        proba = proba_of(self._head.logits(features), self.manifest.temperature, self.schema)
        threshold, task, classes = self.manifest.set_threshold, task_of(self.schema), self.schema.classes
        sets = None if threshold is None else label_sets.predict(proba, threshold)
        for at, row in enumerate(proba.tolist()):
            answer = tuple(classes[i].name for i in task.suggested(row))
            inside = None if sets is None else tuple(classes[i].name for i in self._live if sets[at, i])
            yield Prediction(answer, task.sure(row), tuple(row[i] for i in self._live), inside)


def _blocks(folder: Path, manifest: Manifest) -> Blocks:
    """The encoders of a bundle, in the order of its features."""
    text, image = manifest.text, manifest.image
    reads = None if text is None else read_text(text.kind, folder / "text", text.name, text.limit, text.precision)
    sees = None if image is None else read_image(image.kind, folder / "image", image.name, image.precision)
    fields = sum(f.kind == "image" for f in manifest.fields)
    table = Measured.from_json((folder / TABLE).read_bytes()) if manifest.table else None
    return Blocks(reads, table, () if sees is None else (sees,) * fields)


def _check_shapes(path: Path, manifest: Manifest, blocks: Blocks, head: FittedHead) -> None:
    """Refuse weights that don't fit the fields or the classes: what they say would mean nothing."""
    kinds = {f.kind for f in manifest.fields}
    wanted = {"text": blocks.text is not None, "image": bool(blocks.images)}
    if any((kind in kinds) != there for kind, there in wanted.items()):
        raise UnreadableFile(path.name, "its encoders don't fit its fields.")
    if ("number" in kinds or "category" in kinds) != (blocks.table is not None):
        raise UnreadableFile(path.name, "its table doesn't fit its fields.")
    if blocks.dim != manifest.dim:
        raise UnreadableFile(path.name, f"its encoders make {blocks.dim} features, not {manifest.dim} as it says.")
    classes = len(manifest.schema.classes)
    if head.n_classes != classes:
        raise UnreadableFile(path.name, f"its head tells {head.n_classes} classes apart, and {classes} are named.")
    blank = [[None] for _ in blocks.images]
    try:
        features = blocks.encode(["a"], [{}], blank)
        logits = head.logits(features)
    except (ValueError, IndexError, TypeError, RuntimeError) as error:
        raise UnreadableFile(
            path.name, f"its weights don't fit together ({str(error).splitlines()[0][:200]})."
        ) from error
    if features.shape != (1, manifest.dim) or logits.shape != (1, classes) or not np.isfinite(logits).all():
        raise UnreadableFile(path.name, "its weights don't fit its classes, or hold NaN.")


def _shaped(
    shaper: Shaper, number: int, row: Row, seen: tuple[Pixels | None, ...] | Rejected
) -> tuple[NewItem, tuple[Pixels | None, ...]] | Rejected:
    if isinstance(row, Rejected):
        return row
    if isinstance(seen, Rejected):
        return seen
    line, cells = row
    made = shaper.shape(line, number + 1, cells, _Paths(cells))
    return made if isinstance(made, Rejected) else (made, seen)


class _Paths(dict[str, str]):
    """The paths of a row's pictures, which stand for the names that an import gives them."""

    def __init__(self, cells: Cells) -> None:
        super().__init__((name, _word(value)) for name, value in cells.items())

    def __missing__(self, name: str) -> str:
        return ""


def _renamed(name: str, row: Row) -> Row:
    """Call the pictures of a bare folder as the model calls its only field."""
    return row if isinstance(row, Rejected) else (row[0], {**row[1], name: row[1][PICTURE_COLUMNS[0]]})


def _pixels(shown: bytes, side: int) -> Pixels:
    with Image.open(io.BytesIO(shown)) as file:
        picture = file.convert("RGB")
    picture.thumbnail((2 * side, 2 * side))
    return np.asarray(picture)


def _plain(value: Any) -> Any:  # whatever a frame holds
    """A cell of a frame as a file would hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip()
