"""When to train the whole network: by a button, after so many decisions, or because the head alone gains no more.

Free of torch: pages ask here.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from collab.domain.plain import typed
from collab.domain.project import NONE, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.domain.version import TUNED
from collab.engine.recipe import FineTuning, Method
from collab.errors import NothingToLearn
from collab.loop import reporting
from collab.loop.measuring import image_fields, reads_text, tuned_folder
from collab.loop.permitting import needs

JOB: Final = "tune"
"""Kind of the job that trains encoder and head together."""
BEGUN = "tuning begun"
"""Name of the figures that say how much was decided when the last fine-tuning was asked for."""
MADE_FROM = "made_from.json"
"""File in the folder of a fine-tuned model that names the encoders that it was trained from."""

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to fine-tune, as the payload of a job carries it."""

    recipe: FineTuning = field(default_factory=FineTuning)


Reason = Literal["ready", "nothing", "few labels", "few audits", "good enough", "still gaining", "tried"]


AGAIN = 1.2
"""Growth of the decisions since the last fine-tuning from which another one is advised."""


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


def wanted(job: Job) -> Wanted:
    """How a fine-tuning was asked for."""
    return typed(Wanted, job.payload)


def note_begun(store: Store, project_id: int, now: int) -> None:
    """Keep how much is decided now, so that the next fine-tuning is due after so much more."""
    store.put_figures(project_id, BEGUN, {"decided": store.progress(project_id).decided}, now)


def ask_if_due(store: Store, project: Project, now: int) -> Job | None:
    """Ask for a fine-tuning where the policy wants one after so many decisions, and they are there; cheap otherwise."""
    every = project.policy.fine_tune_every
    if not every:
        return None
    last = store.figures(project.id, BEGUN)
    if store.progress(project.id).decided - (0 if last is None else last["decided"]) < every:
        return None
    try:
        tune_fits(store, project.id)
    except NothingToLearn:
        return None
    asked = Wanted(replace(FineTuning(), method=_method(_rarest(store, project)[1])))
    with store.transaction():
        note_begun(store, project.id, now)  # at once: one that fails is not asked for again and again
        return store.submit_job(JOB, project.id, asdict(asked), "", now)


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


@needs("lead")
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


@needs("see")
def advice(store: Store, project_id: int) -> TuningAdvice:
    """Say whether fine-tuning is worth a try: enough labels, a head that gains no more, and a target out of reach."""
    project = store.project(project_id)
    (class_id, labels), quality = _rarest(store, project), reporting.accuracy(store, project_id)
    slope, brought = _slope(reporting.curve(store, project_id)), _brought(store, project_id)
    known: dict[str, Any] = {
        "method": _method(labels),
        "labels": labels,
        "class_id": class_id,
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
    begun = store.figures(project_id, BEGUN)
    if begun is not None and store.progress(project_id).decided < begun["decided"] * AGAIN:
        return TuningAdvice(False, "tried", **known)
    return TuningAdvice(True, "ready", **known)


def _counts(store: Store, project: Project) -> Counter[str]:
    """Decisions by class that is still offered."""
    live, counts = {c.id for c in project.schema.live}, Counter[str]()
    for class_id, n in store.class_counts(project.id).items():
        if class_id != NONE and (heir := project.schema.resolve(class_id)) in live:
            counts[heir] += n
    return counts


def _rarest(store: Store, project: Project) -> tuple[str, int]:
    """The class with the fewest decisions, and how many these are."""
    counts = _counts(store, project)
    found = min(project.schema.live, key=lambda c: counts[c.id])
    return found.id, counts[found.id]


def _method(labels: int) -> Method:
    """Which way of training suits so many decisions of the rarest class."""
    return "full" if labels >= FULL_FROM else "lora"


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
