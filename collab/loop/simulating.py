"""An oracle annotator drives the same loop as people do: import, hand out, submit, refit. There is no second loop.

A cell is one strategy with one seed, in a throwaway workspace of its own. What a cell found is kept in a file, so that
a simulation that was cut off goes on where it was.
"""

import itertools
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from collab.domain.annotation import Annotation
from collab.domain.project import Answer, LabelSchema, LoopPolicy, Project
from collab.domain.store import Store
from collab.engine.arrays import Floats, Labels
from collab.engine.evaluation import accuracy, macro_f1
from collab.engine.heads import Standard, head_of
from collab.engine.numbering import suggested
from collab.engine.strategies import strategy_of
from collab.errors import Conflict, InvalidPolicy, UserError
from collab.loop import annotating, handing_out, importing
from collab.loop.comparing import Comparison, Point, compare
from collab.loop.encoding import stamp
from collab.loop.planning import ImportPlan
from collab.loop.preparing import Material, Task, prepare
from collab.loop.ranking import FEWEST
from collab.loop.retraining import Learner
from collab.loop.spreading import spread

ORACLE = "oracle"
START = 1_767_225_600_000
"""The clock of a cell moves one step with each act: what is asked must not depend on how fast this machine is."""

PAGE = 50_000
"""Items whose features are written at a time."""

OpenStore = Callable[[Path], Store]


@dataclass(frozen=True, slots=True)
class Full:
    """What training on every item of the pool reaches, and how much there is to train and to test on."""

    accuracy: float
    macro_f1: float
    pool: int
    test: int
    classes: tuple[str, ...]
    left: tuple[str, ...] = ()
    """What was left out, and what can't be judged, in sentences."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a simulation found."""

    name: str
    """Of the file."""
    seeds: int
    full: Full
    points: tuple[Point, ...]
    """By strategy, seed and round."""
    summary: Comparison

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which knows neither NaN nor infinity: what isn't known is null."""
        full = asdict(self.full)
        measured = {"full_accuracy": full.pop("accuracy"), "full_macro_f1": full.pop("macro_f1"), **full}
        said = {"points": [asdict(p) for p in self.points], "summary": asdict(self.summary)}
        return {
            name: _finite(value) for name, value in {"name": self.name, "seeds": self.seeds, **measured, **said}.items()
        }


@dataclass(frozen=True, slots=True)
class _Cell:
    strategy: str
    seed: int

    @property
    def file(self) -> str:
        return f"{self.strategy}-{self.seed}.json"


def simulate(
    task: Task,
    open_store: OpenStore,
    *,
    out: Path | None = None,
    jobs: int = 1,
    tell: Callable[[Point], None] = lambda _: None,
) -> Result:
    """Run every strategy with every seed; the same task gives the same curves, whatever `jobs` is.

    Args:
        task: What to simulate.
        open_store: Opens a throwaway workspace in an empty folder; a function of a module, for it travels by pickle.
        out: Folder that keeps what each cell found, and the result. What is there from the same task isn't run again,
            so strategies and seeds can be added later. None: nothing is kept.
        jobs: How many processes.
        tell: Called after each round, in the order in which they end.

    Raises:
        UnreadableFile: The file has no such columns or arrays, or fewer than two classes (or answers, where `many`).
        UnknownName: There is no such strategy or encoder.
        InvalidPolicy: Nothing would be asked, or more in a batch than the strategy ranks.
        Conflict: `out` keeps another task, or what other code found.
    """
    for name in ("budget", "batch", "seeds"):
        if (number := getattr(task, name)) < 1:
            raise InvalidPolicy(name, number, "at least 1")
    if task.batch > FEWEST:  # the rest would come from older rankings, whatever the strategy is
        raise InvalidPolicy("batch", task.batch, f"at most {FEWEST}, which is what one ranking holds")
    for strategy in task.strategies:
        strategy_of(strategy)
    with tempfile.TemporaryDirectory(prefix="collab-simulate-") as temporary:
        kept = out or Path(temporary) / "out"
        _claim(kept, task.settings())
        cells = [_Cell(strategy, seed) for strategy in dict.fromkeys(task.strategies) for seed in range(task.seeds)]
        found = {cell: _points(kept / cell.file) for cell in cells}
        full = _full(kept / "full.json")
        missing = [cell for cell, points in found.items() if not points]
        if missing or full is None:
            material = prepare(task, Path(temporary))
            full = full or _train_on_all(material)
            _keep(kept / "full.json", asdict(full))
            run = partial(_run_cell, open_store, task, material, kept)
            with closing(spread(run, missing, jobs)) as said:
                for cell, point in said:
                    found[cell].append(point)
                    tell(point)
        points = tuple(point for cell in cells for point in found[cell])
        result = Result(task.file.name, task.seeds, full, points, compare(points, full.accuracy))
        _keep(kept / "result.json", result.as_dict())
    return result


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


def _run_cell(open_store: OpenStore, task: Task, material: Material, kept: Path, cell: _Cell) -> Iterator[Point]:
    points = []
    with (
        tempfile.TemporaryDirectory(dir=material.folder) as workspace,
        closing(open_store(Path(workspace))) as store,
    ):
        clock = itertools.count(START)
        project = _project(store, material, cell, next(clock))
        for point in _run(store, project, task, material, clock):
            points.append(point)
            yield point
    _keep(kept / cell.file, [asdict(point) for point in points])


def _run(store: Store, project: Project, task: Task, material: Material, clock: Iterator[int]) -> Iterator[Point]:
    test, labels = material.test_features(), material.test_labels()
    truth = store.truth(project.id)
    learner = Learner(store, project.id, material.encoder)
    learner.take_in()
    learner.round(next(clock))
    tab = str(uuid.uuid4())
    asked, number = 0, 0
    while asked < task.budget:
        size = min(task.batch, task.budget - asked)
        answered = sum(answer_next(store, project, truth, ORACLE, tab, next(clock)) for _ in range(size))
        if not answered:
            return
        asked, number = asked + answered, number + 1
        learner.take_in()
        done = learner.round(next(clock))
        assert done is not None, "its features are there"
        guess = _said(learner.predict(test), project.schema)
        yield Point(
            project.policy.strategy, project.policy.seed, number, asked, accuracy(labels, guess),
            macro_f1(labels, guess, len(project.schema.classes)), done.query_seconds, done.fit_seconds,
        )  # fmt: skip


def _project(store: Store, material: Material, cell: _Cell, now: int) -> Project:
    """Make a project whose answers are all known and held back; without audits, so that the whole budget teaches."""
    policy = replace(
        LoopPolicy(),
        audit_schedule=(),
        audit_trickle=0,
        blind_share=0.0,
        strategy=cell.strategy,
        encoder=material.encoder.name,
        seed=cell.seed,
    )
    name = f"{cell.strategy} {cell.seed}"
    project = store.create_project(name, material.fields, material.schema, policy, now)
    # Ranks without the random salt: the same seed then gives the same curve.
    project = replace(project, salt="")
    plan = ImportPlan(fields=material.fields, answer_column=material.label, answers="truth")
    importing.run_import(store, project, material.file, plan, now=now, progress=lambda *_: False)
    rows, features = material.features(), store.features(project.id, material.encoder.digest, material.encoder.dim)
    last = 0
    while items := store.stream_items(project.id, last, PAGE):
        part = rows[len(features) :][: len(items)]
        features.append([item.id for item in items], [stamp(item.digest) for item in items], part)
        last = items[-1].id
    return store.project(project.id)


def _train_on_all(material: Material) -> Full:
    pool, labels, names = material.features(), material.test_labels(), [c.name for c in material.schema.classes]
    head = head_of(LoopPolicy().head).fit(pool, material.labels(), len(names), standard=Standard.of(pool))
    guess = _said(head.proba(material.test_features()), material.schema)
    return Full(
        accuracy(labels, guess), macro_f1(labels, guess, len(names)), material.pool, material.test, tuple(names),
        material.left,
    )  # fmt: skip


def _said(proba: Floats, schema: LabelSchema) -> Labels:
    """What is suggested by probabilities of shape (n_items, n_classes)."""
    return suggested(proba) if schema.many else proba.argmax(axis=1)


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Let a folder belong to a task."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there, new = _read(folder / "task.json"), not (folder / "task.json").exists()
        if new:
            _keep(folder / "task.json", settings)
    except OSError as e:
        raise UserError(f"{folder} can't keep the result ({e.strerror}); choose another folder.") from e
    if new or there == settings:
        return
    if not isinstance(there, dict):
        raise Conflict(f"{folder / 'task.json'} is damaged, so nobody knows what the folder keeps. Delete the folder.")
    differing = [name for name in {**there, **settings} if there.get(name) != settings.get(name)]
    raise Conflict(
        f"{folder} keeps another simulation, with another {' and '.join(differing)}. Choose another folder, or "
        "delete this one."
    )


def _points(path: Path) -> list[Point]:
    try:
        return [Point(**point) for point in _read(path) or ()]
    except TypeError:
        return []


def _full(path: Path) -> Full | None:
    try:
        there = _read(path)
        return (
            None
            if there is None
            else Full(**{**there, "classes": tuple(there["classes"]), "left": tuple(there["left"])})
        )
    except (TypeError, KeyError):
        return None


def _read(path: Path) -> Any:
    """What `_keep` wrote, or None where it didn't; a file that was damaged since counts as not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except ValueError:
        return None


def _keep(path: Path, values: Any) -> None:
    """Write all of a file or nothing: what is there counts as done."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
