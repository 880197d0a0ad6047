"""Find items: by words, by fields, by what was decided, by what the model says, and by likeness; all of it combined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from collab.domain.project import Project
from collab.domain.store import MOST_COUNTED, Found, ItemFilter, ItemRow, Store
from collab.engine.arrays import Floats, Ints
from collab.errors import Forbidden, UnknownName
from collab.loop.looking import own_filter, own_row
from collab.loop.permitting import needs
from collab.loop.scoring import features_of, scores_of

BLOCK = 16_384
"""Rows of features that are compared at a time: they stay in the processor's cache."""
ALIKE = 2 * MOST_COUNTED
"""Most alike, or surest, items of which any are looked for; some of them may be audits."""
_LONG = 3600.0


@dataclass(frozen=True, slots=True)
class Sure:
    """How probable the model finds something, both bounds included."""

    low: float = 0.0
    high: float = 1.0
    class_id: str = ""
    """Of which class; "": of whatever it finds likeliest."""


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for; all of it must hold."""

    items: ItemFilter = field(default_factory=ItemFilter)
    sure: Sure | None = None
    like: int | None = None
    """An item: those most like it come first."""
    order: Literal["", "surest", "least sure"] = ""
    among: tuple[int, ...] | None = None
    """Ids of the only items in question; None: all are."""

    @property
    def asks_model(self) -> bool:
        """Whether the model's word is asked for."""
        return self.sure is not None or bool(self.order)

    @property
    def plain(self) -> bool:
        """Whether the items' own filter is all."""
        return not self.asks_model and self.like is None and self.among is None


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found."""

    rows: tuple[ItemRow, ...]
    ids: Any
    """Of all hits that were listed, in their order; shape (n,), at most `MOST_COUNTED`."""
    exact: bool
    """Whether these are all."""
    ranked: bool = False
    """Whether the best come first."""
    said: Mapping[int, tuple[str, float]] = field(default_factory=dict)
    """By item of the page, where the model was asked for: the id of the class that it finds likeliest, and how probable
    that is."""
    alike: Mapping[int, float] = field(default_factory=dict)
    """By item of the page: cosine of its features with those of the item that it shall be like, at most 1."""


@needs("see", alone="only", noted=("see", "list"))
def search(store: Store, project: Project, wanted: Search, limit: int = 50, offset: int = 0, *, only: str = "") -> Hits:
    """A page of items that fit, with what the model says of them, and as many other hits as can be listed quickly.

    Items of the audit reserve, and those that a certificate drew, are never among them.

    Args:
        only: Somebody who isn't to learn what others answered, nor what the model says before they have: neither from
            a row, nor from what a filter leaves.

    Raises:
        UnknownName: The item that they shall be like isn't there, or is kept for audits.
        Forbidden: The model's word is asked for by somebody who may not look at it.
    """
    found, alike = _found(store, project, wanted, limit, offset, only, None)
    rows = found.rows
    if only:
        return Hits(tuple(own_row(store, row, only) for row in rows), found.ids, found.exact, found.ranked, alike=alike)
    said = _said(store, project, rows) if wanted.asks_model else {}  # else who labels next would know it beforehand
    return Hits(rows, found.ids, found.exact, found.ranked, said, alike)


@needs("lead")
def all_found(store: Store, project: Project, wanted: Search) -> tuple[Ints, bool]:
    """The ids of all hits, at most `MOST_COUNTED`, however long it takes; and whether there are no more."""
    found, _ = _found(store, project, wanted, 0, 0, "", _LONG)
    return found.ids[:MOST_COUNTED], found.exact


@needs("see")
def can_compare(store: Store, project: int) -> bool:
    """Whether there are features by which items can be alike."""
    file = features_of(store, project)
    return file is not None and len(file) > 0


@needs("review")
def model_speaks(store: Store, project: int) -> bool:
    """Whether there are probabilities of the model to look for."""
    return scores_of(store, project) is not None


@needs("see")
def indexing(store: Store, project: int) -> bool:
    """Whether words are still looked for letter by letter, for the index of them isn't made to its end."""
    return store.unindexed(project)


def ask_index(store: Store, project: int, now: int) -> None:
    """Have the index of words brought up to date where it is behind: a new version may have begun it anew."""
    if store.unindexed(project):
        store.submit_job("index", project, {}, "", now)


def _found(
    store: Store, project: Project, wanted: Search, limit: int, offset: int, only: str, seconds: float | None
) -> tuple[Found, Mapping[int, float]]:
    items = own_filter(wanted.items, only) if only else wanted.items
    if only and wanted.asks_model:
        raise Forbidden("review")
    among, ordered, alike = None, False, None
    if wanted.among is not None:
        among = np.array(wanted.among, np.int64)
    if wanted.like is not None:
        likest, alike = _alike(store, project, wanted.like)
        among, ordered = likest if among is None else likest[np.isin(likest, among)], True
    if wanted.asks_model:
        among, ordered = _by_model(store, project, wanted, among, ordered)
    more = {} if seconds is None else {"seconds": seconds}
    found = store.search(project.id, items, limit, offset, among=among, ordered=ordered, **more)
    if alike is None:
        return found, {}
    here = [row.item.id for row in found.rows]
    return found, {item: alike[item] for item in here}


def _by_model(store: Store, project: Project, wanted: Search, among: Ints | None, ordered: bool) -> tuple[Ints, bool]:
    """Items that the model finds as sure as wanted, of those `among`; and whether they stand in an order."""
    scores = scores_of(store, project.id)
    if scores is None:
        return np.empty(0, np.int64), False
    sure = wanted.sure or Sure()
    if sure.class_id:
        column = project.schema.index(sure.class_id)
        if column >= scores.proba.shape[1]:  # a class that came after the last ranking
            return np.empty(0, np.int64), False
        said = scores.proba[:, column].astype(np.float32)
    else:
        said = np.asarray(scores.sure)
    fit = (said >= sure.low - 5e-4) & (said <= sure.high + 5e-4)  # halves are good to that
    ids, said = np.asarray(scores.items)[fit], said[fit]
    if wanted.order:
        toward = said if wanted.order == "least sure" else -said
        if among is None and wanted.items == ItemFilter() and len(ids) > ALIKE:  # no more of them can be listed
            first = np.argpartition(toward, ALIKE)[:ALIKE]
            ids, toward = ids[first], toward[first]
        ids = ids[np.argsort(toward, kind="stable")]
        return (ids if among is None else ids[np.isin(ids, among)]), True
    return (ids, False) if among is None else (among[np.isin(among, ids)], ordered)


def _said(store: Store, project: Project, rows: tuple[ItemRow, ...]) -> dict[int, tuple[str, float]]:
    """What the model says of the items of a page."""
    scores = scores_of(store, project.id)
    if scores is None or not rows:
        return {}
    ids, classes = np.array([row.item.id for row in rows]), project.schema.classes
    at = scores.rows(ids)
    here = at[at >= 0]
    said = zip(ids[at >= 0].tolist(), scores.best[here].tolist(), scores.sure[here].tolist(), strict=True)
    return {item: (classes[column].id, sure) for item, column, sure in said}


def _alike(store: Store, project: Project, item: int) -> tuple[Ints, Mapping[int, float]]:
    """The items most like one, the likest first, with the cosine of each; itself is the first."""
    file, found = features_of(store, project.id), store.items([item]).get(item)
    if found is None or found.project != project.id or found.reserved or found.drawn:
        raise UnknownName("item", item)
    if file is None or not len(file):
        return np.empty(0, np.int64), {}
    ids, rows = np.asarray(file.ids()), file.rows()
    own = np.flatnonzero(ids == item)
    if not len(own):
        return np.empty(0, np.int64), {}
    cosines = likeness(rows, rows[own[-1]])
    if len(ids) > 1 and not (np.diff(ids) > 0).all():  # of content that was replaced, the last row counts
        last = len(ids) - 1 - np.unique(ids[::-1], return_index=True)[1]
        ids, cosines = ids[last], cosines[last]
    most = min(ALIKE, len(ids))
    nearest = np.argpartition(-cosines, most - 1)[:most]
    nearest = nearest[np.argsort(-cosines[nearest], kind="stable")]
    return ids[nearest], dict(zip(ids[nearest].tolist(), cosines[nearest].tolist(), strict=True))


def likeness(rows: Floats, wanted: Floats) -> npt.NDArray[np.float32]:
    """Cosine of each row with one, shape (n_rows,); block by block, for the rows may be a memory map larger than
    memory. Rows of nothing but zeros are like none."""
    unit = np.asarray(wanted, np.float32)
    unit = unit / (np.linalg.norm(unit) or 1)
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = np.asarray(rows[start : start + BLOCK])
        size = np.sqrt(np.einsum("ij,ij->i", block, block))
        found[start : start + BLOCK] = block @ unit / np.maximum(size, 1e-12)
    return found
