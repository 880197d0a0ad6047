"""Conclude what differing answers come to, and find answers that are worth a second one: the worker's part.

Audits are left out of both: the model's word must have no hand in the answers that it is judged by.
"""

from dataclasses import dataclass, replace

import numpy as np

from collab.domain.annotation import Ask, Decision, Event, answers_wanted
from collab.domain.project import LabelSchema, Project
from collab.domain.run import LIVE_MS
from collab.domain.store import SharedAnswer, Store
from collab.domain.task import answer_of, task_of
from collab.engine.annotator_quality import Consensus, careful, crowdlab, dawid_skene, relabel_scores
from collab.engine.arrays import Floats, Ints
from collab.engine.heads import FittedHead, Standard, head_of
from collab.engine.label_quality import FOLDS
from collab.engine.numbering import Numbering
from collab.loop.annotating import new_id
from collab.loop.juxtaposing import Answers, noise_of, planned, tabled
from collab.loop.pooling import Pool
from collab.loop.settling import conclude, said_of

LEAST_SHARED = 30
"""Items that several people have answered, from which anything is concluded of others."""
NOISE_FROM = 0.1
"""Share of wrong answers from which items are asked again."""
ANSWERS_AT_MOST = 3
"""An item that has so many isn't asked again for its doubtful answer."""
RELABELS, RELABELS_EACH = 50, 10
"""Rows of the lane: so many, or so many for each person who labels now."""
MOST_LEARNED, MOST_SINGLE = 2_000, 5_000
"""Labels from which a model is fitted once for each fold, for people wait for the next round meanwhile; and items with
one answer that are looked at."""
STEADY = 0.05
"""A conclusion is written anew where its confidence moved by more than this, and stands so far below the bar."""
RELABEL = "relabel"


@dataclass(frozen=True, slots=True)
class Known:
    """What a round knows: rows are those of the pool."""

    pool: Pool
    features: Floats
    proba: Floats | None
    """Of all rows; None where there is no head."""
    head: FittedHead | None
    standard: Standard | None
    revision: int

    def unseen(self, project: Project, items: Ints) -> Floats | None:
        """What a head says of items whose answers it has not seen, shape (n_items, n_classes); equal probabilities of
        items that aren't in the pool, and None where there is no head."""
        if self.proba is None or self.head is None or self.standard is None:
            return None
        classes, pool = len(project.schema.classes), self.pool
        rows = np.array([pool.row.get(i, -1) for i in items.tolist()], np.int64)
        there = rows >= 0
        found = np.full((len(items), classes), 0.5 if project.schema.many else 1 / classes, np.float32)
        found[there] = self.proba[rows[there]]
        labeled, rng = pool.labeled, np.random.default_rng([project.policy.seed, self.revision])
        fold = np.full(len(pool), -1)
        fold[labeled] = rng.permutation(len(labeled)) % FOLDS
        for out in range(FOLDS):
            own = np.flatnonzero(there & (fold[rows] == out))
            kept = rng.permutation(labeled[fold[labeled] != out])[:MOST_LEARNED]
            if len(own) and len(np.unique(pool.labels[kept])) > 1:
                fitted = head_of(project.policy.head).fit(
                    self.features[kept], pool.numbers.labels(pool.labels[kept], classes), classes,
                    standard=self.standard, previous=self.head, seed=project.policy.seed,
                )  # fmt: skip
                found[own] = fitted.proba(self.features[rows[own]])
            elif len(own):
                found[own] = 0.5 if project.schema.many else 1 / classes
        return found


def follow(store: Store, project: Project, known: Known, now: int) -> None:
    """Do what the policy wants done with several answers; at each look of the worker at the whole pool."""
    policy = project.policy
    if policy.decide_by == "agreement" and not policy.relabel:
        return
    shared = [a for a in store.shared_answers(project.id) if not a.audit]
    noise = noise_of(tabled(planned(shared), project.schema), project.schema) if policy.relabel else None
    again = noise is not None and noise >= NOISE_FROM and len(store.answers_by_annotator(project.id)) > 1
    if policy.relabel and not again:
        store.put_relabels(project.id, ())
    if not again and policy.decide_by == "agreement":
        return
    table = tabled(_sampled(store, project, shared, again, known), project.schema)
    words = known.unseen(project, table.items)
    model = None if words is None else _of_answers(words, table.numbers, project.schema)
    if policy.decide_by != "agreement":
        _conclude(store, project, table, model, now)
    if again and model is not None:
        _ask_again(store, project, table, model, known.pool, now)


def _sampled(
    store: Store, project: Project, shared: list[SharedAnswer], again: bool, known: Known
) -> list[SharedAnswer]:
    """Answers to items that several people have answered, and where one is to be doubted, a sample of the others."""
    if not again:
        return shared
    single = [a for a in store.shared_answers(project.id, least=1) if not a.audit]
    several = {a.item for a in shared}
    single = [a for a in single if a.item not in several and a.single]
    if len(single) > MOST_SINGLE:
        rng = np.random.default_rng([project.policy.seed, known.revision])
        single = [single[i] for i in np.sort(rng.permutation(len(single))[:MOST_SINGLE]).tolist()]
    return shared + single


def _of_answers(proba: Floats, numbers: Numbering, schema: LabelSchema) -> Floats:
    """From probabilities of classes to those of answers: where any number may apply, of the sets that somebody gave."""
    if not schema.many:
        return proba
    sets = np.zeros((len(numbers.met), proba.shape[1]), bool)
    for number, columns in enumerate(numbers.met):
        sets[number, list(columns)] = True
    sure = np.clip(proba.astype(np.float64), 1e-6, 1 - 1e-6)
    logs = np.log(sure) @ sets.T + np.log(1 - sure) @ (~sets).T
    found = np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf))
    whole: Floats = (found / found.sum(axis=1, keepdims=True)).astype(np.float32)
    return whole


def _conclude(store: Store, project: Project, answers: Answers, model: Floats | None, now: int) -> None:
    """Write what differing answers come to, as one event of all that is new, changed, or no longer sure."""
    policy = project.policy
    shared = np.flatnonzero(answers.given > 1)
    if len(shared) < LEAST_SHARED or (policy.decide_by == "crowdlab" and model is None):
        return
    answers, of_these = answers.kept(shared), None if model is None else model[shared]
    consensus = _consensus(answers, of_these, policy.decide_by, project.schema)
    sure, best = consensus.proba.max(axis=1), consensus.answers
    before, changed = store.aggregated(project.id), list[Decision]()
    for row in answers.differing.tolist():
        item, confidence = int(answers.items[row]), float(sure[row])
        said = answer_of(answers.numbers.columns(int(best[row])), project.schema)
        stands = before.get(item)
        if answers.given[row] < answers_wanted(project, item):
            continue  # others are being asked
        if stands is not None and stands.answer == said and abs((stands.confidence or 0) - confidence) <= STEADY:
            continue
        if confidence >= policy.aggregate_from:
            changed.append(Decision(item, said, "aggregated", round(confidence, 4)))
        elif stands is not None:
            changed.append(Decision(item, (), "aggregated", round(confidence, 4)))
    if not changed:
        return
    with store.transaction():
        store.lock(project.id)
        today = store.project(project.id)
        if today.policy.decide_by != policy.decide_by or today.schema.version != project.schema.version:
            return
        changed = [d for d in changed if _says_so_still(store, d.item, answers, project.schema)]
        if not changed:
            return
        payload = {
            "method": policy.decide_by, "items": [d.item for d in changed],
            "answers": [list(d.answer) for d in changed], "confidences": [d.confidence for d in changed],
            "from": policy.aggregate_from,
        }  # fmt: skip
        event = Event(
            new_id(), project.id, "aggregate", "", now, schema_version=project.schema.version, payload=payload
        )  # fmt: skip
        store.append(event)
        conclude(store, today, event)


def _says_so_still(store: Store, item: int, answers: Answers, schema: LabelSchema) -> bool:
    """Whether the answers to an item are those in the table: somebody may have answered since they were read."""
    (row,) = answers.table[answers.items == item]
    then = {(answers.people[n], answers.numbers.columns(said)) for n, said in enumerate(row.tolist()) if said >= 0}
    today = ((who, task_of(schema).columns(said, schema)) for who, said in said_of(store, item) if said)
    return then == {(who, columns) for who, columns in today if columns is not None}


def _consensus(answers: Answers, model: Floats | None, method: str, schema: LabelSchema) -> Consensus:
    classes = len(answers.numbers.met) if schema.many else len(schema.classes)
    if method == "crowdlab" and model is not None:
        return crowdlab(answers.table, model)
    found = dawid_skene(answers.table, classes, model)
    return replace(found, proba=careful(found.proba))


def _ask_again(store: Store, project: Project, answers: Answers, model: Floats, pool: Pool, now: int) -> None:
    """Queue the decided items to which one more answer is worth most."""
    scores = relabel_scores(crowdlab(answers.table, model), answers.table)
    rows = np.array([pool.row.get(i, -1) for i in answers.items.tolist()], np.int64)
    decided = (rows >= 0) & (pool.labels[rows] >= 0) & ~pool.audits[rows]
    fit = np.flatnonzero(decided & (answers.given < ANSWERS_AT_MOST))
    people = store.live_annotators(project.id, now - LIVE_MS)
    best = fit[np.argsort(-scores[fit], kind="stable")][: max(RELABELS, RELABELS_EACH * people)]
    asks = [
        Ask(0, project.id, int(answers.items[row]), 0, "relabel", "relabel", float(scores[row]), False, RELABEL)
        for row in best.tolist()
    ]
    store.put_relabels(project.id, asks)
