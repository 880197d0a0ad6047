"""The head's round: take in what was decided, fit, judge by the audits, rank the pool, write it all at once."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from collab.domain.annotation import ANNOTATION_KINDS
from collab.domain.project import Answer, Project
from collab.domain.run import CALIBRATED_FROM, ModelVersion, Round
from collab.domain.store import PoolRow, Store
from collab.engine.arrays import Floats, Ints
from collab.engine.calibration import fit_temperature
from collab.engine.encoders.text import Encoder
from collab.engine.heads import FittedHead, Standard, head_of, softmax
from collab.engine.strategies import PoolView, strategy_of
from collab.errors import UnknownName
from collab.loop.judging import counted, judge
from collab.loop.ranking import asks_of, size_of, suggestions

WHOLE_EVERY_MS = 60_000
LIVE_MS = 5 * 60_000
GROWTH = 1.1
"""While features still arrive, the pool is ranked anew each time it has grown by this factor."""

FIRST = "typicality"
"""What asks until there is a head, where the policy's strategy needs one."""

OPEN, OUT = -1, -2
"""Labels of rows that may be asked, and of those that may not: unusable, disputed, can't tell, superseded."""


class Learner:
    """What a worker holds in memory for one project; all of it can be made anew from the store.

    The pool's rows are those of the feature file: an item without features isn't in it yet.
    """

    def __init__(self, store: Store, project: int, encoder: Encoder) -> None:
        self._events = store.progress(project).events  # before anything is read: what comes after is in the log
        self.project = store.project(project)
        self.encoder = encoder.name
        self.head = _last_head(store, self.project)
        self._store = store
        self._file = store.features(project, encoder.digest, encoder.dim)
        self._items: Ints = np.empty(0, np.int64)
        self._labels: Ints = np.empty(0, np.int64)
        self._reserved = np.empty(0, bool)
        self._row: dict[int, int] = {}
        self._standard: Standard | None = None
        self._ranked_rows = 0
        self._changes = 0
        self._whole_at = 0

    @property
    def unread(self) -> bool:
        """Whether items wait for their features."""
        return len(self._file) < self._store.progress(self.project.id).items

    def take_in(self) -> bool:
        """Catch up with the store; returns whether a round is due."""
        if self._store.progress(self.project.id).events != self._events:
            self._take_events()
        if len(self._file) > len(self._items):
            self._take_features()
        grown = len(self._items) > self._ranked_rows * GROWTH or (
            len(self._items) > self._ranked_rows and self._store.progress(self.project.id).reading >= 1
        )
        return len(self._items) > 0 and (grown or self._changes >= self.project.policy.refit_every)

    def round(self, now: int) -> Round | None:
        """Fit, judge, rank, and write all of it in one transaction.

        None while there is nothing to rank, and once another encoder was chosen: these features aren't its own.
        """
        if not len(self._items) or self.project.policy.encoder != self.encoder:
            return None
        started = time.perf_counter()
        features = self._file.rows()[: len(self._items)]
        trainable = np.flatnonzero((self._labels >= 0) & ~self._reserved)
        candidates = np.flatnonzero((self._labels == OPEN) & ~self._reserved)
        known = self._labels[trainable]
        self._fit(features, trainable, known)
        fitted = time.perf_counter()

        logits = None if self.head is None else self.head.logits(features)
        schema = self.project.schema
        audits, retired = counted(self._store.audit_answers(self.project.id, now), schema, self._row)
        temperature = self._temperature(logits, [(a.item, self._column(a.answer)) for a in audits if a.answer])
        proba = None if logits is None else self._live(softmax(logits, temperature))
        strategy = strategy_of(self.project.policy.strategy)
        if strategy.needs_proba and proba is None:
            strategy = strategy_of(FIRST)
        whole = now - self._whole_at >= WHOLE_EVERY_MS
        size = min(len(candidates), size_of(self._store.live_annotators(self.project.id, now - LIVE_MS), whole))
        progress = self._store.progress(self.project.id)
        revision = progress.revision + 1
        view = PoolView(features, candidates, trainable, known, proba, len(self.project.schema.classes))
        selection = strategy.select(view, size, np.random.default_rng([self.project.policy.seed, revision]))
        asked = time.perf_counter()

        best = None if proba is None else proba.argmax(axis=1)
        audits = [] if best is None else audits
        said = {} if best is None else {a.item: int(best[self._row[a.item]]) for a in audits}
        demo = self._demo(best)
        model = self._champion(now)
        name = f"{model.id}.{revision}"
        if self.head is not None:
            self._store.write_file(_head_file(self.project.id, revision), iter([self.head.to_bytes()]))
        done = Round(
            project=self.project.id,
            revision=revision,
            model=model.id,
            at=now,
            labels=len(trainable),
            strata=judge(self._store.strata(self.project.id), audits, schema, said),
            audits_retired=retired,
            temperature=temperature,
            fit_seconds=fitted - started,
            query_seconds=asked - fitted,
            strategy=strategy.name,
            strength=self.head.strength if self.head is not None else 0.0,
            demo_accuracy=float(np.mean(demo)) if demo else None,
            demo_items=len(demo),
            by_class=dict(Counter(self.project.schema.classes[c].id for c in known.tolist())),
        )
        # All that takes time comes before the transaction: nobody's answer can be saved while it is open.
        asks = asks_of(self.project, self._items, selection, proba, name)
        words = {}
        if proba is not None:
            held = [i for i in self._store.live_items(self.project.id, now) if i in self._row]
            words = suggestions(held, proba[[self._row[i] for i in held]], name)
        overlap = self.project.policy.annotations_per_item
        with self._store.transaction():
            self._store.put_asks(self.project.id, asks, progress.ranking + 1, whole=whole, overlap=overlap)
            self._store.suggest(self.project.id, words)
            self._store.add_round(done)
            self._store.set_worker(self.project.id, "idle", now)
        self._changes, self._ranked_rows = 0, len(self._items)
        self._whole_at = now if whole else self._whole_at
        return done

    def predict(self, features: Floats) -> Floats:
        """Class probabilities of other features, shape (n, n_classes); equal ones before the first fit."""
        classes = len(self.project.schema.classes)
        if self.head is None:
            return np.full((len(features), classes), 1 / classes, np.float32)
        return self._live(self.head.proba(features))

    def _fit(self, features: Floats, rows: Ints, labels: Ints) -> None:
        if len(np.unique(labels)) < 2:
            self.head = None
            return
        if self._standard is None or len(features) > self._ranked_rows:
            self._standard = Standard.of(features)
        self.head = head_of(self.project.policy.head).fit(
            features[rows],
            labels,
            len(self.project.schema.classes),
            standard=self._standard,
            previous=self.head,
            seed=self.project.policy.seed,
        )

    def _temperature(self, logits: Floats | None, audits: Sequence[tuple[int, int]]) -> float:
        if logits is None or len(audits) < CALIBRATED_FROM:
            return 1.0
        return fit_temperature(logits[[self._row[i] for i, _ in audits]], np.array([c for _, c in audits]))

    def _live(self, proba: Floats) -> Floats:
        """Give the share of retired classes to the others; columns stay."""
        retired = [i for i, c in enumerate(self.project.schema.classes) if c.retired]
        if not retired:
            return proba
        proba[:, retired] = 0
        total: Floats = proba.sum(axis=1, keepdims=True)
        return proba / total

    def _champion(self, now: int) -> ModelVersion:
        policy = self.project.policy
        for model in self._store.models(self.project.id):
            if model.status == "champion" and (model.encoder, model.head) == (policy.encoder, policy.head):
                return model
        return self._store.add_model(ModelVersion(0, self.project.id, policy.encoder, policy.head, at=now))

    def _demo(self, best: Ints | None) -> list[bool]:
        """Judge by held-back truth, on the reserve alone: it was neither trained on nor picked from."""
        if best is None or not self.project.demo:
            return []
        held_back = [(i, a) for i, a in self._store.truth(self.project.id).items() if i in self._row]
        return [bool(best[self._row[i]] == self._column(a)) for i, a in held_back if self._reserved[self._row[i]]]

    def _column(self, answer: Answer) -> int:
        return self.project.schema.index(answer[0])

    def _take_features(self) -> None:
        fresh = self._file.ids()[len(self._items) :]
        start = len(self._items)
        self._items = np.concatenate([self._items, fresh])
        self._labels = np.concatenate([self._labels, np.full(len(fresh), OUT)])
        self._reserved = np.concatenate([self._reserved, np.zeros(len(fresh), bool)])
        for row, item in enumerate(fresh.tolist(), start):
            if item in self._row:
                self._labels[self._row[item]] = OUT
            self._row[item] = row
        self._take_rows(fresh.tolist())

    def _take_events(self) -> None:
        touched: list[int] = []
        while page := self._store.log(self.project.id, self._events):
            self._events = page[-1][0]
            for _, event in page:
                if event.kind in ANNOTATION_KINDS and event.item is not None:
                    touched.append(event.item)
                else:
                    self.project = self._store.project(self.project.id)
                    touched = self._items.tolist()
                    break
        self._take_rows([i for i in dict.fromkeys(touched) if i in self._row])
        self._changes += len(touched)

    def _take_rows(self, items: Sequence[int]) -> None:
        few = not items or len(items) < len(self._row)
        for row in self._store.pool_rows(self.project.id, items) if few else self._pool():
            if (at := self._row.get(row.item)) is not None:
                self._labels[at], self._reserved[at] = self._label(row), row.reserved

    def _pool(self) -> Iterator[PoolRow]:
        after = 0
        while page := self._store.pool(self.project.id, after):
            after = page[-1].item
            yield from page

    def _label(self, row: PoolRow) -> int:
        if row.state == "decided":
            return self._column(row.answer)
        return OPEN if row.state in ("open", "flagged") else OUT


def _head_file(project: int, revision: int) -> str:
    return f"heads/{project}/{revision}.safetensors"


def _last_head(store: Store, project: Project) -> FittedHead | None:
    """The head of the last round, so that a new worker goes on where the last one was; None where it can't serve."""
    last = next(iter(store.models(project.id)), None)
    if last is None or (last.encoder, last.head) != (project.policy.encoder, project.policy.head):
        return None
    try:
        written = store.file(_head_file(project.id, store.progress(project.id).revision)).read_bytes()
        head = head_of(project.policy.head).read(written)
    except (UnknownName, ValueError):
        return None
    return head if head.n_classes <= len(project.schema.classes) else None
