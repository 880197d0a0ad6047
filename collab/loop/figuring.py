"""Make the figures that pages only read, about once a minute, when the round that they are of is written already."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np

from collab.domain.certificate import Terms
from collab.domain.plain import typed
from collab.domain.project import Project
from collab.domain.run import SHOWN_FROM, Round
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints
from collab.engine.certifying import spent
from collab.engine.forecasting import forecast
from collab.engine.stopping import watch
from collab.loop import advising, influencing, slicing
from collab.loop.auditing import outlook_of
from collab.loop.judging import Audits
from collab.loop.slicing import Cells

OUTLOOK = "outlook"


@dataclass(frozen=True, slots=True)
class Seen:
    """A round and what it saw: rows are those of the pool."""

    done: Round
    audits: Audits
    proba: Floats
    """Of the whole pool, shape (n_items, n_classes)."""
    items: Ints
    """Ids, shape (n_items,)."""
    current: Ints
    """Rows of what the items hold today; others are of content that was replaced."""
    labeled: Ints
    """Rows that it was trained on."""
    open: Ints
    """Rows of what nobody has answered, audits left out."""


@final
class Figures:
    """The figures of one project, and what is kept in memory to make them; all of it can be made anew."""

    def __init__(self, store: Store, project: int) -> None:
        self._store, self._project = store, project
        self._answers = influencing.Answers(store, project)
        self._told = -1
        self._cells = Cells(store)

    def make(self, project: Project, seen: Seen | None, now: int) -> bool:
        """Write them all in one transaction; whether nothing is left to be read at the next look.

        Args:
            project: With the classes and the policy of the round.
            seen: The round; None: there is no head that could be judged.
            now: Milliseconds since 1970.
        """
        made: dict[str, Mapping[str, Any]] = {}
        whole = self._answers.read(project.schema)
        if whole and self._answers.events != self._told:
            made[influencing.FIGURES] = asdict(self._answers.effect(project.schema))
            self._told = self._answers.events
        if seen is not None:
            known = self._outlook(seen)
            made |= {OUTLOOK: known, **self._advice(project, seen, known), **self._parts(project, seen)}
        with self._store.transaction():
            for name, content in made.items():
                self._store.put_figures(self._project, name, content, now)
        return whole and (seen is None or not project.policy.group or slicing.GROUP in made)

    def groups(self, project: Project, rows: Ints, items: Ints) -> Ints | None:
        """Number the groups of some rows, what has none as one of its own; None where the policy names no column."""
        return self._cells.numbered(project, rows, items)

    def _outlook(self, seen: Seen) -> Mapping[str, Any]:
        told = seen.audits.answered
        numbers, proba = seen.audits.numbers, seen.proba
        right = numbers.said(proba[told]) == seen.audits.answers
        model = f"{seen.done.model}.{seen.done.revision}"
        return outlook_of(numbers.sure(proba[told]), right, numbers.sure(proba[seen.open]), model)

    def _advice(self, project: Project, seen: Seen, known: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        store, done = self._store, seen.done
        before = store.figures(self._project, advising.FIGURES)
        evidence = advising.refreshed(
            None if before is None else typed(advising.Evidence, before),
            done,
            tuple(c.id for c in project.schema.classes),
        )
        if not advising.is_due(evidence):
            return {advising.FIGURES: asdict(evidence)}
        # What a model was fitted on it goes on to say: that is no sign of its having settled.
        unseen = np.setdiff1d(seen.current, seen.labeled)
        rows = unseen[watch(seen.items[unseen], int.from_bytes(project.salt.encode()[:8]))]
        numbers = seen.audits.numbers
        said = numbers.lasting(numbers.said(seen.proba[rows]))
        words = advising.Watched(tuple(seen.items[rows].tolist()), tuple(said.tolist()))
        then = store.figures(self._project, advising.WATCHED) if evidence.looks else None
        agrees = advising.agreement(None if then is None else typed(advising.Watched, then), words)
        rng = np.random.default_rng([project.policy.seed, done.revision])
        coverage = _coverage(known, project.policy.seed)
        evidence = advising.looked(evidence, done, agrees, coverage, len(seen.open), rng)
        evidence = replace(evidence, watched=len(rows))
        return {advising.FIGURES: asdict(evidence), advising.WATCHED: asdict(words)}

    def _parts(self, project: Project, seen: Seen) -> dict[str, Mapping[str, Any]]:
        audits = seen.audits
        best = audits.numbers.said(seen.proba[audits.rows])
        cells = self._cells.of(project, audits.rows, seen.items)
        parts = slicing.parts_of(seen.done, audits, best, cells)
        made: dict[str, Mapping[str, Any]] = {slicing.PARTS: asdict(parts)}
        if column := project.policy.group:
            rows = np.concatenate([audits.rows, seen.labeled])
            group, whole = self._cells.groups(column, rows, seen.items)
            if whole:
                own, learned = group[: len(audits.rows)], np.unique(group[len(audits.rows) :])
                made[slicing.GROUP] = asdict(slicing.groups_of(column, seen.done, audits, best, own, learned))
        return made


def _coverage(known: Mapping[str, Any], seed: int) -> float | None:
    """Share of the pool that a project's first certificate, under the usual terms, would let the machine label.

    All looks have one seed, so that they differ by what was learned and not by the draws.
    """
    if len(known["correct"]) < SHOWN_FROM or not known["items"]:
        return None
    terms = Terms()
    (found,) = forecast(
        np.asarray(known["confidence"], np.float64),
        np.asarray(known["correct"], bool),
        np.asarray(known["pool"], np.float64),
        terms.epsilon,
        spent(terms.delta, 1),
        terms.promise,
        audits=(terms.audits,),
        items=known["items"],
        seed=seed,
    )
    return found.coverage
