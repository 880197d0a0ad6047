"""Hold a candidate against the champion: both heads are fitted on today's decisions, and the same audits judge both.

The gate's rule stands in `collab.engine.gating`; here is what it is given, and what is kept for people to look at.
"""

from dataclasses import dataclass, replace

import numpy as np

from collab.domain.project import Project
from collab.domain.run import CALIBRATED_FROM, SHOWN_FROM, Figure
from collab.domain.store import FeatureFile, Store
from collab.domain.task import answer_of
from collab.domain.version import Verdict, VersionRecord
from collab.engine import gating
from collab.engine.arrays import Floats, Ints
from collab.engine.assurance import audited_accuracy
from collab.engine.calibration import calibration_error, cross_fitted, fit_temperature
from collab.engine.encoders.blocks import Blocks
from collab.errors import NothingToLearn
from collab.loop.fitting import Fitting
from collab.loop.judging import Audits, audits_of, judge
from collab.loop.pooling import OPEN, Pool
from collab.loop.slicing import Cells
from collab.loop.suggesting import among_live, proba_of
from collab.loop.versions import MOST_FLIPS, Flip, Judged


@dataclass(frozen=True, slots=True)
class Side:
    """A model that takes part."""

    project: Project
    """With the policy that names it."""
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    verdict: Verdict | None
    """None: there are no audits to judge by."""
    before: VersionRecord
    """The champion's accuracy and calibration on these audits, and nothing else."""
    after: VersionRecord
    """The candidate's, with the number of flips."""
    judged: Judged
    learned: int
    """Decisions that both heads were fitted on."""


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A side with its head of today, over the items that both have read; rows are theirs."""

    proba: Floats
    """Of all items, under the temperature that the audits chose, where there are enough."""
    honest: Floats
    """Of the answered audits, each under a temperature that the others chose."""
    record: VersionRecord


def contest(store: Store, champion: Side, candidate: Side, against: int, now: int) -> Outcome:
    """Hold a candidate against the champion, on the items that both have read in their present content.

    Args:
        store: The workspace.
        champion: What suggests now.
        candidate: What may.
        against: The champion's version.
        now: Milliseconds since 1970: leases that ran out before it are over.

    Raises:
        NothingToLearn: All decisions have the same answer.
    """
    project = champion.project
    files = [store.features(project.id, side.blocks.digest, side.blocks.dim) for side in (champion, candidate)]
    pool = Pool(store, project.id, files[0], many=project.schema.many)
    pool.take_features(project.schema)
    rows = _common(pool, files)
    items = pool.items[rows[0]]
    if not len(items):
        raise NothingToLearn(project.name, "no item has been read by both models yet, so nothing can judge. Try again.")
    row = {item: at for at, item in enumerate(items.tolist())}
    labels = pool.labels[rows[0]]
    taken = pool.audits[rows[0]]
    learned = np.flatnonzero((labels >= 0) & ~taken)
    audits = audits_of(store.audit_answers(project.id, now), project.schema, row, pool.numbers)
    cells = Cells(store)
    sides = [
        _fitted(store, side, file, at, (learned, labels[learned]), audits, pool, cells, items)
        for side, file, at in zip((champion, candidate), files, rows, strict=True)
    ]
    free = np.flatnonzero((labels == OPEN) & ~taken)  # of an audit nobody may see a suggestion, not even here
    flips, flipped = _flips(project, pool, items[free], *(side.proba[free] for side in sides))
    verdict = _verdict(store, project, audits, sides, against, cells, items, free)
    told = [_words(project, pool, side.proba[audits.answered]) for side in sides]
    truth = [answer_of(pool.numbers.columns(n), project.schema) for n in audits.answers.tolist()]
    kept = Judged(
        against,
        tuple(zip(items[audits.answered].tolist(), truth, *told, strict=True)),
        flips,
        flipped,
        (candidate.blocks.digest, candidate.blocks.dim),
        (champion.blocks.digest, champion.blocks.dim),
    )
    return Outcome(verdict, sides[0].record, replace(sides[1].record, flipped=flipped), kept, len(learned))


def _common(pool: Pool, files: list[FeatureFile]) -> tuple[Ints, Ints]:
    """Rows of the items that both have read in the same content, in both files; each shape (n_items,)."""
    own, other = pool.current, {item: at for at, item in enumerate(files[1].ids().tolist())}
    stamps = [file.stamps() for file in files]
    pairs = [
        (here, other[item])
        for here, item in zip(own.tolist(), pool.items[own].tolist(), strict=True)
        if item in other and stamps[0][here] == stamps[1][other[item]]
    ]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second


def _fitted(
    store: Store,
    side: Side,
    file: FeatureFile,
    rows: Ints,
    learned: tuple[Ints, Ints],
    audits: Audits,
    pool: Pool,
    cells: Cells,
    items: Ints,
) -> _Fitted:
    """Fit a head from nothing, as a new worker would, and see what it says of everything."""
    project, features = side.project, file.rows()
    fitting = Fitting(side.blocks.widths)
    fitting.fit(project, features, rows[learned[0]], learned[1], pool.numbers)
    if fitting.head is None:
        raise NothingToLearn(project.name, "all answers are the same so far. Label items of another class first.")
    logits = fitting.head.logits(np.asarray(features[rows]))
    truth = audits.labels(logits.shape[1])
    temperature, honest = 1.0, proba_of(logits[audits.answered], 1.0, project.schema)
    if len(audits.answers) >= CALIBRATED_FROM:
        temperature = fit_temperature(logits[audits.answered], truth)
        groups = cells.numbered(project, audits.answered, items)
        honest = among_live(cross_fitted(logits[audits.answered], truth, groups), project.schema)
    proba = proba_of(logits, temperature, project.schema)
    return _Fitted(proba, honest, _record(store, project, audits, proba, honest))


def _record(store: Store, project: Project, audits: Audits, proba: Floats, honest: Floats) -> VersionRecord:
    """Accuracy on the strata that have audits enough, and calibration on all audits."""
    said = audits.numbers.said(proba[audits.rows]).tolist()
    words = {a.item: audits.numbers.columns(word) for a, word in zip(audits.found, said, strict=True)}
    strata = judge(store.strata(project.id), audits.found, project.schema, words)
    checked = [s for s in strata if s.answered >= SHOWN_FROM]
    record = VersionRecord(audits=sum(s.answered for s in checked))
    if checked:
        share, interval = audited_accuracy(checked)
        record = replace(record, accuracy=Figure(share, interval.low, interval.high))
    error = calibration_error(honest, audits.labels(honest.shape[1]), np.random.default_rng(project.policy.seed))
    if error is not None:
        record = replace(record, calibration=Figure(error.value, error.low, error.high))
    return record


def _verdict(
    store: Store,
    project: Project,
    audits: Audits,
    sides: list[_Fitted],
    against: int,
    cells: Cells,
    items: Ints,
    free: Ints,
) -> Verdict | None:
    """What the gate says; strata with few audits are left out, as in all figures."""
    truth = audits.truth >= 0
    stratum = np.array([audit.stratum for audit in audits.found], np.int64)[truth]
    checked = [s for s in store.strata(project.id) if np.count_nonzero(stratum == s.number) >= SHOWN_FROM]
    if not checked:
        return None
    at = np.full(len(stratum), -1)
    for number, each in enumerate(checked):
        at[stratum == each.number] = number
    kept = at >= 0
    rows = audits.answered[kept]
    progress = store.progress(project.id)
    found = gating.judge(
        sides[0].honest[kept],
        sides[1].honest[kept],
        audits.labels(sides[0].honest.shape[1])[kept],
        strata=at[kept],
        sizes=[s.items for s in checked],
        groups=cells.numbered(project, rows, items),
        others=(sides[0].proba[free], sides[1].proba[free]),
        available=max(progress.reserved - progress.audited, 0),
    )
    asked = tuple(items[rows].tolist())
    unresolved = sum(not a.answer and not a.held for a in audits.found)
    return Verdict(
        found.word, against, asked, found.gain, found.accuracy, found.before, found.after, found.more, unresolved
    )


def _flips(project: Project, pool: Pool, items: Ints, before: Floats, after: Floats) -> tuple[tuple[Flip, ...], int]:
    """Items of which both suggest different answers, the surest first, and how many there are."""
    said = [pool.numbers.said(proba) for proba in (before, after)]
    sure = [pool.numbers.sure(proba) for proba in (before, after)]
    changed = np.flatnonzero(said[0] != said[1])
    first = changed[np.argsort(-sure[1][changed], kind="stable")[:MOST_FLIPS]]
    answers = [[answer_of(pool.numbers.columns(n), project.schema) for n in each[first].tolist()] for each in said]
    flips = zip(items[first].tolist(), *answers, *(each[first].round(4).tolist() for each in sure), strict=True)
    return tuple(Flip(*flip) for flip in flips), len(changed)


def _words(project: Project, pool: Pool, proba: Floats) -> list[tuple[str, ...]]:
    """What a side says of some items, as answers."""
    return [answer_of(pool.numbers.columns(n), project.schema) for n in pool.numbers.said(proba).tolist()]
