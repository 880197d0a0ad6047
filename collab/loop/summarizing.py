"""Sum a project up for people who never open it: data, question, people, how good the model is, what was promised.

Only reads, and only figures that exist already. What no audit has shown is left out, never guessed.
"""

import json
import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import Any

from collab.domain.certificate import Certificate
from collab.domain.project import Field, LabelSchema, LoopPolicy, Project
from collab.domain.run import SHOWN_FROM, Checks, Progress
from collab.domain.store import Store
from collab.domain.version import makers
from collab.loop import reporting
from collab.loop.advising import StopAdvice
from collab.loop.influencing import Effect, Work
from collab.loop.measuring import model_name
from collab.loop.permitting import needs
from collab.loop.reporting import Agreed, AuditReport, ClassReport, CurvePoint
from collab.loop.slicing import Groups, Parts

LIBRARIES = ("collab", "numpy", "scipy", "scikit-learn", "torch", "sentence-transformers", "sqlalchemy", "streamlit")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was imported, and what became of its rows."""

    name: str
    at: int
    added: int
    duplicates: int
    rejected: int
    answers: int
    """Answers that came with it and were taken."""


@dataclass(frozen=True, slots=True)
class Data:
    """What was labeled."""

    sources: tuple[Source, ...]
    fields: tuple[Field, ...]
    languages: tuple[str, ...]
    progress: Progress


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the model of the last fit is, by audits alone."""

    accuracy: AuditReport
    classes: tuple[ClassReport, ...]
    curve: tuple[CurvePoint, ...]
    """Those that have a share to speak of."""
    checks: Checks | None
    parts: Parts | None
    group: Groups | None
    advice: StopAdvice | None


@dataclass(frozen=True, slots=True)
class People:
    """Who answered, and how far their answers can be built on."""

    work: tuple[Work, ...]
    """Most answers first."""
    own: Agreed
    """With themselves, when an audit came again, blind."""
    mutual: Agreed
    """With each other, on items that several answered."""
    effect: Effect | None
    """Of showing suggestions."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took."""

    timed: int
    """Acts of people whose time is known."""
    seconds: float
    """They took together."""
    fits: int
    machine_seconds: float
    """That the model spent on learning and on choosing what to ask; reading the items is left out."""


@dataclass(frozen=True, slots=True)
class Made:
    """What made the figures, so that somebody can come back to them."""

    at: int
    """Milliseconds since 1970."""
    model: str
    """Version and revision, as "3.17"; "" before the first fit."""
    fitted_at: int
    labels: int
    """That the last fit learned from."""
    encoder: str
    head: str
    events: int
    """In the project's log."""
    log_head: str
    """Hash of the last one, chained to all before: whoever keeps it can tell whether the log was changed since."""
    versions: Mapping[str, str]
    tuned: Mapping[str, int] = field(default_factory=dict)
    """Fine-tuned encoders by name, with the model version that each was made for."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that a reader must know before relying on a figure; its sentence stands in the catalogue."""

    name: str
    n: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A project on one page."""

    project: str
    demo: bool
    data: Data
    schema: LabelSchema
    policy: LoopPolicy
    classes: Mapping[str, int]
    """Decisions by class id; audits and a machine's are left out."""
    people: People
    quality: Quality
    certificates: tuple[Certificate, ...]
    """Newest first. Their keys, which say what will be checked next, are left out."""
    cost: Cost
    limits: tuple[Limit, ...]
    made: Made

    def as_json(self) -> str:
        """All of it as one JSON document; what is no number in JSON is null."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False, indent=1) + "\n"


@needs("export", noted=("export", "report"))
def summary(store: Store, project_id: int, now: int) -> Summary:
    """Sum a project up as it stands now.

    Raises:
        UnknownName: There is no such project.
    """
    project = store.project(project_id)
    imports, rounds, progress = store.imports(project_id), store.rounds(project_id), store.progress(project_id)
    sources = tuple(Source(name, at, r.added, r.duplicates, r.rejected, r.answers) for _, name, at, r in imports)
    languages = tuple(dict.fromkeys(r.language for *_, r in imports if r.language))
    quality = Quality(
        reporting.accuracy(store, project_id),
        reporting.by_class(store, project_id, project.schema),
        tuple(p for p in reporting.curve(store, project_id, rounds) if p.audits.point is not None),
        reporting.checks(store, project_id),
        _parts(store, project),
        reporting.group(store, project_id),
        reporting.advice(store, project_id),
    )
    people = People(
        reporting.work(store, project_id),
        reporting.self_agreement(store, project_id, project.schema),
        reporting.people_agreement(store, project_id, project.schema),
        reporting.influence(store, project_id),
    )
    cost = Cost(
        sum(w.timed for w in people.work),
        sum(w.seconds for w in people.work),
        len(rounds),
        sum(r.fit_seconds + r.query_seconds for r in rounds),
    )
    found = Summary(
        project.name,
        project.demo,
        Data(sources, project.fields, languages, progress),
        project.schema,
        project.policy,
        store.class_counts(project_id),
        people,
        quality,
        tuple(replace(c, key="") for c in store.certificates(project_id)),
        cost,
        (),
        _made(store, project_id, project.policy, now),
    )
    return replace(found, limits=tuple(_limits(found, len(store.truth(project_id)))))


@needs("export")
def keep(store: Store, project: int, texts: Mapping[str, str]) -> None:
    """Keep a report's files, by name, where they can be fetched."""
    store.project(project)
    for name, text in texts.items():
        store.write_file(name, iter([text.encode("utf-8", "replace")]))


@cache
def versions() -> Mapping[str, str]:
    """What works here, by name."""
    return {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _parts(store: Store, project: Project) -> Parts | None:
    """Accuracy by columns, but for personal ones: a report is handed on."""
    found = reporting.parts(store, project.id)
    shown = () if found is None else tuple(c for c in found.columns if c.name not in project.personal)
    return None if found is None else replace(found, columns=shown)


def _made(store: Store, project: int, policy: LoopPolicy, now: int) -> Made:
    last = store.last_round(project)
    fit = ("", 0, 0) if last is None else (f"{last.model}.{last.revision}", last.at, last.labels)
    encoder = model_name(store, store.project(project))
    log = store.progress(project).events, store.chain_head(project)
    return Made(now, *fit, encoder, policy.head, *log, versions(), makers(store.models(project)))


def _limits(found: Summary, held_back: int) -> Iterator[Limit]:
    """Say what a reader must know of this project, the general things first; `held_back` answers are nobody's."""
    accuracy, people, progress = found.quality.accuracy, found.people, found.data.progress
    yield Limit("items", progress.items)
    yield Limit("people")
    if found.demo:
        yield Limit("demo")
    if accuracy.share is None:
        yield Limit("not_checked", accuracy.judged)
    elif accuracy.point is None:
        yield Limit("few_audits", accuracy.answered)
    if accuracy.unchecked and accuracy.share is not None:
        yield Limit("unchecked", names=accuracy.unchecked)
    thin = {c.class_id for c in found.quality.classes if min(c.precision.n, c.recall.n) < SHOWN_FROM}
    if thin:
        yield Limit("thin_classes", SHOWN_FROM, tuple(c.name for c in found.schema.live if c.id in thin))
    if imported := sum(s.answers for s in found.data.sources) - held_back:
        yield Limit("imported", imported)
    if held_back:
        yield Limit("held_back", held_back)
    if not people.mutual.n:
        yield Limit("not_compared")
    if not people.own.n:
        yield Limit("not_repeated")
    if found.policy.mode == "suggestion first" and (people.effect is None or people.effect.too_early):
        yield Limit("sway_unknown")
    elif people.effect is not None and people.effect.alarm:
        yield Limit("sway")
    if progress.machine:
        yield Limit("machine", progress.machine)


def _plain(value: Any) -> Any:  # whatever a dataclass holds
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
