"""What a simulation runs on: a pool and a test part with their features, made once, in files that every run reads.

It takes a table, whose texts it encodes, or an .npz file with features that are there already.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.preprocessing import normalize

from collab.domain.project import Field, LabelSchema, classes_from_names
from collab.domain.table import Rejected
from collab.domain.task import MultiLabel
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import encoder_of
from collab.engine.scaling import SAMPLE, scaled
from collab.errors import UnreadableFile, UserError
from collab.loop import reading
from collab.loop.encoding import CHUNK, text_of
from collab.loop.shaping import names_in
from collab.loop.unpacking import unpack

Kind = Literal["embedding", "table"]
Label = tuple[str, ...]
"""The classes that a row is truly of, sorted: one, or any number."""

TEST_SEED = 0
"""The test part is the same for all seeds, so that their curves can be compared."""
READY_FIELD = Field("row")
"""Ready features stand for nothing that could be shown: an item is the number of its row."""
READY_LABEL = "class"
MANY = 128
"""Columns from which on fractions are taken for an encoder's; a table so wide is mostly flags or counts."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to simulate."""

    file: Path
    """A table, or an .npz file with ready features and their classes: X, y, X_test, y_test."""
    fields: tuple[Field, ...] = ()
    label: str = ""
    """Column that holds the true class; like `fields`, `many` and `test`, of a table only."""
    many: bool = False
    """Whether a cell of it names any number of classes: a JSON list, or divided by ";" or "|"; "∅", "none" or [] name
    none of them."""
    test: float | Path = 0.25
    """Share of the file that is held back for testing, or a file of its own."""
    strategies: tuple[str, ...] = ("default",)
    budget: int = 200
    batch: int = 10
    seeds: int = 3
    encoder: str = "minilm"
    kind: Kind | Literal["auto"] = "auto"
    """What ready features are."""

    @property
    def ready(self) -> bool:
        """Whether the features come with the file."""
        return self.file.suffix.lower() == ".npz"

    def settings(self) -> dict[str, Any]:
        """Name all that a run depends on beside strategy and seed: files by their content, and collab's code."""
        same = {
            "collab": version("collab"), "code": _code(), "file": _sha256(self.file), "budget": self.budget,
            "batch": self.batch,
        }  # fmt: skip
        if self.ready:
            return {**same, "kind": self.kind}
        test = _sha256(self.test) if isinstance(self.test, Path) else self.test
        fields = [f.name if f.kind == "text" else f"{f.name}:{f.kind}" for f in self.fields]
        return {**same, "fields": fields, "label": self.label, "many": self.many, "test": test, "encoder": self.encoder}


@dataclass(frozen=True, slots=True)
class Ready:
    """Stands for the encoder of features that are there already."""

    name: str
    dim: int
    digest: str
    max_tokens: None = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Refuse: there are no other features than those that came."""
        raise UserError(f"{self.name} are ready features; {len(texts)} more can't be made from texts.")

    def read_until(self, text: str) -> int | None:
        """All was read that will ever be."""
        return None


@dataclass(frozen=True, slots=True)
class Material:
    """A pool and a test part in a folder; light to hand to another process."""

    folder: Path
    fields: tuple[Field, ...]
    label: str
    schema: LabelSchema
    encoder: Ready
    pool: int
    test: int
    left: tuple[str, ...] = ()
    """What was left out, and what can't be judged, in sentences."""

    @property
    def file(self) -> Path:
        """The pool as a table that can be imported."""
        return self.folder / "pool.jsonl"

    def features(self) -> Floats:
        """Features of the pool, in the order of the file, memory-mapped."""
        array: Floats = self._array("pool")
        return array

    def labels(self) -> Labels:
        """Their classes."""
        array: Labels = self._array("pool_labels")
        return array

    def test_features(self) -> Floats:
        """Features of the test part."""
        array: Floats = self._array("test")
        return array

    def test_labels(self) -> Labels:
        """Their classes."""
        array: Labels = self._array("test_labels")
        return array

    def _array(self, name: str) -> Any:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def prepare(task: Task, folder: Path) -> Material:
    """Read the file, encode what has no features yet, and write all of it into a folder.

    Raises:
        UnreadableFile: It lacks columns or arrays, holds what is no feature, or fewer than two classes.
        InvalidSchema: Two classes differ by upper and lower case alone, or one has no name.
    """
    return _prepare_ready(task, folder) if task.ready else _prepare_table(task, folder)


def kind_of(features: Floats) -> Kind:
    """Tell an encoder's vectors from the columns of a table.

    Whole numbers alone, or two values in most columns, make a table: rows of one-hot columns have equal norms, too.
    What is left is an encoder's where norms are equal or columns are many.

    Args:
        features: Raw, shape (n, dim).
    """
    sample = features[:: -(-len(features) // SAMPLE)]
    flags = ((sample == sample.min(axis=0)) | (sample == sample.max(axis=0))).all(axis=0)
    if flags.mean() > 0.5 or (sample == np.rint(sample)).all():
        return "table"
    norms = np.linalg.norm(sample, axis=1)
    equal = bool(np.ptp(norms) <= 1e-3 * norms.max())
    return "embedding" if equal or features.shape[1] >= MANY else "table"


def _prepare_table(task: Task, folder: Path) -> Material:
    pool, test = _split(task)
    if (found := len(set(pool.labels))) < 2:
        what = "answers" if task.many else "classes"
        raise UnreadableFile(task.file.name, f"its column {task.label!r} holds {found} {what}; two are the least.")
    _check_test(task, test.labels)
    names = sorted({name for label in (*pool.labels, *test.labels) for name in label})
    schema = _schema(names, task.many)
    blocks = _blocks(task, pool.rows)
    encoded = [_encoded(task, blocks, pool.rows[at : at + CHUNK]) for at in range(0, len(pool.rows), CHUNK)]
    test_features = _encoded(task, blocks, test.rows)
    told = (list(label) if task.many else label[0] for label in pool.labels)
    lines = ({**row, task.label: label} for row, label in zip(pool.rows, told, strict=True))
    known, known_test = (_classes(part.labels, names, task.many) for part in (pool, test))
    _write(folder, lines, np.concatenate(encoded), known, test_features, known_test)
    ready = Ready(task.encoder, blocks.dim, blocks.digest)
    same, contradicting, unlabeled = (sum(part) for part in zip(pool.left, test.left, strict=True))
    left = [f"{unlabeled:,} rows without an answer or a text are left out."] if unlabeled else []
    if same:
        left.append(f"{same:,} rows with a text that came before are left out, {contradicting:,} with another answer.")
    if task.many:
        left.append("An answer is all classes that apply: accuracy counts the answers that are right as a whole.")
    said = (*left, *_strangers(pool.labels, test.labels))
    shown = tuple(Field(f.name) for f in task.fields)  # the features are there: what the cells mean is told by them
    return Material(folder, shown, task.label, schema, ready, len(pool.rows), len(test.rows), said)


def _blocks(task: Task, pool: Sequence[Mapping[str, Any]]) -> Blocks:
    """What encodes a table: its numbers and categories are measured on the pool alone."""
    cells = [(f.name, f.kind) for f in task.fields if f.kind != "text"]
    text = encoder_of(task.encoder) if len(cells) < len(task.fields) else None
    blocks = Blocks(text, Table.fit(cells, pool) if cells else None)
    if not blocks.dim:
        raise UnreadableFile(task.file.name, "nearly every row has a value of its own in each of the columns.")
    return blocks


def _encoded(task: Task, blocks: Blocks, rows: Sequence[Mapping[str, Any]]) -> Floats:
    return blocks.encode([text_of(task.fields, row) for row in rows], rows)


def _prepare_ready(task: Task, folder: Path) -> Material:
    given = unpack(task.file)
    pool, test = given.pool, given.test
    classes, columns = np.unique(np.concatenate([given.classes, given.test_classes]), return_inverse=True)
    names = [str(name) for name in classes]
    _check_test(task, given.test_classes.tolist())
    schema = _schema(names)
    kind = kind_of(pool) if task.kind == "auto" else task.kind
    pool, test = (normalize(pool), normalize(test)) if kind == "embedding" else scaled(pool, test)
    lines = ({READY_FIELD.name: str(row), READY_LABEL: names[c]} for row, c in enumerate(columns[: len(pool)]))
    _write(folder, lines, pool, columns[: len(pool)], test, columns[len(pool) :])
    ready = Ready("features", pool.shape[1], f"ready-{kind}-{_sha256(task.file)[:16]}")
    said = _strangers(*([(each,) for each in part.tolist()] for part in (given.classes, given.test_classes)))
    return Material(folder, (READY_FIELD,), READY_LABEL, schema, ready, len(pool), len(test), said)


def _check_test(task: Task, labels: Sequence[Any]) -> None:
    if not labels:
        raise UnreadableFile(task.file.name, "nothing is left to test on; give more rows, or a larger test part.")
    if len(set(labels)) < 2:
        raise UnreadableFile(
            task.file.name, "its test part holds one class, so everything could look right; give more."
        )


def _strangers(pool: Sequence[Sequence[Any]], test: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    """Warn of test items that nothing could teach; each item comes with its classes."""
    known, asked = ({each for label in part for each in label} for part in (pool, test))
    items = sum(not known.issuperset(label) for label in test)
    return (f"{items:,} test items are of {len(asked - known)} classes that the pool lacks.",) if items else ()


def _schema(names: Sequence[str], many: bool = False) -> LabelSchema:
    if many:
        return LabelSchema("Which classes apply?", classes_from_names(tuple(names)), task=MultiLabel.name)
    return LabelSchema("Which class is it?", classes_from_names(tuple(names)))


def _classes(labels: Sequence[Label], names: Sequence[str], many: bool) -> Labels:
    """What a head learns from labels."""
    column = {name: at for at, name in enumerate(names)}
    if not many:
        return np.array([column[name] for (name,) in labels])
    applies = np.zeros((len(labels), len(names)), bool)
    for row, label in enumerate(labels):
        applies[row, [column[name] for name in label]] = True
    return applies


@dataclass(frozen=True, slots=True)
class _Rows:
    rows: list[dict[str, str]]
    labels: list[Label]
    left: tuple[int, int, int] = (0, 0, 0)
    """Rows left out: for a text that came before, those of them with another answer, for want of answer or text."""

    def pick(self, order: Ints) -> "_Rows":
        return _Rows([self.rows[i] for i in order], [self.labels[i] for i in order])


def _split(task: Task) -> tuple[_Rows, _Rows]:
    seen: dict[str, Label] = {}
    if isinstance(task.test, Path):
        test = _read(task, task.test, seen)
        return _read(task, task.file, seen), test
    everything = _read(task, task.file, seen)
    order = np.random.default_rng(TEST_SEED).permutation(len(everything.labels))
    cut = round(len(order) * task.test)
    return replace(everything.pick(order[cut:]), left=everything.left), everything.pick(order[:cut])


def _read(task: Task, path: Path, seen: dict[str, Label]) -> _Rows:
    """Read the rows that have a label and a text not `seen` yet, case and spaces folded: none may be in both parts."""
    table = reading.sniff(path)
    missing = {task.label, *(f.name for f in task.fields)} - set(table.columns)
    if missing:
        raise UnreadableFile(
            path.name, f"it has no column {', '.join(sorted(missing))}; there is {', '.join(table.columns)}."
        )
    found, same, contradicting, unlabeled = _Rows([], []), 0, 0, 0
    for row in reading.rows(table):
        if isinstance(row, Rejected):
            unlabeled += 1
            continue
        said = _text(row[1].get(task.label)).strip()
        label = tuple(sorted(names_in(said))) if task.many else (said,)
        texts = {f.name: _text(row[1].get(f.name)) for f in task.fields}
        folded = " ".join("\n".join(texts.values()).casefold().split())
        if not said or not folded or "\0" in folded:  # an import refuses NUL
            unlabeled += 1
        elif folded in seen:
            same, contradicting = same + 1, contradicting + (seen[folded] != label)
        else:
            seen[folded] = label
            found.rows.append(texts)
            found.labels.append(label)
    return replace(found, left=(same, contradicting, unlabeled))


def _text(value: Any) -> str:
    """Write a cell as an import keeps it, so that both parts are encoded alike."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _write(
    folder: Path, lines: Iterator[dict[str, Any]], pool: Floats, labels: Labels, test: Floats, test_labels: Labels
) -> None:
    with (folder / "pool.jsonl").open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    for name, array in (("pool", pool), ("pool_labels", labels), ("test", test), ("test_labels", test_labels)):
        np.save(folder / f"{name}.npy", array)


def _code() -> str:
    """Digest the source that decides what is asked and what is learned: a version stays the same while people work."""
    package, seal = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(path for floor in ("engine", "loop") for path in (package / floor).rglob("*.py")):
        seal.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return seal.hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as e:
        raise UnreadableFile(path.name, f"{e.strerror}.") from e
