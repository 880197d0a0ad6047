"""An oracle annotator drives the same loop as people do: import, hand out, submit, refit. There is no second loop."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from collab.domain.annotation import Annotation
from collab.domain.project import Answer, Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Store
from collab.domain.table import Rejected
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.text import encoder_of
from collab.engine.evaluation import accuracy, macro_f1
from collab.engine.heads import Standard, head_of
from collab.errors import UnreadableFile
from collab.loop import annotating, handing_out, importing, reading
from collab.loop.encoding import encode_items, text_of
from collab.loop.planning import ImportPlan
from collab.loop.retraining import Learner

ORACLE = "oracle"
TEST_SEED = 0
"""The test part is the same for all seeds, so that their curves can be compared."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to simulate."""

    file: Path
    fields: tuple[Field, ...]
    label: str
    """Column that holds the true class."""
    test: float | Path = 0.25
    """Share of the file that is held back for testing, or a file of its own."""
    strategies: tuple[str, ...] = ("default",)
    budget: int = 200
    batch: int = 10
    seeds: int = 3
    encoder: str = "minilm"


@dataclass(frozen=True, slots=True)
class Point:
    """The head after one more batch of answers."""

    strategy: str
    seed: int
    round: int
    labels: int
    accuracy: float
    macro_f1: float
    query_seconds: float
    refit_seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """All points of a simulation, and what training on every item of the pool would have reached."""

    points: tuple[Point, ...]
    full_accuracy: float
    full_macro_f1: float
    pool: int
    test: int
    classes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def means(self) -> dict[tuple[str, int], tuple[float, ...]]:
        """Accuracy, macro-F1, seconds for a query and for a refit, each the mean over seeds, by (strategy, labels)."""
        groups: dict[tuple[str, int], list[tuple[float, ...]]] = {}
        for p in self.points:
            row = (p.accuracy, p.macro_f1, p.query_seconds, p.refit_seconds)
            groups.setdefault((p.strategy, p.labels), []).append(row)
        return {at: tuple(sum(column) / len(column) for column in zip(*of, strict=True)) for at, of in groups.items()}


@dataclass(frozen=True, slots=True)
class _Rows:
    texts: list[dict[str, Any]]
    labels: list[str]


def simulate(store: Store, task: Task, *, tell: Callable[[Point], None] = lambda _: None) -> Result:
    """Run every strategy with every seed in projects of their own.

    Args:
        store: A workspace that may be thrown away afterwards.
        task: What to simulate.
        tell: Called after each round.

    Raises:
        UnreadableFile: The file has no such columns, or fewer than two classes.
    """
    pool, test = _split(task)
    names = tuple(sorted({*pool.labels, *test.labels}))
    if len(names) < 2:
        raise UnreadableFile(
            task.file.name, f"its column {task.label!r} holds {len(names)} classes; two are the least."
        )
    schema = LabelSchema("Which class is it?", classes_from_names(names))
    encoder = encoder_of(task.encoder)
    test_features = encoder.encode([text_of(task.fields, row) for row in test.texts])
    test_labels = np.array([names.index(label) for label in test.labels])
    source = store.write_file("simulation/pool.jsonl", _lines(pool, task.label))
    points: list[Point] = []
    shared: tuple[Ints, Ints, Floats] | None = None
    full = (0.0, 0.0)
    for strategy in task.strategies:
        for seed in range(task.seeds):
            project = _project(store, task, schema, strategy, seed, source)
            features = store.features(project.id, encoder.digest, encoder.dim)
            if shared is None:
                encode_items(store, project, encoder, lambda *_: False)
                first = features.ids()[0]
                shared = np.array(features.ids() - first), np.array(features.stamps()), np.array(features.rows())
                full = _full(store, project, shared[2], features.ids().tolist(), test_features, test_labels)
            else:
                first = store.stream_items(project.id, 0, 1)[0].id
                features.append(shared[0] + first, *shared[1:])
            for point in _run(store, project, Learner(store, project.id, encoder), task, test_features, test_labels):
                points.append(point)
                tell(point)
    return Result(tuple(points), *full, len(pool.labels), len(test.labels), names)


def answer_next(
    store: Store, project: Project, truth: Mapping[int, Answer], annotator: str, tab: str, now: int
) -> bool:
    """Let an oracle take one ask and answer it truly; False where nothing is left."""
    handed = handing_out.hand_out(store, project, annotator, tab, want=1, have=(), on_screen=None, ranking=0, now=now)
    if not handed.asks:
        return False
    ask = handed.asks[0]
    annotation = Annotation(
        str(uuid.uuid4()), project.id, ask.item, annotator, "answer", now, truth[ask.item], ask.id, seconds=1.0,
        shown=ask.suggestion,
    )  # fmt: skip
    annotating.submit(store, annotation, ask.token, now)
    return True


def _run(store: Store, project: Project, learner: Learner, task: Task, test: Floats, labels: Ints) -> Iterator[Point]:
    truth = store.truth(project.id)
    learner.take_in()
    learner.round(_now())
    tab = str(uuid.uuid4())
    asked, number = 0, 0
    while asked < task.budget:
        size = min(task.batch, task.budget - asked)
        answered = sum(answer_next(store, project, truth, ORACLE, tab, _now()) for _ in range(size))
        if not answered:
            return
        asked, number = asked + answered, number + 1
        learner.take_in()
        done = learner.round(_now())
        assert done is not None
        guess = learner.predict(test).argmax(axis=1)
        yield Point(
            project.policy.strategy, project.policy.seed, number, asked, accuracy(labels, guess),
            macro_f1(labels, guess, len(project.schema.classes)), done.query_seconds, done.fit_seconds,
        )  # fmt: skip


def _project(store: Store, task: Task, schema: LabelSchema, strategy: str, seed: int, source: Path) -> Project:
    """A project whose answers are all known and held back; without audits, so that the whole budget teaches."""
    policy = replace(
        LoopPolicy(),
        audit_schedule=(),
        audit_trickle=0,
        blind_share=0.0,
        strategy=strategy,
        encoder=task.encoder,
        seed=seed,
    )
    project = store.create_project(f"{strategy} {seed}", task.fields, schema, policy, _now())
    # Ranks without the random salt: the same seed then gives the same curve.
    project = replace(project, salt="")
    plan = ImportPlan(fields=task.fields, answer_column=task.label, answers="truth")
    importing.run_import(store, project, source, plan, now=_now(), progress=lambda *_: False)
    return store.project(project.id)


def _full(
    store: Store, project: Project, pool: Floats, items: list[int], test: Floats, labels: Ints
) -> tuple[float, float]:
    truth = store.truth(project.id)
    known = np.array([project.schema.index(truth[item][0]) for item in items])
    classes = len(project.schema.classes)
    head = head_of(project.policy.head).fit(pool, known, classes, standard=Standard.of(pool))
    guess = head.proba(test).argmax(axis=1)
    return accuracy(labels, guess), macro_f1(labels, guess, classes)


def _split(task: Task) -> tuple[_Rows, _Rows]:
    seen: set[str] = set()
    if isinstance(task.test, Path):
        test = _read(task, task.test, seen)
        return _read(task, task.file, seen), test
    everything = _read(task, task.file, seen)
    order = np.random.default_rng(TEST_SEED).permutation(len(everything.labels))
    cut = round(len(order) * task.test)
    return _pick(everything, order[cut:]), _pick(everything, order[:cut])


def _read(task: Task, path: Path, seen: set[str]) -> _Rows:
    """Read the rows that have a label and a text not `seen` yet, case and spaces folded: none may be in both parts."""
    table = reading.sniff(path)
    missing = {task.label, *(f.name for f in task.fields)} - set(table.columns)
    if missing:
        raise UnreadableFile(
            path.name, f"it has no column {', '.join(sorted(missing))}; there is {', '.join(table.columns)}."
        )
    texts, labels = [], []
    for row in reading.rows(table):
        if isinstance(row, Rejected) or row[1].get(task.label) in (None, ""):
            continue
        folded = " ".join(text_of(task.fields, row[1]).casefold().split())
        if folded and folded not in seen:
            seen.add(folded)
            texts.append({f.name: row[1].get(f.name) for f in task.fields})
            labels.append(str(row[1][task.label]))
    return _Rows(texts, labels)


def _pick(rows: _Rows, order: Sequence[int] | Ints) -> _Rows:
    return _Rows([rows.texts[i] for i in order], [rows.labels[i] for i in order])


def _lines(rows: _Rows, label: str) -> Iterator[bytes]:
    for text, answer in zip(rows.texts, rows.labels, strict=True):
        yield json.dumps({**text, label: answer}, ensure_ascii=False).encode() + b"\n"


def _now() -> int:
    return time.time_ns() // 1_000_000
