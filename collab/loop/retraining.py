"""The head's round: take in what was decided, fit, judge by the audits, rank the pool, write it all at once."""

import time
from collections import Counter
from dataclasses import replace

import numpy as np

from collab.domain.annotation import ACTS_ON_ITEMS, Purpose, Suggestion
from collab.domain.project import Project
from collab.domain.run import CALIBRATED_FROM, LIVE_MS, Checks, Round, Stratum
from collab.domain.store import Store
from collab.domain.task import answer_of, task_of
from collab.engine.arrays import Floats, Ints
from collab.engine.calibration import cross_fitted, fit_temperature
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.text import Encoder
from collab.engine.heads import FittedHead, head_of
from collab.engine.laplace import Laplace
from collab.engine.pool import PoolView, Selection
from collab.engine.strategies import Strategy, strategy_of
from collab.errors import UnknownName
from collab.loop import aggregating
from collab.loop.aggregating import Known
from collab.loop.checking import check
from collab.loop.doubting import Features
from collab.loop.encoding import blocks_of
from collab.loop.explaining import Grounds
from collab.loop.figuring import Figures, Seen
from collab.loop.fitting import Fitting
from collab.loop.judging import Audits, audits_of, judge
from collab.loop.keeping import champion_of
from collab.loop.measuring import model_name
from collab.loop.pooling import OPEN, Pool
from collab.loop.ranking import asks_of, size_of
from collab.loop.scoring import keep_scores
from collab.loop.suggesting import ClassGuess, among_live, proba_of, set_threshold, suggestions
from collab.loop.sweeping import sweep_heads

WHOLE_EVERY_MS = 60_000
GROWTH = 1.1
"""While features still arrive, the pool is ranked anew each time it has grown by this factor."""

BEGUN = 500
"""Items that others have begun whose suggestion is kept fresh; whoever comes gets those first."""

FIRST = "typicality"
"""What asks until there is a head, where the policy's strategy needs one."""


class Learner:
    """What a worker holds in memory for one project; all of it can be made anew from the store.

    The pool's rows are those of the feature file: an item without features isn't in it yet.
    """

    def __init__(self, store: Store, project: int, encoder: Encoder | None, images: ImageEncoder | None = None) -> None:
        """Take up a project.

        Args:
            store: The workspace.
            project: Whose learner.
            encoder: Reads its texts; None where it has none.
            images: Read its pictures; None where it has none.

        Raises:
            UnknownName: Its numbers and categories were never measured.
        """
        self._events = store.progress(project).events  # before anything is read: what comes after is in the log
        self.project = store.project(project)
        self._encoder, self._images = encoder, images
        self._model = model_name(store, self.project)  # before the columns: an older name only brings a new learner
        self._blocks = blocks_of(store, self.project, encoder, images)
        self._guess = ClassGuess(encoder) if encoder is not None else None
        self._fitting = Fitting(self._blocks.widths, _last_head(store, self.project, self._model))
        self._store = store
        self._file = store.features(project, self._blocks.digest, self._blocks.dim)
        self._pool = Pool(store, project, self._file, many=self.project.schema.many)
        self._figures = Figures(store, project)
        self._ranked_rows = 0
        self._changes = 0
        self._whole_at = 0
        self._behind = False
        last = store.last_round(project)
        self._looks = 0 if last is None else max(last.looks, last.checks.look if last.checks is not None else 0)
        self._checks: Checks | None = None

    def serves(self, project: Project) -> bool:
        """Whether its features are the project's: neither was another encoder chosen nor the table measured anew."""
        named = self._encoder is None or self._encoder.name == project.policy.encoder
        named &= self._images is None or self._images.name == project.policy.image_encoder
        return named and model_name(self._store, project) == self._model

    @property
    def head(self) -> FittedHead | None:
        """The head of the last fit; None while all answers are the same."""
        return self._fitting.head

    @property
    def reads(self) -> Features:
        """Where the features of its items are."""
        return Features(self._blocks.digest, self._blocks.dim, self._blocks.widths)

    @property
    def unread(self) -> bool:
        """Whether items wait for their features."""
        return len(self._file) < self._store.progress(self.project.id).items

    def take_in(self, now: int = 0) -> bool:
        """Catch up with the store; returns whether a round is due.

        Args:
            now: Milliseconds since 1970: a round is also due where figures are over a minute behind; 0: don't ask.
        """
        if self._store.progress(self.project.id).events != self._events:
            self._take_events()
        if len(self._file) > len(self._pool):
            self._pool.take_features(self.project.schema)
        grown = len(self._pool) > self._ranked_rows * GROWTH or (
            len(self._pool) > self._ranked_rows and self._store.progress(self.project.id).reading >= 1
        )
        behind = self._behind and now - self._whole_at >= WHOLE_EVERY_MS
        return len(self._pool) > 0 and (grown or behind or self._changes >= self.project.policy.refit_every)

    def round(self, now: int) -> Round | None:
        """Fit, judge, rank, and write all of it in one transaction.

        None while there is nothing to rank, and once it no longer serves: these features aren't the project's own, or
        another model was chosen while it was at work.
        """
        if not len(self._pool) or not self.serves(self.project):
            return None
        started, pool = time.perf_counter(), self._pool
        features, labeled = self._file.rows()[: len(pool)], pool.labeled
        self._fitting.fit(self.project, features, labeled, pool.labels[labeled], pool.numbers)
        fitted = time.perf_counter()
        audits = audits_of(self._store.audit_answers(self.project.id, now), self.project.schema, pool.row, pool.numbers)
        temperature, proba = self._score(features, audits)
        progress, whole = self._store.progress(self.project.id), now - self._whole_at >= WHOLE_EVERY_MS
        held = [i for i in self._store.live_items(self.project.id, now) if i in pool.row]
        begun = [i for i in self._store.begun_items(self.project.id) if i in pool.row]
        view = self._view(features, labeled, proba, pool.rows(held), pool.rows(begun))
        strategy, selection = self._select(view, progress.revision + 1, whole, now)
        asked = time.perf_counter()

        model = champion_of(self._store, self.project, self._model, now)
        fresh = [*held, *begun[:BEGUN]]
        named = np.unique(np.concatenate([selection.indices, pool.rows(fresh)]))
        level, threshold = self.project.policy.set_level, None
        if proba is not None:
            threshold = set_threshold(proba[audits.answered], audits.labels(proba.shape[1]), level)
        words = self._words(view, named, f"{model.id}.{progress.revision + 1}", threshold)
        demo = self._demo(proba)
        done = Round(
            project=self.project.id,
            revision=progress.revision + 1,
            model=model.id,
            at=now,
            labels=len(labeled),
            strata=self._judge(audits, proba),
            audits_retired=audits.retired,
            temperature=temperature,
            fit_seconds=fitted - started,
            query_seconds=asked - fitted,
            strategy=strategy.name,
            strength=self.head.strength if self.head is not None else 0.0,
            demo_accuracy=float(np.mean(demo)) if demo else None,
            demo_items=len(demo),
            by_class=self._by_class(labeled),
            set_threshold=threshold,
            set_level=0.0 if threshold is None else level,
        )
        if whole or proba is None or self._checks is None:
            self._checks = self._check(done, audits, features, proba)
        done = replace(done, checks=self._checks, looks=self._looks)
        purpose: Purpose = "cold start" if proba is None else "query"
        asks = asks_of(self.project, pool.items, selection, words, purpose)
        if self.head is not None:
            self._store.write_file(head_file(self.project.id, done.revision), iter([self.head.to_bytes()]))
        # All that takes time comes before the transaction: nobody's answer can be saved while it is open.
        overlap = self.project.policy.annotations_per_item
        with self._store.transaction():
            if not self._suggests(model.id, now):
                return None
            self._store.put_asks(self.project.id, asks, progress.ranking + 1, whole=whole, overlap=overlap)
            self._store.suggest(self.project.id, {item: words[item] for item in fresh if item in words})
            self._store.add_round(done)
            self._store.set_worker(self.project.id, "idle", now)
        self._changes, self._ranked_rows = 0, len(pool)
        self._behind = not whole
        if whole:  # now that the asks are there, nobody waits for figures
            self._whole_at = now
            free = np.flatnonzero((pool.labels == OPEN) & ~pool.audits)
            seen = None if proba is None else Seen(done, audits, proba, pool.items, pool.current, labeled, free)
            self._behind = not self._figures.make(self.project, seen, now)
            standard = self._fitting.standard
            aggregating.follow(
                self._store, self.project, Known(pool, features, proba, self.head, standard, done.revision), now
            )
            here, read = pool.current, (self._blocks.digest, self._blocks.dim)
            said = None if proba is None else proba[here]
            keep_scores(self._store, self.project, done.revision, read, pool.items[here], said)
        sweep_heads(self._store, self.project.id)
        return done

    def predict(self, features: Floats) -> Floats:
        """Class probabilities of other features, shape (n, n_classes); equal ones before the first fit.

        Where any number of classes may apply, none does before then.
        """
        classes = len(self.project.schema.classes)
        if self.head is None:
            return np.full((len(features), classes), 0 if self.project.schema.many else 1 / classes, np.float32)
        return among_live(self.head.proba(features), self.project.schema)

    def grounds(self) -> Grounds | None:
        """What its suggestions stand on; None where it makes none, or before the first round."""
        rows, pool = self._file.rows()[: len(self._pool)], self._pool
        eye = next(iter(self._blocks.images), None)  # every field of pictures has the same one
        if self.head is not None and self._fitting.standard is not None:
            return Grounds(
                self.project, self._blocks, rows, pool.items, pool.row, pool.labeled, self.head.logits,
                self._fitting.standard, eye,
            )  # fmt: skip
        if self.head is None and self._guess is not None and self._ranked_rows:
            guess, schema, blocks = self._guess, self.project.schema, self._blocks
            return Grounds(
                self.project, blocks, rows, pool.items, pool.row, pool.labeled,
                lambda features: guess.logits(schema, blocks.of_text(features)), None,
            )  # fmt: skip
        return None

    def _suggests(self, version: int, now: int) -> bool:
        """Whether it is this version still whose word counts; to be asked in the transaction that writes it."""
        self._store.lock(self.project.id)
        today = self._store.project(self.project.id)
        if not self.serves(today) or today.policy.head != self.project.policy.head:
            return False
        return champion_of(self._store, self.project, self._model, now).id == version

    def _score(self, features: Floats, audits: Audits) -> tuple[float, Floats | None]:
        """Temperature of the head by the audits, and class probabilities of all rows; None where there is no head."""
        if self.head is None:
            return 1.0, None
        logits, temperature = self.head.logits(features), 1.0
        if len(audits.answers) >= CALIBRATED_FROM:
            temperature = fit_temperature(logits[audits.answered], audits.labels(logits.shape[1]))
        return temperature, proba_of(logits, temperature, self.project.schema)

    def _check(self, done: Round, audits: Audits, features: Floats, proba: Floats | None) -> Checks | None:
        """Make the figures of a round that take long; None where there is no head."""
        if self.head is None or proba is None:
            return None
        honest = None
        if len(audits.answers) >= CALIBRATED_FROM:
            logits, groups = self.head.logits(features[audits.answered]), self._figures.groups
            folds = groups(self.project, audits.answered, self._pool.items)
            honest = among_live(cross_fitted(logits, audits.labels(logits.shape[1]), folds), self.project.schema)
        pool = self._pool.numbers.sure(proba[self._pool.current])
        rng = np.random.default_rng([self.project.policy.seed, done.revision])
        self._looks += 1
        return check(done, self._looks, audits, proba[audits.rows], honest, pool, rng)

    def _view(self, features: Floats, labeled: Ints, proba: Floats | None, held: Ints, begun: Ints) -> PoolView:
        classes, labels = self.project.schema.classes, self._pool.labels
        free = (labels == OPEN) & ~self._pool.audits
        held = held[free[held]]  # what is leased as an audit stays unseen
        free[held] = False
        free[begun] = False  # they have a lane of their own
        return PoolView(
            features, np.flatnonzero(free), labeled, self._pool.numbers.labels(labels[labeled], len(classes)), proba,
            len(classes), held,
            tuple(i for i, c in enumerate(classes) if c.retired),
        )  # fmt: skip

    def _select(self, view: PoolView, revision: int, whole: bool, now: int) -> tuple[Strategy, Selection]:
        """Choose what to ask; a strategy that needs probabilities waits for the first head."""
        strategy = strategy_of(self.project.policy.strategy)
        if strategy.needs_proba and view.proba is None:
            strategy = strategy_of(FIRST)
        people = self._store.live_annotators(self.project.id, now - LIVE_MS)
        size = min(len(view.candidates), size_of(people, whole))
        return strategy, strategy.select(view, size, np.random.default_rng([self.project.policy.seed, revision]))

    def _words(self, view: PoolView, rows: Ints, model: str, threshold: float | None) -> dict[int, Suggestion]:
        """What is suggested of some rows, by item: the head's word, or before there is one a guess from the classes."""
        items, many = self._pool.items[rows].tolist(), self.project.schema.many
        if self.head is not None and self._fitting.standard is not None and view.proba is not None:
            laplace = Laplace.of(self.head, view.features[view.labeled], self._fitting.standard, many=many)
            doubts = laplace.doubts(view.features[rows], view.proba[rows])
            return suggestions(
                items, view.proba[rows], doubts, model, threshold, self.project.policy.set_level, many=many
            )
        if self._guess is None or many:  # names say which class an item is nearest to, not whether it applies
            return {}
        languages = [report.language for *_, report in self._store.imports(self.project.id)]
        texts = self._blocks.of_text(view.features)
        guessed = self._guess.proba(self.project.schema, languages, texts, rows)
        return {} if guessed is None else suggestions(items, guessed, ["names"] * len(items), "names")

    def _judge(self, audits: Audits, proba: Floats | None) -> tuple[Stratum, ...]:
        """Judge the head. A guess from the classes is none: nothing judges it, and no figure counts it."""
        strata = self._store.strata(self.project.id)
        if proba is None:
            return strata
        best = audits.numbers.said(proba[audits.rows]).tolist()
        said = {a.item: audits.numbers.columns(word) for a, word in zip(audits.found, best, strict=True)}
        return judge(strata, audits.found, self.project.schema, said)

    def _demo(self, proba: Floats | None) -> list[bool]:
        """Judge by held-back truth, on the reserve alone: it was neither trained on nor picked from."""
        if proba is None or not self.project.demo:
            return []
        truth, pool = self._store.truth(self.project.id), self._pool
        judges = [i for i in truth if i in pool.row and pool.reserved[pool.row[i]]]
        said = pool.numbers.said(proba[pool.rows(judges)]).tolist()
        if not self.project.schema.many:
            return [best == self.project.schema.index(truth[i][0]) for i, best in zip(judges, said, strict=True)]
        columns = [task_of(self.project.schema).columns(truth[i], self.project.schema) for i in judges]
        return [pool.numbers.columns(best) == true for best, true in zip(said, columns, strict=True)]

    def _by_class(self, labeled: Ints) -> dict[str, int]:
        """How many of the labels that a head learned from name each class; or none, where any number may apply."""
        answers = Counter(self._pool.labels[labeled].tolist())
        named = Counter[str]()
        for number, n in answers.items():
            for class_id in answer_of(self._pool.numbers.columns(number), self.project.schema):
                named[class_id] += n
        return dict(named)

    def _take_events(self) -> None:
        touched: list[int] = []
        while page := self._store.log(self.project.id, self._events):
            self._events = page[-1][0]
            for _, event in page:
                if event.kind in ACTS_ON_ITEMS and event.item is not None:
                    touched.append(event.item)
                elif event.kind in ("aggregate", "norming"):
                    touched += event.payload.get("items", ())
                else:
                    if event.kind == "erase":  # what they keep in memory would be written once more
                        self._figures = Figures(self._store, self.project.id)
                    before, self.project = self.project, self._store.project(self.project.id)
                    if self.project.policy.head != before.policy.head:
                        self._fitting.head = None  # another kind has strengths of its own
                    touched, self._whole_at = self._pool.items.tolist(), 0
                    break
        self._pool.take([i for i in dict.fromkeys(touched) if i in self._pool.row], self.project.schema)
        self._changes += len(touched)


def head_file(project: int, revision: int) -> str:
    """Name of the file that holds the head of a refit."""
    return f"heads/{project}/{revision}.safetensors"


def _last_head(store: Store, project: Project, model: str) -> FittedHead | None:
    """The head of the last round, so that a new worker goes on where the last one was; None where it can't serve."""
    done = store.last_round(project.id)
    last = next((m for m in store.models(project.id) if done is not None and m.id == done.model), None)
    if last is None or (last.encoder, last.head) != (model, project.policy.head):
        return None
    try:
        written = store.file(head_file(project.id, store.progress(project.id).revision)).read_bytes()
        head = head_of(project.policy.head).read(written)
    except (UnknownName, ValueError):
        return None
    return head if head.n_classes <= len(project.schema.classes) else None
