"""Freeze a certificate: the head of the last round, the items that nobody has seen, and the audits among these."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from collab.domain.annotation import ACTS_ON_ITEMS
from collab.domain.certificate import Certificate, Terms
from collab.domain.plain import typed
from collab.domain.project import Project
from collab.domain.run import Round
from collab.domain.store import Store
from collab.engine.arrays import Ints
from collab.engine.certifying import spent
from collab.engine.heads import FittedHead, head_of
from collab.engine.numbering import Numbering
from collab.errors import Conflict, JobCancelled
from collab.loop.auditing import check_ready
from collab.loop.drawing import Population, digest_of, in_keyed_order, write_population
from collab.loop.encoding import blocks_of, image_encoder, stamp, text_encoder
from collab.loop.handing_out import BLIND
from collab.loop.replaying import record
from collab.loop.retraining import head_file
from collab.loop.suggesting import proba_of

CHUNK = 16_384

Contents = npt.NDArray[np.bytes_]
Report = Callable[[float, str], bool]


def freeze(
    store: Store, project_id: int, terms: Terms, key: str, *, by: str, event_id: str, now: int, report: Report
) -> Certificate:
    """Freeze model and items, and draw the audits from these; all that takes long comes before the transaction.

    Args:
        store: The workspace.
        project_id: Whose.
        terms: What a person chose.
        key: Random, and unknown to everybody until now: from it follows which items are audits.
        by: Who asked for it.
        event_id: The act's own; an attempt that was cut off after it was stored is not repeated.
        now: Milliseconds; leases that ran out before it are over.
        report: Told the share done; returns True to cancel.

    Raises:
        Conflict: It can't be had now, or the project changed meanwhile; nothing is frozen.
        JobCancelled: `report` said so.
    """
    if (done := store.event(event_id)) is not None:
        return typed(Certificate, done.payload["certificate"])
    seen = store.progress(project_id).events  # before anything is read: what comes after is in the log
    project = store.project(project_id)
    last = check_ready(store, project, terms)
    written = store.file(head_file(project_id, last.revision)).read_bytes()
    head = head_of(project.policy.head).read(written)
    if head.n_classes != len(project.schema.classes):
        raise Conflict("Classes were added and the model hasn't learned since. Wait for its next round.")
    items, contents = _remaining(store, project_id)
    population = _words(store, project, head, last, items, contents, report)
    order = in_keyed_order(items, key, "audits")
    with store.transaction():
        store.lock(project_id)
        check_ready(store, project, terms)
        gone = np.isin(items, _touched(store, project_id, seen, now))
        population, order = population.without(gone), order[~gone[order]]
        audits = items[order[: terms.audits]].tolist()
        if len(population.items) <= len(audits):
            raise Conflict("Too few items are left. Choose fewer audits, or import more items.")
        number = len(store.certificates(project_id)) + 1
        certificate = Certificate(
            project_id, number, "auditing", terms, spent(terms.delta, number), f"{last.model}.{last.revision}",
            project.schema.version, len(population.items), digest_of(population, contents[~gone]), key, len(audits),
            by, now,
        )  # fmt: skip
        store.write_file(f"certificates/{project_id}/{number}-head.safetensors", iter([written]))
        write_population(store, project_id, number, population)
        store.draw_audits(project_id, number, audits, project.policy.annotations_per_item, BLIND)
        record(store, "freeze", certificate, by, event_id, now)
    return certificate


def _remaining(store: Store, project: int) -> tuple[Ints, Contents]:
    """Ids and contents' digests of the items that nobody has seen, in order of id."""
    items, contents, after = [np.empty(0, np.int64)], [np.empty(0, "S64")], 0
    while page := store.remaining(project, after):
        after = page[-1][0]
        items.append(np.array([item for item, _ in page], np.int64))
        contents.append(np.array([digest for _, digest in page], "S64"))
    return np.concatenate(items), np.concatenate(contents)


def _words(
    store: Store, project: Project, head: FittedHead, last: Round, items: Ints, contents: Contents, report: Report
) -> Population:
    """The frozen head's word on each item, and how sure it is, as a round says it."""
    blocks = blocks_of(store, project, text_encoder(store, project), image_encoder(store, project))
    file = store.features(project.id, blocks.digest, blocks.dim)
    at = _rows_of(file.ids(), items)
    stamps = np.array([stamp(digest.decode()) for digest in contents.tolist()], np.int64)
    if (at < 0).any() or (file.stamps()[at] != stamps).any():
        raise Conflict("Not every item has been read by the model yet. Wait until all are, then freeze.")
    confidence, column = np.empty(len(items), np.float64), np.empty(len(items), np.int64)
    features, numbers = file.rows(), Numbering(project.schema.many)
    for start in range(0, len(items), CHUNK):
        part = slice(start, start + CHUNK)
        proba = proba_of(head.logits(features[at[part]]), last.temperature, project.schema)
        confidence[part], column[part] = numbers.sure(proba), numbers.said(proba)
        if report(min(1.0, (start + CHUNK) / len(items)), ""):
            raise JobCancelled
    return Population(items, confidence, column, numbers.met)


def _rows_of(ids: Ints, items: Ints) -> Ints:
    """The last row of each item, -1 where there is none, shape (n_items,)."""
    if not len(ids):
        return np.full(len(items), -1)
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], items, side="right") - 1
    found = order[np.maximum(place, 0)]
    return np.where((place >= 0) & (ids[found] == items), found, -1)


def _touched(store: Store, project: int, seen: int, now: int) -> list[int]:
    """Items that people got or acted on since the log had `seen` events.

    Raises:
        Conflict: Something else happened: classes, settings or items may be other ones.
    """
    touched = store.live_items(project, now)
    while page := store.log(project, seen):
        seen = page[-1][0]
        if any(event.kind not in ACTS_ON_ITEMS for _, event in page):
            raise Conflict("The project was changed while its items were read; nothing is frozen. Try again.")
        touched += [event.item for _, event in page if event.item is not None]
    return touched
