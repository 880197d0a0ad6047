"""Follow certificates as answers come in: judge one whose audits are answered, and watch the labels of a signed one."""

from collections import Counter
from dataclasses import replace

import numpy as np

from collab.domain.certificate import Certificate, CertificateStatus, Missed, Verdict, Watch
from collab.domain.project import NONE, LabelSchema, Project
from collab.domain.store import Audit, Store
from collab.domain.task import answer_of
from collab.engine.betting import alarm
from collab.engine.certifying import Certified, TooFewAudits, limit_misses
from collab.engine.numbering import Numbering
from collab.loop.annotating import new_id
from collab.loop.auditing import critical, doubt_of, most_wrong, revoke
from collab.loop.drawing import Bools, read_population
from collab.loop.proving import Evidence, number_of
from collab.loop.replaying import record

GRACE_MS = 20_000
"""The verdict is final, so the last answer gets as long to be taken back."""

FALSE_ALARM = 0.05
"""Probability that labels which keep the promise are ever revoked by their checks."""


def follow(store: Store, project: Project, now: int) -> bool:
    """Judge what can be judged, and look at the checks; whether a verdict is due soon. Cheap without certificates."""
    soon = False
    for certificate in store.certificates(project.id):
        if certificate.status == "auditing":
            soon = _judge(store, project, certificate, now)
        elif certificate.status == "signed":
            _watch(store, project, certificate, now)
    return soon


def _judge(store: Store, project: Project, certificate: Certificate, now: int) -> bool:
    """Compute the verdict if all audits are answered or resolved; once, whatever is answered later.

    Returns:
        Whether all are, but the last answer is so fresh that it may still be taken back.
    """
    audits = store.certificate_audits(project.id, certificate.number, now)
    if any(_waits(audit) for audit in audits):
        return False
    if now - max(said.at for audit in audits for said in store.current(audit.item)) < GRACE_MS:
        return True
    evidence = Evidence.of(store, certificate, project.schema, audits)
    verdict = _verdict(certificate, project.schema, evidence)
    status: CertificateStatus = "refused" if verdict.threshold is None else "certified"
    with store.transaction():
        store.lock(project.id)
        today = store.certificate_audits(project.id, certificate.number, now)
        if [a.answer for a in today] != [a.answer for a in audits] or not _stands(store, certificate):
            return True  # somebody was quicker; the next look finds what they did
        evidence.keep(store, certificate)
        record(store, "judge", replace(certificate, status=status, verdict=verdict, judged_at=now), "", new_id(), now)
        if status == "refused":
            store.release_audits(project.id, certificate.number)
    return False


def _verdict(certificate: Certificate, schema: LabelSchema, evidence: Evidence) -> Verdict:
    """What the audits come to: no threshold below that of a critical class, none at all where such a class has none."""
    terms, pool, doubt = certificate.terms, evidence.population.confidence, _doubt(certificate, schema)
    bounds = {
        column: limit_misses(evidence.confidence, *evidence.of_class(column), pool, column, terms.miss_epsilon, doubt)
        for column in critical(schema)
    }
    least = max((b.threshold for b in bounds.values() if isinstance(b, Certified)), default=0.0)
    bounded = all(isinstance(b, Certified) for b in bounds.values())
    found = evidence.certified(certificate, schema, least) if bounded else None
    threshold = found.threshold if isinstance(found, Certified) else 0.0
    above = evidence.confidence >= threshold
    missed = tuple(
        _missed(schema.classes[column].id, column, bound, evidence, above) for column, bound in bounds.items()
    )
    errors = int(np.count_nonzero(above & (evidence.answers != evidence.predicted)))
    unresolved = int(np.count_nonzero(evidence.answers == -1))
    if not isinstance(found, Certified):
        more = None if found is None else found.more
        return Verdict(None, len(above), errors, unresolved, more=more, missed=missed)
    words = evidence.population.column[evidence.left(threshold)]
    labels = Counter[str]()
    for word, n in zip(*np.unique(words, return_counts=True), strict=True):
        labels.update(dict.fromkeys(answer_of(evidence.numbers.columns(int(word)), schema), int(n)))
    by_class = {c: labels[c] for c in (*(c.id for c in schema.classes), NONE) if labels[c]}
    most = most_wrong(terms, len(words), certificate.items)
    return Verdict(
        threshold, found.n_above, errors, unresolved, found.coverage, len(words), most, missed=missed, by_class=by_class
    )


def _missed(class_id: str, column: int, bound: Certified | TooFewAudits, evidence: Evidence, above: Bools) -> Missed:
    """Count the audits of a class that the machine would call another; it may have been each unresolved one."""
    answers, predicted = evidence.of_class(column)
    otherwise = predicted != column
    asked = (answers == column) | ((answers == -1) & otherwise)
    more = bound.more if isinstance(bound, TooFewAudits) else None
    missed = int(np.count_nonzero(asked & otherwise & above))
    return Missed(class_id, missed, int(np.count_nonzero(asked)), isinstance(bound, Certified), more)


def _doubt(certificate: Certificate, schema: LabelSchema) -> float:
    return doubt_of(certificate.terms, certificate.number, schema)


def _watch(store: Store, project: Project, certificate: Certificate, now: int) -> None:
    """Count the checks, and revoke where they show that the promise is broken.

    Only those before the first one that waits for its answer count: the alarm is sure of itself in one order alone.
    """
    errors, population = [], read_population(store, certificate)
    numbers = Numbering(project.schema.many, population.met)
    for check in store.certificate_audits(project.id, certificate.number, now, checks=True):
        if check.answer is not None:
            word = int(population.column[population.rows([check.item])[0]])
            errors.append(number_of(check, project.schema, numbers) != word)
        elif _waits(check):
            break
    watch = Watch(len(errors), sum(errors))
    if watch == certificate.watch:
        return
    with store.transaction():
        store.lock(project.id)
        if _stands(store, certificate):
            store.save_certificate(replace(certificate, watch=watch))
            if _alarmed(certificate, errors):
                revoke(store, project.id, certificate.number, "alarm", now)


def _waits(audit: Audit) -> bool:
    """Whether somebody will still be asked, or is just now."""
    return audit.answer is None and (audit.held or not audit.asked)


def _alarmed(certificate: Certificate, errors: list[bool]) -> bool:
    """Whether the labels are shown to hold more errors than were promised."""
    terms, labels = certificate.terms, certificate.labels
    share = terms.epsilon * (1.0 if terms.promise == "machine" else certificate.items / labels)
    return share < 1 and alarm(errors, share, FALSE_ALARM, labels) is not None


def _stands(store: Store, certificate: Certificate) -> bool:
    """Whether nobody has changed it meanwhile."""
    return certificate in store.certificates(certificate.project)
