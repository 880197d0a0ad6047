"""Make a map of a project's items, on which what is alike lies close together, and read it.

The worker makes it, as files; the page reads these, and says when the items have become others.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from collab.domain.project import NONE, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints
from collab.engine.projecting import inside, method, plane
from collab.errors import Conflict, JobCancelled, UnknownName
from collab.loop.permitting import needs
from collab.loop.scoring import features_name, features_of, scores_of

JOB = "map"
MOST = 50_000
"""Points of a map. Of more items it shows so many, drawn at random."""
GROWN = 1.1
"""A map is of yesterday where the items have become so many times as many."""
BARE, OTHER = -1, -2
"""Colors of items that have no answer, and of those with several classes or none of them."""

Coloring = Literal["decision", "suggestion", ""]


@dataclass(frozen=True, slots=True)
class Map:
    """Where items lie."""

    items: Ints
    """Ids, in rising order."""
    points: Floats
    """Shape (n_items, 2), from 0 to 1."""
    method: str
    """How it was made: "umap" or "pca"."""
    of: int
    """How many items it could have shown."""
    number: int
    made_at: int
    stale: bool
    """Whether the features are others by now, or there are many more items."""


@needs("lead", own="by")
def ask_map(store: Store, project: int, by: str, now: int) -> Job:
    """Have the worker make the map, anew where there is one."""
    return store.submit_job(JOB, project, {}, by, now)


@needs("see")
def map_of(store: Store, project: int) -> Map | None:
    """The map that was made last; None where there is none."""
    try:
        written = json.loads(store.file(f"maps/{project}/manifest.json").read_bytes())
        start = f"maps/{project}/{written['number']}"
        items = np.frombuffer(store.file(f"{start}-items").read_bytes(), "<i8")
        points = np.frombuffer(store.file(f"{start}-points").read_bytes(), "<f4").reshape(-1, 2)
    except (UnknownName, OSError, ValueError):
        return None
    progress, file = store.progress(project), features_of(store, project)
    today = progress.items - progress.reserved
    stale = today > written["of"] * GROWN or (file is not None and features_name(store, project) != written["features"])
    return Map(items, points, written["method"], written["of"], written["number"], written["made_at"], stale)


@needs("see", alone="only")
def seen_on(
    store: Store, project: Project, drawn: Map, by: Coloring, *, only: str = ""
) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Which points of a map may be seen now, and the color of each: the column of a class, `BARE` or `OTHER`.

    Items that became audits since it was made are not seen.

    Args:
        only: Somebody who isn't to learn what others answered, nor what the model says: all their points look the same.
    """
    seen = np.zeros(len(drawn.items), bool)
    colors = np.full(len(drawn.items), BARE)
    schema = project.schema
    for row in store.pool_rows(project.id, drawn.items.tolist()):
        at = int(np.searchsorted(drawn.items, row.item))
        seen[at] = not (row.reserved or row.drawn)
        if row.answer and by == "decision" and not only:
            one = len(row.answer) == 1 and row.answer[0] != NONE
            colors[at] = schema.index(row.answer[0]) if one else OTHER
    if by == "suggestion" and not only and (scores := scores_of(store, project.id)) is not None:
        rows = scores.rows(drawn.items)
        colors[rows >= 0] = scores.best[rows[rows >= 0]]
    return seen, colors


def surrounded(drawn: Map, seen: npt.NDArray[np.bool_], outline: list[list[float]]) -> tuple[int, ...]:
    """The items inside an outline that somebody drew."""
    return tuple(drawn.items[seen & inside(drawn.points, np.array(outline, np.float32).reshape(-1, 2))].tolist())


def make_map(
    store: Store, project: Project, number: int, report: Callable[[float, str], bool], now: int
) -> Mapping[str, Any]:
    """Lay the items out, audits left out, and keep that in place of an older map.

    Args:
        store: The workspace.
        project: Whose items.
        number: Names the map: that of its job.
        report: Told the share done; returns True to cancel.
        now: Milliseconds since 1970.

    Raises:
        JobCancelled: `report` said so.
        Conflict: The items haven't been read yet.
    """
    file = features_of(store, project.id)
    if file is None or not len(file):
        raise Conflict("The model hasn't read the items yet. Wait until it has, then make the map.")
    ids = np.asarray(file.ids())
    newest, first = np.unique(ids[::-1], return_index=True)
    row_of = len(ids) - 1 - first  # of content that was replaced, the last row counts
    free = _free(store, project.id)
    here = np.isin(newest, free)
    items, rows = newest[here], row_of[here]
    of = len(items)
    if of > MOST:
        some = np.sort(np.random.default_rng(project.policy.seed).choice(of, MOST, replace=False))
        items, rows = items[some], rows[some]
    if report(0.2, ""):
        raise JobCancelled
    how = method()
    points = plane(np.asarray(file.rows()[rows]), how, project.policy.seed)
    if report(0.95, ""):
        raise JobCancelled
    folder = f"maps/{project.id}"
    for name, values in (("items", items.astype("<i8")), ("points", points.astype("<f4"))):
        store.write_file(f"{folder}/{number}-{name}", iter([values.tobytes()]))
    written = {
        "number": number, "method": how, "of": of, "made_at": now, "features": features_name(store, project.id),
        "points": len(items),
    }  # fmt: skip
    store.write_file(f"{folder}/manifest.json", iter([json.dumps(written).encode()]))
    for path in store.folder(folder).iterdir():
        if path.name != "manifest.json" and not path.name.startswith(f"{number}-"):
            store.delete_files(f"{folder}/{path.name}")
    return {"points": len(items), "of": of, "method": how}


def _free(store: Store, project: int) -> Ints:
    """Items that are no audits."""
    found, after = [], 0
    while page := store.pool(project, after):
        after = page[-1].item
        found += [row.item for row in page if not (row.reserved or row.drawn)]
    return np.array(found, np.int64)
