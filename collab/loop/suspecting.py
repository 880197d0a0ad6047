"""Find what should be looked at again: a job of the worker, beside its rounds; it only ranks, and corrects nothing.

Audits are never among it: what is found here goes by what a model says.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from heapq import nsmallest
from typing import Any

import numpy as np

from collab.domain.annotation import coin
from collab.domain.project import Answer, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.domain.suspect import FOUND, Suspect
from collab.domain.task import answer_of
from collab.engine.arrays import Floats
from collab.engine.heads import head_of, one_thread
from collab.engine.label_quality import (
    Contradiction,
    contradictions,
    doubt,
    likely_errors,
    likely_errors_of_any,
    nearest,
    out_of_fold,
)
from collab.loop.doubting import FIGURES, JOB, Features, Looked, looked
from collab.loop.fitting import Fitting
from collab.loop.pooling import OPEN, Pool
from collab.loop.slicing import Cells
from collab.loop.suggesting import among_live
from collab.loop.versions import flips, judged

FEWEST = 20
"""Decisions without which there is nothing to compare."""
AGAIN_MS, CHANGED = 60_000, 0.05
"""Looked for anew at most so often, and once this share of the decisions has come or changed since."""
MOST, MOST_SHARE = 1000, 0.2
"""Of each kind, in number and as a share of the decisions: of a poor model's doubts nobody should see all."""
MARGIN = 1.5
"""Likely errors in the queue, for each that confident learning counts: its count is no list."""
ALIKE = 0.5
"""Cosine under which two items have too little in common to contradict each other."""
CHECKS = 50
"""Machine labels drawn for a check at a time."""
NEAR = 3
"""Nearest labeled items that are kept of each suspect."""
FLIPS, MACHINE = 0.4, 0.3
"""Most that these kinds may score: they ask for a look where nobody's answer is in doubt."""


def ask_if_due(store: Store, project: Project, features: Features, now: int) -> Job | None:
    """Ask for a look where enough has changed since the last one; cheap otherwise."""
    progress, last = store.progress(project.id), looked(store, project.id)
    if progress.decided < FEWEST or progress.reading < 1:
        return None
    if last is not None:
        changed = max(progress.events - last.events, abs(progress.decided - last.decisions))  # an import has no events
        enough = changed >= max(FEWEST, CHANGED * progress.decided)
        if now - last.at < AGAIN_MS or not (enough or _champion(store, project.id) != last.version):
            return None
    return store.submit_job(JOB, project.id, asdict(features), "", now)


def look(store: Store, project: Project, features: Features, now: int, report: Callable[[float], bool]) -> Looked:
    """Look at all decisions, and write what should be looked at again.

    Args:
        store: The workspace.
        project: Whose.
        features: Of its items.
        now: Milliseconds since 1970.
        report: Told the share done; returns whether to stop.
    """
    events = store.progress(project.id).events  # before anything is read
    file = store.features(project.id, features.digest, features.dim)
    pool = Pool(store, project.id, file, many=project.schema.many)
    pool.take_features(project.schema)
    rows = file.rows()[: len(pool)]
    found: list[Suspect] = []
    likely = 0
    labeled = pool.labeled
    if len(labeled) >= FEWEST and len(np.unique(pool.labels[labeled])) > 1:
        with one_thread():
            doubtful, likely = _doubtful(store, project, features, pool, rows, report)
        found += doubtful
    found += _flipped(store, project, pool) + _to_check(store, project)
    found = _with_neighbours(found, pool, rows)
    counts = {str(kind): sum(s.kind == kind for s in found) for kind in FOUND}
    made = Looked(now, events, len(labeled), likely, _champion(store, project.id), counts)
    with store.transaction():
        store.put_suspects(project.id, FOUND, found, now)
        store.put_figures(project.id, FIGURES, asdict(made), now)
    return made


def _doubtful(
    store: Store, project: Project, features: Features, pool: Pool, rows: Floats, report: Callable[[float], bool]
) -> tuple[list[Suspect], int]:
    """Likely errors and contradictions, and how many answers are likely wrong."""
    labeled, classes = pool.labeled, len(project.schema.classes)
    numbers = pool.labels[labeled]
    labels = pool.numbers.labels(numbers, classes)
    fitting = Fitting(features.widths)
    fitting.fit(project, rows, labeled, numbers, pool.numbers)
    assert fitting.standard is not None, "there are two answers"
    if report(0.2):
        return [], 0
    own = np.asarray(rows[labeled])
    groups = Cells(store).numbered(project, labeled, pool.items)
    proba = among_live(
        out_of_fold(
            own, labels, classes, head_of(project.policy.head), fitting.standard,
            previous=fitting.head, groups=groups, seed=project.policy.seed,
        ),
        project.schema,
    )  # fmt: skip
    report(0.8)
    doubts = doubt(proba, labels)
    likely = likely_errors_of_any(proba, labels) if project.schema.many else likely_errors(proba, numbers)
    said = pool.numbers.said(proba)
    sure = pool.numbers.sure(proba)

    def answer(number: int) -> Answer:
        return answer_of(pool.numbers.columns(number), project.schema)

    suspects, most = [], min(MOST, math.ceil(MOST_SHARE * len(labeled)))
    for row in np.argsort(-doubts, kind="stable")[: min(most, math.ceil(MARGIN * likely))].tolist():
        if said[row] == numbers[row]:
            continue  # less sure than of others, but of the same answer
        detail = {"instead": list(answer(int(said[row]))), "sure": round(float(sure[row]), 4)}
        suspects.append(_suspect(pool, labeled[row], "error", float(doubts[row]), detail, answer(int(numbers[row]))))
    met: set[int] = set()
    for pair in contradictions(own, numbers):
        row, other = _doubted(pair, doubts)
        if row in met or len(met) == most or pair.similarity < ALIKE:
            continue
        met.add(row)
        detail = {"other": int(pool.items[labeled[other]]), "cosine": round(pair.similarity, 4)}
        score = (pair.against + float(doubts[row])) / 2
        suspects.append(_suspect(pool, labeled[row], "contradiction", score, detail, answer(int(numbers[row]))))
    return suspects, likely


def _doubted(pair: Contradiction, doubts: Floats) -> tuple[int, int]:
    """The less believed one of a pair, and the other one."""
    rows = pair.first, pair.second
    return rows if doubts[pair.first] >= doubts[pair.second] else rows[::-1]


def _suspect(
    pool: Pool, row: int, kind: Any, score: float, detail: Mapping[str, Any], answer: Answer
) -> Suspect:  # kind is one of the literal's words
    return Suspect(int(pool.items[row]), kind, round(score, 4), detail, answer)


def _flipped(store: Store, project: Project, pool: Pool) -> list[Suspect]:
    """Open items of which the champion suggests another answer than the version before did."""
    version = _champion(store, project.id)
    kept = judged(store, project.id, version)
    if kept is None:
        return []
    found = []
    for flip in flips(store, project.id, version)[:MOST]:
        row = pool.row.get(flip.item)
        if row is None or pool.labels[row] != OPEN or pool.audits[row]:
            continue
        detail = {
            "versions": [kept.against, version], "before": list(flip.before), "after": list(flip.after),
            "sure": [round(flip.sure_before, 4), round(flip.sure_after, 4)],
        }  # fmt: skip
        found.append(Suspect(flip.item, "flip", round(FLIPS * flip.sure_after, 4), detail))
    return found


def _to_check(store: Store, project: Project) -> list[Suspect]:
    """Machine labels drawn uniformly at random, whatever a model says of them; the same ones until somebody looked."""
    after, drawn = 0, list[tuple[float, int]]()
    while page := store.pool(project.id, after):
        after = page[-1].item
        machine = [row.item for row in page if row.machine and not (row.reserved or row.drawn)]
        drawn = nsmallest(CHECKS, [*drawn, *((coin(project, item, -1), item) for item in machine)])
    return [Suspect(item, "machine", round(MACHINE * (1 - toss), 4)) for toss, item in drawn]


def _with_neighbours(found: Sequence[Suspect], pool: Pool, rows: Floats) -> list[Suspect]:
    """Keep with each suspect which labeled items are nearest to it."""
    here = [(at, pool.row[s.item]) for at, s in enumerate(found) if s.item in pool.row]
    wanted = np.array([row for _, row in here], np.int64)
    rows = np.asarray(rows)
    near, cosine = nearest(rows, pool.labeled, wanted, NEAR)
    told = list(found)
    for (at, _), some, how in zip(here, near.tolist(), cosine.tolist(), strict=True):
        pairs = [[int(pool.items[row]), round(c, 4)] for row, c in zip(some, how, strict=True)]
        suspect = told[at]
        told[at] = Suspect(suspect.item, suspect.kind, suspect.score, {**suspect.detail, "near": pairs}, suspect.answer)
    return told


def _champion(store: Store, project: int) -> int:
    return next((m.id for m in store.models(project) if m.status == "champion"), 0)
