"""Everything that only reads: accuracy from audits, the learning curve, progress, pace."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from collab.domain.run import CALIBRATED_FROM, Job, Progress, Round
from collab.domain.store import Store
from collab.engine.assurance import audited_accuracy

SHOWN_FROM, POINT_FROM = 10, 30
"""Audit answers from which a figure is shown at all, and from which it has a point and a trend."""

DAY_MS = 86_400_000
WORKER_SILENT_MS = 10_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """How often the model agreed with blind answers; `low` and `high` are None under ten of them."""

    answered: int
    right: int
    unresolved: int
    """Asked, but put off, flagged or not to be told: the interval allows for either outcome."""
    low: float | None
    high: float | None

    @property
    def point(self) -> float | None:
        """The share itself, once there are enough answers to speak of one."""
        return self.right / self.answered if self.answered >= POINT_FROM else None

    @property
    def band(self) -> tuple[int, int] | None:
        """The interval as "between a and b of 10", rounded outward."""
        if self.low is None or self.high is None:
            return None
        return int(self.low * 10), min(10, -int(-self.high * 10 // 1))

    @property
    def calibrated(self) -> bool:
        """Whether probabilities are calibrated."""
        return self.answered >= CALIBRATED_FROM

    @property
    def missing(self) -> int:
        """Blind answers until probabilities are calibrated."""
        return max(0, CALIBRATED_FROM - self.answered)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The model after so many labels, as the audits known then judged it."""

    labels: int
    audits: int
    right: int
    low: float | None
    high: float | None
    demo: float | None
    """Accuracy against held-back truth; demo projects only."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a project is at, on one page."""

    progress: Progress
    classes: Mapping[str, int]
    """Decisions by class id, the reserve left out."""
    jobs: tuple[Job, ...]
    """Live ones first."""
    worker_alive: bool


def accuracy(store: Store, project: int) -> AuditReport:
    """Accuracy of the head of the last round, from audits alone."""
    rounds = store.rounds(project)
    last = rounds[-1] if rounds else None
    resolved = [answer is not None for _, answer in store.audit_answers(project)]
    while resolved and not resolved[-1]:
        resolved.pop()  # handed out, not answered yet
    unresolved = resolved.count(False)
    if last is None or last.audits < SHOWN_FROM:
        return AuditReport(last.audits if last else 0, last.audits_right if last else 0, unresolved, None, None)
    low, high = _interval(last, unresolved, store.progress(project).items)
    return AuditReport(last.audits, last.audits_right, unresolved, low, high)


def curve(store: Store, project: int) -> list[CurvePoint]:
    """The learning curve: one point for each number of labels, the latest round of each."""
    items = store.progress(project).items
    latest = {r.labels: r for r in store.rounds(project)}
    points = []
    for done in sorted(latest.values(), key=lambda r: r.labels):
        low, high = _interval(done, 0, items) if done.audits >= SHOWN_FROM else (None, None)
        points.append(CurvePoint(done.labels, done.audits, done.audits_right, low, high, done.demo_accuracy))
    return points


def today(store: Store, project: int, annotator: str, now: int, utc_offset_minutes: int = 0) -> int:
    """How many items this person has answered since their midnight."""
    local = now + utc_offset_minutes * 60_000
    return store.answers_since(project, local - local % DAY_MS - utc_offset_minutes * 60_000, annotator)


def pace(store: Store, project: int, annotator: str) -> float | None:
    """Median seconds of an answer; private to the person. None under five answers."""
    seconds = store.seconds(project, annotator)
    return median(seconds) if len(seconds) >= 5 else None


def overview(store: Store, project: int, now: int) -> Overview:
    """Progress, balance, jobs, and whether a worker is there."""
    progress = store.progress(project)
    jobs = sorted(store.jobs(project), key=lambda job: job.status not in ("queued", "running"))
    return Overview(progress, store.class_counts(project), tuple(jobs), now - progress.worker_at < WORKER_SILENT_MS)


def accept_filled(report: AuditReport, from_level: float) -> bool:
    """Whether audits support that accepting is offered as the first thing to do."""
    return report.calibrated and report.low is not None and report.low >= from_level


def _interval(done: Round, unresolved: int, population: int) -> tuple[float, float]:
    interval = audited_accuracy(done.audits_right, done.audits, unresolved, population).interval
    return interval.low, interval.high
