"""What people read of fine-tuning: how far one is, how versions were judged, and where two of them differ.

Free of torch: pages ask here, also whether one is worth a try, which `escalating` knows.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from collab.domain.plain import typed
from collab.domain.project import NONE, Answer, LabelSchema
from collab.domain.run import Job
from collab.domain.store import Store
from collab.domain.version import GateWord, ModelVersion
from collab.engine.recipe import Epoch
from collab.errors import UnknownName
from collab.loop.escalating import JOB as JOB
from collab.loop.escalating import TuningAdvice as TuningAdvice
from collab.loop.escalating import Wanted as Wanted
from collab.loop.escalating import advice as advice
from collab.loop.escalating import tune_fits as tune_fits
from collab.loop.escalating import wanted as wanted
from collab.loop.permitting import needs

FIGURES = "tuning"
"""Name of the figures that say how far a fine-tuning is."""

MOST_FLIPS = 1000
VERSIONS = "versions"
"""Folder, beside those of a project's weights, of how its versions were judged."""


@dataclass(frozen=True, slots=True)
class TuningProgress:
    """How far a fine-tuning is."""

    job: int
    doing: Literal["train", "read", "judge"] = "train"
    """Train, then read all items with what came of it, then judge."""
    share: float = 0.0
    """Of the whole job, 0 to 1."""
    epochs: tuple[Epoch, ...] = ()
    """Those that are over."""
    of_epochs: int = 0
    """At most so many."""
    step: int = 0
    steps: int = 0
    loss: float | None = None
    """Of the latest steps."""
    eta_seconds: float | None = None
    """Until the training is over; None: not known yet."""
    device: str = ""
    memory_bytes: int = 0
    batch: int = 0
    """Items in memory at a time."""
    note: str = ""
    """What had to be changed on the way, as a sentence."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a fine-tuning that is done came to."""

    version: int
    word: GateWord | None = None
    """None: nothing could judge it."""
    promoted: bool = False


@dataclass(frozen=True, slots=True)
class Flip:
    """An item of which two versions suggest different answers."""

    item: int
    before: Answer
    """Of the champion then."""
    after: Answer
    sure_before: float
    """Probability that all of the answer is right."""
    sure_after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions on the audits that both were judged by, each with its head of that time."""

    audits: int
    right_before: int
    right_after: int
    mended: int
    """Audits of which only the second is right."""
    broken: int
    """Those of which only the first is."""
    classes: tuple[str, ...] = ()
    """Ids, in the order of the rows and columns below."""
    before: tuple[tuple[int, ...], ...] = ()
    """Counts by people's class (row) and the first version's (column); () where any number of classes may apply."""
    after: tuple[tuple[int, ...], ...] = ()
    wrong_before: Mapping[str, int] = field(default_factory=dict)
    """Audits in which a class was named by one of people and model alone, by class id."""
    wrong_after: Mapping[str, int] = field(default_factory=dict)
    flipped: int | None = None
    """Items of the pool of which the suggestion changed; None: the two were never held against each other."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is kept of how a candidate was held against the champion; JSON beside the models."""

    against: int
    audits: tuple[tuple[int, Answer, Answer, Answer], ...] = ()
    """Item, people's answer, the champion's, the candidate's."""
    flips: tuple[Flip, ...] = ()
    flipped: int = 0
    features: tuple[str, int] = ("", 0)
    """Digest and columns of the candidate's features."""
    features_before: tuple[str, int] = ("", 0)
    """Those of the champion's."""


def tuned(job: Job) -> Tuned:
    """What a fine-tuning that is done came to."""
    return typed(Tuned, job.result)


def put_progress(store: Store, project_id: int, progress: Mapping[str, Any], now: int) -> None:
    """Keep how far a fine-tuning is for whoever looks on; what `dataclasses.asdict` makes of `TuningProgress`."""
    store.put_figures(project_id, FIGURES, progress, now)


@needs("see")
def progress_of(store: Store, project_id: int, job: int) -> TuningProgress | None:
    """How far a fine-tuning is; None before its first step."""
    found = store.figures(project_id, FIGURES)
    known = None if found is None else typed(TuningProgress, found)
    return known if known is not None and known.job == job else None


def version_of(store: Store, project_id: int, number: int) -> ModelVersion:
    """One version. Raises `UnknownName`."""
    for model in store.models(project_id):
        if model.id == number:
            return model
    raise UnknownName("model version", number)


def judged_file(project_id: int, version: int) -> str:
    """Name of the file that says how a version was judged; it stays when the weights are deleted."""
    return f"models/{project_id}/{VERSIONS}/{version}.json"


@needs("see")
def judged(store: Store, project_id: int, version: int) -> Judged | None:
    """How a version was judged; None where it never was."""
    try:
        written = store.file(judged_file(project_id, version)).read_bytes()
    except UnknownName:
        return None
    return typed(Judged, json.loads(written))


@needs("lead")
def flips(store: Store, project_id: int, version: int) -> tuple[Flip, ...]:
    """Items of which a version suggests another answer than the champion did when it was judged, the surest first."""
    found = judged(store, project_id, version)
    return () if found is None else found.flips


@needs("see")
def compare(store: Store, project_id: int, a: int, b: int) -> Comparison:
    """Hold two versions against each other on the audits that both were judged by, from a to b.

    Where one was held against the other, it is what that judgement saw: both with heads of the same decisions.
    """
    schema = store.project(project_id).schema
    models = store.models(project_id)
    direct = _direct(store, project_id, a, b)
    if direct is None:
        of_a, of_b = (_said(store, project_id, models, each) for each in (a, b))
    else:
        of_a = {item: (truth, before) for item, truth, before, _ in direct.audits}
        of_b = {item: (truth, after) for item, truth, _, after in direct.audits}
        if direct.against == b:
            of_a, of_b = of_b, of_a
    both = sorted(of_a.keys() & of_b.keys())
    truth = [of_b[item][0] for item in both]
    said = [of_a[item][1] for item in both], [of_b[item][1] for item in both]
    right = [[word == true for word, true in zip(words, truth, strict=True)] for words in said]
    cells = [() if schema.many else _confusion(schema, truth, words) for words in said]
    return Comparison(
        audits=len(both),
        right_before=sum(right[0]),
        right_after=sum(right[1]),
        mended=sum(not x and y for x, y in zip(*right, strict=True)),
        broken=sum(x and not y for x, y in zip(*right, strict=True)),
        classes=tuple(c.id for c in schema.classes),
        before=cells[0],
        after=cells[1],
        wrong_before=_wrong(truth, said[0]),
        wrong_after=_wrong(truth, said[1]),
        flipped=None if direct is None else direct.flipped,
    )


def _direct(store: Store, project_id: int, a: int, b: int) -> Judged | None:
    """The judgement that held one of two versions against the other, the newer one's first."""
    for version, other in sorted(((a, b), (b, a)), reverse=True):
        found = judged(store, project_id, version)
        if found is not None and found.against == other:
            return found
    return None


def _said(
    store: Store, project_id: int, models: tuple[ModelVersion, ...], version: int
) -> dict[int, tuple[Answer, Answer]]:
    """People's answer and the version's, by audit: from its own file, else from the newest one that had it as champion.

    A candidate's own words are those of the head that the gate fitted; a champion that was never a candidate has words
    only where others were held against it.
    """
    if (own := judged(store, project_id, version)) is not None:
        return {item: (truth, after) for item, truth, _, after in own.audits}
    for model in models:
        found = judged(store, project_id, model.id)
        if found is not None and found.against == version:
            return {item: (truth, before) for item, truth, before, _ in found.audits}
    return {}


def _confusion(schema: LabelSchema, truth: list[Answer], said: list[Answer]) -> tuple[tuple[int, ...], ...]:
    at = {c.id: i for i, c in enumerate(schema.classes)}
    cells = np.zeros((len(at), len(at)), np.int64)
    for true, word in zip(truth, said, strict=True):
        cells[at[true[0]], at[word[0]]] += 1
    return tuple(tuple(row) for row in cells.tolist())


def _wrong(truth: list[Answer], said: list[Answer]) -> dict[str, int]:
    wrong = Counter[str]()
    for true, word in zip(truth, said, strict=True):
        wrong.update(({*true} ^ {*word}) - {NONE})
    return dict(wrong)
