"""Clear the files of what was erased, and the bytes behind it; an erasure that was cut off is gone on with here.

What is left to be cleared is kept from the transaction that erases until all of it is done.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from collab.domain.media import is_media_name, thumb_of, view_of
from collab.domain.plain import typed
from collab.domain.project import Item
from collab.domain.store import Store
from collab.errors import Conflict, UnknownName
from collab.loop.escalating import JOB
from collab.loop.measuring import remeasured
from collab.loop.rejecting import FILES, ROWS
from collab.loop.writing import csv_bytes

ERASED = "(erased)"
WRITING = frozenset({"export", "bundle", "encode"})
"""Jobs that read what is to be erased, and may write it into a file after it is gone."""
_LEAST, _MOST = 8, 40
"""Letters by which a value is looked for in a list; a shorter one may stand anywhere."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to be cleared; it holds nothing of what was erased."""

    what: Literal["person", "item", "project"]
    at: int
    projects: tuple[int, ...]
    """Of a person, where they are named; else the one."""
    item: int = 0
    pictures: tuple[str, ...] = ()
    """That the item held."""
    lists: tuple[str, ...] = ()
    """Of rejected rows: those in which the item may stand, or all of a project."""


def name_of(what: str, number: object) -> str:
    """The name under which the rest of an erasure is kept."""
    return f"{what} {number}"


def keep(store: Store, name: str, left: Left) -> None:
    """Keep what is left, in the transaction that erases."""
    store.note_erasure(name, asdict(left))


def cut_off(store: Store) -> Mapping[str, Left]:
    """What is left of erasures, by name; of those under way too."""
    return {name: typed(Left, left) for name, left in store.erasures_left().items()}


def refuse_writers(store: Store, project: int) -> None:
    """Refuse to erase while something is being written that holds it. Raises `Conflict`."""
    jobs = [job for job in store.live_jobs() if job.project == project]
    if store.open_import(project) is not None or any(job.kind == "import" for job in jobs):
        raise Conflict("An import of this project is under way. Wait for its end, then erase.")
    # One that waits has read nothing yet; but a fine-tuning may wait to be gone on with.
    if kind := next((j.kind for j in jobs if j.kind == JOB or (j.kind in WRITING and j.status == "running")), ""):
        raise Conflict(
            f"A job of this project is under way that writes what it has read: {kind}. "
            "Wait for its end, or cancel it, then erase."
        )


def clear(store: Store, name: str, left: Left, held: Mapping[str, Any] | None = None) -> tuple[tuple[str, ...], bool]:
    """Clear what is left, and the bytes behind it; what was cleared before is no fault.

    Args:
        store: The workspace.
        name: Under which it is kept.
        left: What it is.
        held: What the fields of the item were; None: nobody knows any more.

    Returns:
        Files that were deleted, or written anew without it; and whether the bytes are gone.
    """
    if left.what == "person":
        files = _exports(store, left.projects, everywhere=True)
    elif left.what == "item":
        files = _of_item(store, left, held)
    else:
        files = []
        _of_project(store, left)
    clean = store.scrub()
    store.end_erasure(name)
    return tuple(files), clean


def lists_with(store: Store, project: int, item: Item) -> tuple[str, ...]:
    """Lists of what imports couldn't take in which a row may have come with the item's content."""
    values = [str(v) for v in (*item.fields.values(), *item.meta.values()) if v is not None and not is_media_name(v)]
    names = [report.rejected_file for *_, report in store.imports(project) if report.rejected_file]
    return tuple(name for name in names if (text := _text(store, name)) and _may_hold(text, values))


def _of_item(store: Store, left: Left, held: Mapping[str, Any] | None) -> list[str]:
    (number,) = left.projects
    store.erase_features(number, [left.item])
    files = [*_media(store, left.pictures), *_exports(store, left.projects)]
    for name in left.lists:
        if text := _text(store, name):
            store.write_file(name, _emptied(text))
            files.append(name)
    _snapshots(store)
    store.delete_files(f"scores/{number}")
    if any(store.folder(f"maps/{number}").iterdir()):
        store.delete_files(f"maps/{number}")
        store.submit_job("map", number, {}, "", left.at)
    project = next((each for each in store.projects() if each.id == number), None)
    if project is None:  # deleted by now: should it come back, it is measured anew
        store.delete_files(f"tables/{number}.json")
    elif remeasured(store, project, held):
        files.append(f"tables/{number}.json")
        store.submit_job("encode", number, {}, "", left.at)
    return files


def _of_project(store: Store, left: Left) -> None:
    (number,) = left.projects
    for name in left.lists:
        store.delete_files(name)
    for folder in ("heads", "models", "certificates", "bundles", "scores", "maps"):
        store.delete_files(f"{folder}/{number}")
    store.delete_files(f"tables/{number}.json")
    _exports(store, left.projects)
    _snapshots(store)
    store.delete_all_features(number)
    named = set(store.pictures())
    for path in store.folder("media").glob("*/*"):
        if is_media_name(name := f"media/{path.parent.name}/{path.name}") and name not in named:
            _delete_picture(store, name)


def _media(store: Store, pictures: Sequence[str]) -> list[str]:
    """Delete those pictures of an item that no other item holds."""
    gone = sorted(set(pictures) - set(store.pictures())) if pictures else []
    for name in gone:
        _delete_picture(store, name)
    return gone


def _delete_picture(store: Store, name: str) -> None:
    for each in (name, view_of(name), thumb_of(name)):
        store.delete_files(each)


def _exports(store: Store, projects: Sequence[int], *, everywhere: bool = False) -> list[str]:
    """Delete what was made to be fetched: rows of an export hold it, and nobody can take one out of a Parquet file.

    Args:
        store: The workspace.
        projects: Whose exports and reports.
        everywhere: Also lists out of the access log, of whatever project: they name people who only looked.
    """
    starts = tuple(f"{project}-" for project in projects)
    there = sorted(path.name for path in store.folder("exports").iterdir())
    logs = re.compile(r"(all|\d+)-access-log-|all-")
    names = [f"exports/{n}" for n in there if n.startswith(starts) or (everywhere and logs.match(n))]
    for name in names:
        store.delete_files(name)
    return names


def _snapshots(store: Store) -> None:
    """Delete what fine-tunings have written down to learn from, but for those under way, in other projects."""
    live = {str(job.id) for job in store.live_jobs()}
    for folder in store.folder("jobs").iterdir():
        if folder.name not in live:
            store.delete_files(f"jobs/{folder.name}")


def _text(store: Store, name: str) -> str:
    try:
        return store.file(name).read_text(encoding="utf-8-sig")
    except UnknownName:
        return ""


def _may_hold(text: str, values: Sequence[str]) -> bool:
    """Whether a row with these values may stand in a list; one of short values alone may anywhere."""
    plain, wanted = _letters(text), [_letters(value) for value in values]
    telling = [value[:_MOST] for value in wanted if len(value) >= _LEAST]
    return not telling or any(value in plain for value in telling)


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text.replace("\\n", "").replace("\\t", ""))


def _emptied(text: str) -> Iterator[bytes]:
    rows = csv.DictReader(text.splitlines(keepends=True))
    heads = FILES if "file" in (rows.fieldnames or ()) else ROWS
    yield csv_bytes(heads)
    for row in rows:
        yield csv_bytes([ERASED if name in ("row", "file") else row.get(name, "") for name in heads])
