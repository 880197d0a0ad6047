"""What people read of fine-tuning: how it was asked for, how far it is, what versions say, and whether it is worth it.

Free of torch: pages ask here.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from collab.domain.plain import typed
from collab.domain.project import NONE, Answer, LabelSchema, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.domain.version import TUNED, GateWord, ModelVersion
from collab.engine.recipe import Epoch, FineTuning, Method
from collab.errors import NothingToLearn, UnknownName
from collab.loop import reporting
from collab.loop.measuring import image_fields, reads_text, tuned_folder

JOB = "tune"
"""Kind of the job that trains encoder and head together."""
FIGURES = "tuning"
"""Name of the figures that say how far a fine-tuning is."""

UNTUNABLE = frozenset({"hashing"})
"""Encoders without weights."""
NETWORK = "mlp"
"""Kind of head that is a network: where there are only tables, a candidate has it."""

FEWEST, FEWEST_OF_A_CLASS = 8, 2
"""Decisions without which there is nothing to hold out."""

ENOUGH = 32
"""Decisions of each class from which tuning the encoder is advised."""
FLAT = 0.005
"""By so much the audited accuracy rises with `STRETCH` more labels where the head still gains."""
STRETCH = 50
LOOK_BACK = 150
"""Labels over which the rise is looked at, and points of the curve that are too few for that."""
FEWEST_POINTS = 3
FULL_FROM = 64
"""Decisions of each class from which all weights are trained; with fewer, adapters are steadier.

Source: the published results of SetFit (Tunstall et al., "Efficient Few-Shot Learning Without Prompts", 2022), where
training all weights overtakes between 64 and 100 labels of a class."""

MOST_FLIPS = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to fine-tune, as the payload of a job carries it."""

    recipe: FineTuning = field(default_factory=FineTuning)


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


Reason = Literal["ready", "nothing", "few labels", "few audits", "good enough", "still gaining"]


@dataclass(frozen=True, slots=True)
class TuningAdvice:
    """Whether fine-tuning is worth a try now."""

    ready: bool
    reason: Reason
    method: Method = "lora"
    why: str = ""
    """The sentence, where nothing can be fine-tuned."""
    labels: int = 0
    """Decisions of the rarest class."""
    class_id: str = ""
    """Which class that is."""
    needed: int = ENOUGH
    slope: float | None = None
    """By how much the audited accuracy rises with 50 more labels; None: there are too few points to say."""
    accuracy: float | None = None
    target: float = 0.0
    brought: float | None = None
    """By how much earlier ones of this project raised the accuracy on the same audits, on the mean; None: none was
    judged."""
    times: int = 0
    """How many that were."""


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


def wanted(job: Job) -> Wanted:
    """How a fine-tuning was asked for."""
    return typed(Wanted, job.payload)


def tuned(job: Job) -> Tuned:
    """What a fine-tuning that is done came to."""
    return typed(Tuned, job.result)


def put_progress(store: Store, project_id: int, progress: Mapping[str, Any], now: int) -> None:
    """Keep how far a fine-tuning is for whoever looks on; what `dataclasses.asdict` makes of `TuningProgress`."""
    store.put_figures(project_id, FIGURES, progress, now)


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
    return f"models/{project_id}/versions/{version}.json"


def judged(store: Store, project_id: int, version: int) -> Judged | None:
    """How a version was judged; None where it never was."""
    try:
        written = store.file(judged_file(project_id, version)).read_bytes()
    except UnknownName:
        return None
    return typed(Judged, json.loads(written))


def flips(store: Store, project_id: int, version: int) -> tuple[Flip, ...]:
    """Items of which a version suggests another answer than the champion did when it was judged, the surest first."""
    found = judged(store, project_id, version)
    return () if found is None else found.flips


def compare(store: Store, project_id: int, a: int, b: int) -> Comparison:
    """Hold two versions against each other on the audits that both were judged by, from a to b."""
    schema = store.project(project_id).schema
    models = store.models(project_id)
    of_a, of_b = (_said(store, project_id, models, each) for each in (a, b))
    both = sorted(of_a.keys() & of_b.keys())
    truth = [of_b[item][0] for item in both]
    said = [of_a[item][1] for item in both], [of_b[item][1] for item in both]
    right = [[word == true for word, true in zip(words, truth, strict=True)] for words in said]
    cells = [() if schema.many else _confusion(schema, truth, words) for words in said]
    direct = next((m for m in models if {m.id, _against(m)} == {a, b}), None)
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
        flipped=None if direct is None else direct.record.flipped,
    )


def origins(store: Store, project: Project) -> tuple[str, str]:
    """Names of the pretrained encoders that a fine-tuning starts from, of texts and of pictures; "" where it has none.

    Where the policy names a fine-tuned one, it is what that was made from: a tuning never starts from the last one.
    """
    text = project.policy.encoder if reads_text(project) else ""
    image = project.policy.image_encoder if image_fields(project) else ""
    made_from: dict[str, str] = {}
    for name in (text, image):
        if name.startswith(TUNED):
            made_from = json.loads(store.file(f"{tuned_folder(project.id, name)}/{MADE_FROM}").read_bytes())
    return (
        made_from["text"] if text.startswith(TUNED) else text,
        made_from["image"] if image.startswith(TUNED) else image,
    )


MADE_FROM = "made_from.json"
"""File in the folder of a fine-tuned model that names the encoders that it was trained from."""


def tune_fits(store: Store, project_id: int) -> None:
    """See whether there is something to train, and enough to train it on.

    Raises:
        NothingToLearn: There isn't; the sentence says what is missing.
    """
    project = store.project(project_id)
    if not reads_text(project) and not image_fields(project):
        if project.policy.head == NETWORK:
            raise NothingToLearn(
                project.name,
                "it has tables alone, and its head is a network already, which is trained anew as people answer.",
            )
    elif not any(tunable(store, project)):
        raise NothingToLearn(
            project.name,
            f"its encoder {project.policy.encoder!r} has no weights that can be fine-tuned. Choose another one in the "
            "settings.",
        )
    decided, counts = store.progress(project_id).decided, _counts(store, project)
    if decided < FEWEST:
        raise NothingToLearn(
            project.name, f"{decided} answers are too few to fine-tune on; {FEWEST} are the least. Label some more."
        )
    if project.schema.many:
        fit = any(FEWEST_OF_A_CLASS <= n <= decided - FEWEST_OF_A_CLASS for n in counts.values())
        if not fit:
            raise NothingToLearn(
                project.name,
                f"no class is named by {FEWEST_OF_A_CLASS} answers and missing from {FEWEST_OF_A_CLASS} others. "
                "Label some more items first.",
            )
    elif sum(n >= FEWEST_OF_A_CLASS for n in counts.values()) < 2:
        raise NothingToLearn(
            project.name,
            f"of two classes at least {FEWEST_OF_A_CLASS} answers each are needed. Label some more items first.",
        )


def tunable(store: Store, project: Project) -> tuple[str, str]:
    """Names of the pretrained encoders that can be trained, of texts and of pictures; "" where there is none."""
    text, image = origins(store, project)
    return "" if text in UNTUNABLE else text, image


def advice(store: Store, project_id: int) -> TuningAdvice:
    """Say whether fine-tuning is worth a try: enough labels, a head that gains no more, and a target out of reach."""
    project = store.project(project_id)
    counts = _counts(store, project)
    rarest = min(project.schema.live, key=lambda c: counts[c.id])
    labels, quality = counts[rarest.id], reporting.accuracy(store, project_id)
    slope, brought = _slope(reporting.curve(store, project_id)), _brought(store, project_id)
    known: dict[str, Any] = {
        "method": "full" if labels >= FULL_FROM else "lora",
        "labels": labels,
        "class_id": rarest.id,
        "slope": slope,
        "accuracy": quality.point,
        "target": project.policy.target,
        "brought": float(np.mean(brought)) if brought else None,
        "times": len(brought),
    }
    try:
        tune_fits(store, project_id)
    except NothingToLearn as error:
        return TuningAdvice(False, "nothing", why=str(error), **known)
    if labels < ENOUGH:
        return TuningAdvice(False, "few labels", **known)
    if quality.point is None or slope is None:
        return TuningAdvice(False, "few audits", **known)
    if quality.point >= project.policy.target:
        return TuningAdvice(False, "good enough", **known)
    if slope >= FLAT:
        return TuningAdvice(False, "still gaining", **known)
    return TuningAdvice(True, "ready", **known)


def _counts(store: Store, project: Project) -> Counter[str]:
    """Decisions by class that is still offered."""
    live, counts = {c.id for c in project.schema.live}, Counter[str]()
    for class_id, n in store.class_counts(project.id).items():
        if class_id != NONE and (heir := project.schema.resolve(class_id)) in live:
            counts[heir] += n
    return counts


def _slope(points: list[reporting.CurvePoint]) -> float | None:
    """By how much the audited accuracy rose with each `STRETCH` labels lately, by a straight line."""
    known = [(p.labels, p.audits.point) for p in points if p.audits.point is not None]
    recent = [(x, y) for x, y in known if x >= known[-1][0] - LOOK_BACK]
    if len(recent) < FEWEST_POINTS or recent[-1][0] - recent[0][0] < STRETCH:
        return None
    x, y = np.array(recent).T
    return float(np.polyfit(x, y, 1)[0] * STRETCH)


def _brought(store: Store, project_id: int) -> list[float]:
    """What fine-tunings of this project changed in accuracy, as the gate measured it."""
    records = [m.record for m in store.models(project_id)]
    return [r.verdict.accuracy.value for r in records if r.making is not None and r.verdict is not None]


def _against(model: ModelVersion) -> int | None:
    return None if model.record.verdict is None else model.record.verdict.against


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
