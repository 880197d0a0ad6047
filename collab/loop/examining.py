"""Examine a workspace: database, event chains and what follows from them, files, worker, disk, encoders, features.

Nothing is mended here, and nobody who is at work waits for it.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collab.domain.project import Item, Project
from collab.domain.run import LIVE_MS
from collab.domain.store import Differing, Store
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.text import Encoder
from collab.errors import CollabError
from collab.loop.clearing import cut_off
from collab.loop.encoding import blocks_of, image_encoder_of, stamp, text_encoder_of
from collab.loop.measuring import image_fields, measured, reads_text, table_fields
from collab.loop.rehearsing import OpenStore, rehearse
from collab.loop.reporting import WORKER_SILENT_MS
from collab.loop.surveying import Survey, survey

_ROWS = 10_000
"""Items, or rows of features, looked at together."""


_SPARE = 1 << 30
"""Bytes that should be free: a full disk keeps people from answering."""
_SOUND_SQLITE = (3, 51, 3)
_JOBS = 1000
_NAMED = 5
"""Items and files that a line names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do."""

    name: str
    says: str
    fine: bool = True
    do: str = ""


def examine(store: Store, open_store: OpenStore, now: int, *, quick: bool = False) -> Iterator[Finding]:
    """Look at everything, project by project; what follows from a damaged database isn't looked at.

    Args:
        store: The workspace; people may be at work in it.
        open_store: Opens a copy of it, in which the log is played once more.
        now: Milliseconds since 1970.
        quick: Leave out what takes long in a large workspace: the log isn't played, and pictures aren't read.
    """
    yield _product(store)
    try:
        store.check(deep=True)
    except CollabError as error:
        yield Finding("database", str(error), fine=False)
        yield Finding("all else", "not looked at, since it rests on the database", fine=False)
        return
    yield Finding("database", f"{store.url} is sound, every event chain unbroken")
    yield from _erased(store)
    yield from _cut_off(store)
    yield _disk(store)
    yield _worker(store, now)
    if not quick:
        yield from _projections(store, open_store)
    yield from _files(survey(store, read=not quick))
    encoders: dict[str, Encoder] = {}
    image_encoders: dict[str, ImageEncoder] = {}
    for project in store.projects():
        done, name, sees = store.progress(project.id), project.policy.encoder, project.policy.image_encoder
        head = f", the last one {store.chain_head(project.id)[:12]}" if done.events else ""
        yield Finding(
            f"project {project.name}", f"{done.items:,} items, {done.decided:,} decided, {done.events:,} events{head}"
        )
        if reads_text(project) and name not in encoders:
            try:
                encoders[name] = text_encoder_of(store, project.id, name)
            except CollabError as error:
                yield Finding(f"encoder {name}", str(error), fine=False)
                continue
            yield Finding(f"encoder {name}", _encoder(encoders[name]))
        if image_fields(project) and sees not in image_encoders:
            try:
                image_encoders[sees] = image_encoder_of(store, project.id, sees)
            except CollabError as error:
                yield Finding(f"image encoder {sees}", str(error), fine=False)
                continue
            found = image_encoders[sees]
            yield Finding(f"image encoder {sees}", f"{found.dim} features, pictures of {found.size} pixels")
        yield _features(store, project, encoders.get(name) if reads_text(project) else None, image_encoders.get(sees))


def _product(store: Store) -> Finding:
    name, _, number = (product := store.product()).partition(" ")
    parts = tuple(int(part) for part in number.split(".") if part.isdigit())
    if name == "SQLite" and parts < _SOUND_SQLITE:
        return Finding("database software", product, do="Before 3.51.3 it can damage a database: install pysqlite3.")
    return Finding("database software", product)


def _erased(store: Store) -> Iterator[Finding]:
    """What was taken out on request: a backup that was made before would bring it back."""
    items = {project.name: store.erased_items(project.id) for project in store.projects()}
    told = [f"{n:,} items of {name}" for name, n in items.items() if n]
    if people := sum(person.erased for person in store.people()):
        told.append(f"{people:,} people")
    if told:
        do = "Backups made before still hold it: delete them, or erase once more after restoring one."
        yield Finding("erased", ", ".join(told), do=do)


def _cut_off(store: Store) -> Iterator[Finding]:
    """Erasures of which files, or bytes in the database, are still there."""
    if names := sorted(cut_off(store)):
        do = "A worker goes on with them within the hour; erasing the same once more does at once."
        yield Finding("erasures not over", f"{len(names):,}: {_some(names)}", fine=False, do=do)


def _disk(store: Store) -> Finding:
    """Whether what is written next fits, and a copy of the database."""
    free, size = shutil.disk_usage(store.workspace).free, store.database_bytes()
    says = f"{_size(free)} free, the database has {_size(size)}"
    if free < _SPARE + size:
        return Finding("disk", says, fine=False, do="Free some space: on a full disk nobody can answer.")
    return Finding("disk", says)


def _worker(store: Store, now: int) -> Finding:
    """Whether one is alive: without one people can label, but nothing is learned and no job runs."""
    projects = store.projects()
    if any(now - store.progress(project.id).worker_at < WORKER_SILENT_MS for project in projects):
        return Finding("worker", "alive")
    waiting = sum(job.status in ("queued", "running") for job in store.jobs(limit=_JOBS))
    says = "none runs" + (f"; jobs that wait for one: {waiting:,}" if waiting else "")
    labeling = any(store.live_annotators(project.id, now - LIVE_MS) for project in projects)
    do = "`collab run` starts one; beside an app without one, `collab worker`."
    return Finding("worker", says + ("; people label meanwhile" if labeling else ""), fine=not labeling, do=do)


def _projections(store: Store, open_store: OpenStore) -> Iterator[Finding]:
    try:
        for project, differing in rehearse(store, open_store):
            name = f"states of {project.name}"
            if differing == Differing():
                yield Finding(name, "what the log gives")
                continue
            parts = (
                ("items", differing.items), ("certificates", differing.certificates), ("counters", differing.counters)
            )  # fmt: skip
            says = "; ".join(f"{len(found):,} {what} ({_some(found)})" for what, found in parts if found)
            do = "`collab doctor --rebuild` makes them anew from the log."
            yield Finding(name, f"not what the log gives: {says}", fine=False, do=do)
    except CollabError as error:
        yield Finding("states", f"not compared with the log: {error}", fine=False)


def _files(found: Survey) -> Iterator[Finding]:
    lost = "Put them in place from a backup, or import the same pictures again."
    bad = [
        ("missing", found.missing, lost),
        ("damaged", found.damaged, lost),
        ("without what is shown of them", found.remade, "They are made when the pictures are read the next time."),
    ]
    for what, names, do in bad:
        if names:
            yield Finding(f"files {what}", f"{len(names):,}: {_some(names)}", fine=what.startswith("without"), do=do)
    if found.unnamed:
        says = f"{len(found.unnamed):,}, {_size(found.unnamed_size)}: {_some(found.unnamed)}"
        do = "An import that was cancelled leaves its pictures. They may be deleted while no import runs."
        yield Finding("files that nobody names", says, do=do)
    looked = "pictures are what their names say" if found.read else "pictures were not read"
    yield Finding("files", f"{found.files:,}, {_size(found.size)}" + ("" if found.damaged else f"; {looked}"))


def _some(names: Sequence[object]) -> str:
    return ", ".join(map(str, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")


def _size(size: float) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _encoder(encoder: Encoder) -> str:
    length = "texts of any length" if encoder.max_tokens is None else f"at most {encoder.max_tokens} tokens"
    return f"{encoder.dim} features, {length}"


def _features(store: Store, project: Project, encoder: Encoder | None, images: ImageEncoder | None) -> Finding:
    """Compare the feature cache with the items; it can always be made anew, so that rows which lack are no fault."""
    name = f"features of {project.name}"
    if table_fields(project) and measured(store, project) is None:
        return Finding(name, "its numbers and categories have not been measured yet")
    try:
        blocks = blocks_of(store, project, encoder, images)
        file = store.features(project.id, blocks.digest, blocks.dim)
        stamps = dict(zip(file.ids().tolist(), file.stamps().tolist(), strict=True))
        rows = file.rows()
        finite = all(np.isfinite(rows[at : at + _ROWS]).all() for at in range(0, len(rows), _ROWS))
    except (CollabError, ValueError, KeyError) as error:  # cut short, or a manifest that isn't one
        finite, reason = False, str(error)
    else:
        reason = "some are no numbers"
    if not finite:
        folder = store.workspace / "features" / str(project.id)
        return Finding(
            name, f"damaged ({reason})", fine=False, do=f"Stop collab and delete {folder}: they are made anew."
        )
    fit = sum(stamps.get(item.id) == stamp(item.digest) for item in _items(store, project))
    return Finding(name, f"{fit:,} of {store.progress(project.id).items:,} items have them")


def _items(store: Store, project: Project) -> Iterator[Item]:
    after = 0
    while page := store.stream_items(project.id, after, _ROWS):
        yield from page
        after = page[-1].id
