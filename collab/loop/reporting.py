"""Everything that only reads: accuracy from audits, what the worker made of it, the learning curve, progress, pace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from collab.domain.annotation import counted
from collab.domain.plain import typed
from collab.domain.project import LabelSchema
from collab.domain.run import CALIBRATED_FROM, SHOWN_FROM, Checks, ClassAudits, Job, Progress, Round, Stratum
from collab.domain.store import Store
from collab.engine.assurance import Estimate, audited_accuracy, share_of
from collab.loop import advising, influencing, slicing
from collab.loop.permitting import needs

POINT_FROM = 30
"""Audit answers from which a figure has a point and a trend."""
CURVE_POINTS = 200
"""More can't be told apart, and would keep a page waiting."""

DAY_MS = 86_400_000
WORKER_SILENT_MS = 10_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How often the model agreed with blind answers, on the strata that have enough of them.

    An import, or small ones together, is a stratum; one with fewer than ten audits is not checked.
    """

    judged: int = 0
    """Blind answers that the model was judged by, in all strata."""
    answered: int = 0
    """Those in checked strata; the figures below are of them."""
    right: int = 0
    unresolved: int = 0
    """Asked, but put off, flagged or not to be told: the interval allows for either outcome."""
    share: float | None = None
    """Share of agreement on all items of the checked strata, each counted by its size; None: none is checked."""
    low: float | None = None
    high: float | None = None
    unchecked: tuple[str, ...] = ()
    """Names of the files whose items the figures don't speak for."""
    covered: float = 0.0
    """Share of the items for which the figures speak."""
    retired: int = 0
    """Blind answers left out, for their class is offered no more."""
    chose: int = 0
    """Of the judging ones, those by which the gate chose between model versions too."""

    @property
    def point(self) -> float | None:
        """The share itself, once there are enough answers to speak of one."""
        return self.share if self.answered >= POINT_FROM else None

    @property
    def band(self) -> tuple[int, int] | None:
        """The interval as "between a and b of 10", rounded outward."""
        return None if self.low is None or self.high is None else band(self.low, self.high)

    @property
    def calibrated(self) -> bool:
        """Whether probabilities are calibrated."""
        return self.judged >= CALIBRATED_FROM


@dataclass(frozen=True, slots=True)
class ClassReport:
    """How well one class is met, by the audits of the checked strata; imports count by their size."""

    class_id: str
    both: int
    """Called so by people and by the model."""
    precision: Estimate
    """Share of what the model calls so that people call so too; its `n` is what the model called so."""
    recall: Estimate
    """Share of what people call so that the model calls so too; its `n` is what people called so."""
    f1: Estimate
    """Its `n` is what either called so."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The model after so many labels, as the audits known then judged it."""

    labels: int
    audits: AuditReport
    demo: float | None
    """Accuracy against held-back truth; demo projects only."""
    demo_items: int
    """Held-back answers that it was judged by."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a project is at, on one page."""

    progress: Progress
    classes: Mapping[str, int]
    """Decisions by class id, the reserve left out."""
    jobs: tuple[Job, ...]
    """Live ones first."""
    worker_alive: bool


@dataclass(frozen=True, slots=True)
class Agreed:
    """How often two answers to the same item were the same."""

    same: int
    n: int
    share: Estimate | None
    """None: there is none to compare."""


@needs("see")
def accuracy(store: Store, project: int) -> AuditReport:
    """Accuracy of the head of the last round, from audits alone."""
    last = store.last_round(project)
    if last is None:
        return AuditReport()
    report = _report(last, store.strata(project), _names(store, project))
    return replace(report, chose=min(_chose(store, project), report.judged))


@needs("see")
def curve(store: Store, project: int, rounds: Sequence[Round] | None = None) -> list[CurvePoint]:
    """The learning curve: the latest round of each number of labels, thinned out; the newest is `accuracy`.

    Args:
        store: The workspace.
        project: Whose.
        rounds: All of them, where they were read already.
    """
    names = _names(store, project)
    latest = {r.labels: r for r in (store.rounds(project) if rounds is None else rounds)}
    rounds = sorted(latest.values(), key=lambda r: r.labels)
    rounds = rounds[:: -max(1, len(rounds) // CURVE_POINTS)][::-1]
    newest = max((r.revision for r in rounds), default=0)
    return [
        CurvePoint(
            r.labels,
            _report(r, store.strata(project) if r.revision == newest else r.strata, names),
            r.demo_accuracy,
            r.demo_items,
        )
        for r in rounds
    ]


@needs("see")
def checks(store: Store, project: int) -> Checks | None:
    """What takes the worker long to work out; None: it hasn't yet."""
    last = store.last_round(project)
    return None if last is None else last.checks


@needs("see")
def by_class(store: Store, project: int, schema: LabelSchema) -> tuple[ClassReport, ...]:
    """Precision, recall and F1 of the head of the last round by class, in the order of the classes.

    Unresolved audits count as the accuracy counts them: for the lower bound as people would have to call them at worst,
    for the upper one at best. Nothing where no stratum is checked, nor where the round counted other classes.
    """
    last = store.last_round(project)
    checked = [] if last is None else [s for s in last.strata if s.answered >= SHOWN_FROM]
    live = {c.id for c in schema.live}
    known = all(live.issuperset(s.classes) for s in checked)
    if not schema.many:  # else an answer may name several, or none
        known = known and all(s.answered == sum(c.people for c in s.classes.values()) for s in checked)
    if not known:
        return ()
    return tuple(_class_report(c.id, checked) for c in schema.live if checked)


@needs("see")
def advice(store: Store, project: int) -> advising.StopAdvice | None:
    """Whether to go on labeling, under the target of today; None: nobody can say yet."""
    made = store.figures(project, advising.FIGURES)
    return None if made is None else advising.advised(typed(advising.Evidence, made), store.project(project))


@needs("lead")
def influence(store: Store, project: int) -> influencing.Effect | None:
    """What showing suggestions does to people."""
    made = store.figures(project, influencing.FIGURES)
    return None if made is None else typed(influencing.Effect, made)


@needs("see")
def parts(store: Store, project: int) -> slicing.Parts | None:
    """Accuracy by the values of columns."""
    made = store.figures(project, slicing.PARTS)
    return None if made is None else typed(slicing.Parts, made)


@needs("see")
def group(store: Store, project: int) -> slicing.Groups | None:
    """Agreement on groups that the model has not seen; None also where the policy names another column."""
    made = store.figures(project, slicing.GROUP)
    found = None if made is None else typed(slicing.Groups, made)
    return found if found is not None and found.column == store.project(project).policy.group else None


@needs("see", own="annotator", everybody=True)
def self_agreement(store: Store, project: int, schema: LabelSchema, annotator: str = "") -> Agreed:
    """How often this person, or everybody together, gave an audit the same answer again, blind and later.

    Can't tell is an answer here: it is the same if it comes twice.
    """
    pairs = [(counted(a, schema), counted(b, schema), n) for a, b, n in store.repeats(project, annotator)]
    return _agreed(sum(n for a, b, n in pairs if a == b), sum(n for _, _, n in pairs))


@needs("see")
def people_agreement(store: Store, project: int, schema: LabelSchema) -> Agreed:
    """On how many of the items that several people answered all of them say the same."""
    items = store.overlaps(project)
    same = sum(n for a, b, n in items if counted(a, schema) == counted(b, schema))
    return _agreed(same, sum(n for _, _, n in items))


@needs("lead")
def work(store: Store, project: int) -> tuple[influencing.Work, ...]:
    """Who has answered how much, most first, and how long it took them as far as the log was read."""
    effect = influence(store, project)
    timed = {w.annotator: w for w in effect.work} if effect else {}
    return tuple(
        replace(timed.get(name, influencing.Work(name, 0)), answers=answers)
        for name, answers in store.answers_by_annotator(project)
    )


@needs("see", own="annotator")
def today(store: Store, project: int, annotator: str, now: int, utc_offset_minutes: int = 0) -> int:
    """How many items this person has answered since their midnight."""
    local = now + utc_offset_minutes * 60_000
    return store.answers_since(project, local - local % DAY_MS - utc_offset_minutes * 60_000, annotator)


@needs("see", own="annotator")
def pace(store: Store, project: int, annotator: str) -> float | None:
    """Median seconds of an answer; private to the person. None under five answers."""
    seconds = store.seconds(project, annotator)
    return median(seconds) if len(seconds) >= 5 else None


@needs("see")
def overview(store: Store, project: int, now: int) -> Overview:
    """Progress, balance, jobs, and whether a worker is there."""
    progress = store.progress(project)
    jobs = sorted(store.jobs(project), key=lambda job: job.status not in ("queued", "running"))
    return Overview(progress, store.class_counts(project), tuple(jobs), now - progress.worker_at < WORKER_SILENT_MS)


def accept_filled(report: AuditReport, from_level: float) -> bool:
    """Whether audits support accepting as the first thing to do; what is not checked counts as wrong."""
    return report.calibrated and report.low is not None and report.low * report.covered >= from_level


def band(low: float, high: float) -> tuple[int, int]:
    """An interval in tenths, rounded outward."""
    return int(low * 10), min(10, -int(-high * 10 // 1))


def _agreed(same: int, n: int) -> Agreed:
    return Agreed(same, n, share_of(same, n) if n else None)


def _report(done: Round, strata: Sequence[Stratum], names: Mapping[int, str]) -> AuditReport:
    """Say what the audits of a round amount to.

    Args:
        done: The round.
        strata: What there is to check; an import that came after the round is not checked yet.
        names: Of the imports.
    """
    checked = [s for s in done.strata if s.answered >= SHOWN_FROM]
    known = {i for s in checked for i in s.imports}
    unchecked = tuple(dict.fromkeys(names[i] for s in strata for i in s.imports if i not in known))
    report = AuditReport(done.audits, unchecked=unchecked, retired=done.audits_retired)
    if not checked:
        return report
    share, interval = audited_accuracy(checked)
    return replace(
        report,
        answered=sum(s.answered for s in checked),
        right=sum(s.right for s in checked),
        unresolved=sum(s.unresolved for s in checked),
        share=share,
        low=interval.low,
        high=interval.high,
        covered=sum(s.items for s in checked) / sum(s.items for s in strata),
    )


def _chose(store: Store, project: int) -> int:
    """How many answered audits the gate has used: what a figure says of a version that they chose is a little kind."""
    records = [m.record for m in store.models(project)]
    chosen = {i for r in records if r.verdict is not None for i in r.verdict.audits}
    chosen |= {i for r in records for i in r.judged_before}
    if not chosen:
        return 0
    return sum(audit.answer is not None and audit.item in chosen for audit in store.audit_answers(project, 0))


def _class_report(class_id: str, strata: Sequence[Stratum]) -> ClassReport:
    counts = [s.classes.get(class_id, ClassAudits()) for s in strata]
    told = np.array([s.items / s.answered for s in strata])
    asked = np.array([s.items / (s.answered + s.unresolved) for s in strata])
    both = np.array([c.both for c in counts])
    people, model = np.array([c.people for c in counts]), np.array([c.model for c in counts])
    so, open_ = np.array([c.unresolved for c in counts]), np.array([s.unresolved for s in strata])

    either = people + model - both
    return ClassReport(
        class_id,
        int(both.sum()),
        precision=slicing.allowing(both, model, so, so, told, asked),
        recall=slicing.allowing(both, people, open_ - so, so, told, asked),
        f1=_f1(slicing.allowing(both, either, open_, so, told, asked)),
    )


def _f1(jaccard: Estimate) -> Estimate:
    """F1 from the share of what both call so among what either does, with which it rises.

    Source: Jaccard, "The Distribution of the Flora in the Alpine Zone", New Phytologist 1912.
    """
    value, low, high = (2 * share / (1 + share) for share in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value, low, high, jaccard.n)


def _names(store: Store, project: int) -> dict[int, str]:
    return {number: source for number, source, _, _ in store.imports(project)}
