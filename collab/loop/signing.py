"""Sign a certificate: see whether its promise still holds, then bring the machine's labels in force, all or none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from collab.domain.annotation import ACTS_ON_ITEMS
from collab.domain.certificate import Certificate
from collab.domain.plain import typed
from collab.domain.project import LabelSchema
from collab.domain.store import Store
from collab.domain.task import answer_of
from collab.engine.arrays import Ints
from collab.engine.certifying import Certified
from collab.errors import Conflict, JobCancelled
from collab.loop.auditing import one_of
from collab.loop.drawing import in_keyed_order
from collab.loop.proving import Evidence
from collab.loop.replaying import record

CHECKS = 2_000
"""So many of the machine's labels have a place in the order in which they are checked; nobody checks more."""
BATCH = 10_000

Report = Callable[[float, str], bool]


def bring_in_force(
    store: Store, project_id: int, number: int, *, by: str, event_id: str, now: int, report: Report
) -> Certificate:
    """Decide all items that the machine may label; what takes long comes before the one transaction.

    Args:
        store: The workspace.
        project_id: Whose.
        number: Of the certificate.
        by: Who signs.
        event_id: The act's own; an attempt that was cut off after it was stored is not repeated.
        now: Milliseconds; leases that ran out before it are over.
        report: Told the share done; returns True to cancel.

    Raises:
        Conflict: It can't be signed, or its promise doesn't hold any more; nothing is in force.
        JobCancelled: `report` said so.
    """
    if (done := store.event(event_id)) is not None:
        return typed(Certificate, done.payload["certificate"])
    seen = store.progress(project_id).events  # before anything is read: what comes after is in the log
    schema, certificate = store.project(project_id).schema, one_of(store, project_id, number, "certified")
    evidence = Evidence.read(store, certificate)
    population = evidence.population
    evidence = evidence.and_others(population.among(store.live_items(project_id, now)))
    rows = np.flatnonzero(evidence.left(_threshold(certificate, schema, evidence)))
    _stage(store, certificate, schema, evidence, rows, report)
    checks = population.items[rows[in_keyed_order(population.items[rows], certificate.key, "checks")][:CHECKS]]
    with store.transaction():
        store.lock(project_id)
        certificate = one_of(store, project_id, number, "certified")
        evidence = evidence.and_others(population.among(_touched(store, project_id, seen, now)))
        left = np.count_nonzero(evidence.left(_threshold(certificate, schema, evidence)))
        labels = store.apply_labels(project_id, number, now)
        if labels < left:  # the promise was computed for more of them
            raise Conflict("Items were changed just now; nothing is signed. Sign once more.")
        store.keep_for_checks(project_id, number, checks.tolist())
        signed = replace(certificate, status="signed", labels=labels, signed_by=by, signed_at=now)
        record(store, "sign", signed, by, event_id, now)
    return signed


def _threshold(certificate: Certificate, schema: LabelSchema, evidence: Evidence) -> float:
    """The verdict's, which has to pass once more without what people have answered meanwhile; no lower one is used.

    Raises:
        Conflict: It doesn't.
    """
    verdict = certificate.verdict
    assert verdict is not None
    assert verdict.threshold is not None, "it is certified"
    found = evidence.certified(certificate, schema, verdict.threshold)
    if not isinstance(found, Certified) or found.threshold > verdict.threshold:
        raise Conflict(
            "People have answered so many of the certified items meanwhile that the audits don't bound the errors "
            "among the rest any more. Give this certificate up and freeze another one."
        )
    return verdict.threshold


def _stage(
    store: Store, certificate: Certificate, schema: LabelSchema, evidence: Evidence, rows: Ints, report: Report
) -> None:
    """Hand the labels to the store in batches; none of them is in force."""
    with store.transaction():
        store.lock(certificate.project)
        one_of(store, certificate.project, certificate.number, "certified")  # or another attempt has signed it
        store.drop_labels(certificate.project, certificate.number)  # what one that was cut off has left
    population, numbers = evidence.population, evidence.numbers
    answers = {n: answer_of(numbers.columns(n), schema) for n in np.unique(population.column[rows]).tolist()}
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        words = [answers[word] for word in population.column[part].tolist()]
        labels = zip(population.items[part].tolist(), words, population.confidence[part].tolist(), strict=True)
        store.stage_labels(certificate.project, certificate.number, list(labels))
        if report(min(0.9, (start + BATCH) / len(rows)), ""):
            raise JobCancelled


def _touched(store: Store, project: int, seen: int, now: int) -> list[int]:
    """Items that people hold, or acted on since the log had `seen` events."""
    touched = store.live_items(project, now)
    while page := store.log(project, seen):
        seen = page[-1][0]
        touched += [e.item for _, e in page if e.kind in ACTS_ON_ITEMS and e.item is not None]
    return touched
