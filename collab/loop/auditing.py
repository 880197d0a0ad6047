"""Certificates from the first click to the last: forecast, begun, signed, given up, withdrawn, revoked.

What takes long, to freeze and to sign, is a job; no model is loaded here, for pages import it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import floor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from collab.domain.certificate import OPEN, Certificate, CertificateStatus, Reason, Terms
from collab.domain.project import LabelSchema, Project
from collab.domain.run import SHOWN_FROM, Job, Round
from collab.domain.store import Store
from collab.engine.certifying import ROUNDING, least_audits, spent
from collab.engine.forecasting import Forecast, forecast
from collab.errors import Conflict, UnknownName
from collab.loop.annotating import new_id
from collab.loop.drawing import read_population
from collab.loop.measuring import model_name
from collab.loop.permitting import needs
from collab.loop.replaying import record

QUANTILES = 501
"""So many confidences stand for a pool of any size."""
TIMES = (1, 2, 4)
"""Forecasts are made for the audits that were chosen, and for so many times as many."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a certificate is expected to hand to the machine, and what more audits would buy."""

    forecasts: tuple[Forecast, ...]
    """For the audits of the terms, twice and four times as many; not more than there are items."""
    n: int
    """Audits of the reserve that the forecast stands on."""
    items: int
    """Items that nobody had answered at the last look."""
    spent: float
    """The doubt that the next certificate may spend."""
    least: int
    """Fewer audits at or above a threshold can't certify it, even if not one of them is wrong."""
    model: str


@dataclass(frozen=True, slots=True)
class TooFew:
    """Nothing can be forecast yet."""

    n: int
    """Audits of the reserve that are answered."""
    needed: int
    """From so many on there is a forecast."""
    items: int
    """Items that nobody had answered at the last look; with none left there is nothing to forecast."""


@needs("lead")
def outlook(store: Store, project_id: int, terms: Terms) -> Outlook | TooFew:
    """Forecast a certificate under these terms from the audits of the reserve; bounds of critical classes left out."""
    known = store.figures(project_id, "outlook")
    if known is None:
        return TooFew(0, SHOWN_FROM, store.progress(project_id).items)
    if len(known["correct"]) < SHOWN_FROM or not known["items"]:
        return TooFew(len(known["correct"]), SHOWN_FROM, known["items"])
    doubt = doubt_of(terms, len(store.certificates(project_id)) + 1, store.project(project_id).schema)
    found = forecast(
        np.asarray(known["confidence"], np.float64),
        np.asarray(known["correct"], bool),
        np.asarray(known["pool"], np.float64),
        terms.epsilon,
        doubt,
        terms.promise,
        audits=tuple(dict.fromkeys(min(times * terms.audits, known["items"]) for times in TIMES)),
        items=known["items"],
    )
    least = least_audits(terms.epsilon, doubt, known["items"])
    return Outlook(found, len(known["correct"]), known["items"], doubt, least, known["model"])


def outlook_of(
    confidence: npt.ArrayLike, correct: npt.ArrayLike, pool_confidence: npt.ArrayLike, model: str
) -> Mapping[str, Any]:
    """What `outlook` needs to know of a round, as plain values.

    Args:
        confidence: Of the answered audits' best class, shape (n,).
        correct: Whether the answer is that class, shape (n,).
        pool_confidence: Of all items that a certificate could be about, shape (n_items,).
        model: Version and revision.
    """
    pool = np.asarray(pool_confidence, np.float64)
    shares = np.linspace(0, 1, min(len(pool), QUANTILES))
    return {
        "confidence": np.asarray(confidence, np.float64).round(6).tolist(),
        "correct": np.asarray(correct, bool).tolist(),
        "pool": np.quantile(pool, shares).round(6).tolist() if len(pool) else [],
        "items": len(pool),
        "model": model,
    }


def doubt_of(terms: Terms, number: int, schema: LabelSchema) -> float:
    """The doubt that each bound of a certificate may spend: that on its errors, and one for each critical class."""
    return spent(terms.delta, number) / (1 + len(critical(schema)))


def critical(schema: LabelSchema) -> tuple[int, ...]:
    """Columns of the critical classes."""
    return tuple(i for i, c in enumerate(schema.classes) if c.critical and not c.retired)


@needs("lead", own="by")
def begin(store: Store, project_id: int, terms: Terms, by: str, now: int) -> Job:
    """Ask for a certificate: a job freezes the model and the items that are left, and draws the audits.

    Raises:
        Conflict: It can't be had now; the message says what to do first.
    """
    check_ready(store, store.project(project_id), terms)
    job = store.submit_job("freeze", project_id, asdict(terms), by, now)
    if job.payload != asdict(terms):
        raise Conflict(f"{job.requested_by} is freezing another certificate just now. Look at it, then choose again.")
    return job


def check_ready(store: Store, project: Project, terms: Terms) -> Round:
    """The round whose head can be frozen. Raises `Conflict` where a certificate can't be had now."""
    for certificate in store.certificates(project.id):
        if certificate.status in OPEN:
            raise Conflict(f"Certificate {certificate.number} is not over yet: sign it or give it up first.")
    if store.progress(project.id).reading < 1:
        raise Conflict("Not every item has been read by the model yet. Wait until all are, then freeze.")
    last = store.last_round(project.id)
    model = next((m for m in store.models(project.id) if last is not None and m.id == last.model), None)
    if last is None or last.strength == 0 or model is None:
        raise Conflict("There is no model to freeze yet: answer items of at least two classes first.")
    if (model.encoder, model.head) != (model_name(store, project), project.policy.head):
        raise Conflict(
            "The model was changed, in the settings or by an import, and hasn't learned yet. Wait for its first round."
        )
    left = len(store.remaining(project.id, limit=terms.audits + 1))
    if left <= terms.audits:
        raise Conflict(
            f"Only {left} items are left that nobody has seen, too few for {terms.audits} audits and for something to "
            "label. Choose fewer audits, or import more items."
        )
    return last


@needs("lead", own="by")
def sign(store: Store, project_id: int, number: int, by: str, now: int) -> Job:
    """Ask for the machine's labels: a job checks the promise once more and brings them in force, all or none.

    Raises:
        Conflict: The certificate isn't one that can be signed.
    """
    one_of(store, project_id, number, "certified")
    return store.submit_job("sign", project_id, {"number": number}, by, now)


@needs("lead", own="by")
def begin_withdrawal(store: Store, project_id: int, number: int, by: str, now: int) -> Job:
    """Ask for all machine labels of a certificate to be taken back: a job does it, for they may be many.

    Raises:
        Conflict: It isn't signed.
    """
    one_of(store, project_id, number, "signed")
    return store.submit_job("withdraw", project_id, {"number": number}, by, now)


@needs("lead", own="by")
def give_up(store: Store, project_id: int, number: int, by: str, event_id: str, now: int) -> None:
    """End a certificate that nobody has signed; audits that nobody has answered go back to the others.

    Raises:
        Conflict: It is over, or signed.
    """
    _end(store, project_id, number, "give up", by, event_id, now)


def withdraw(store: Store, project_id: int, number: int, by: str, event_id: str, now: int) -> None:
    """Take all machine labels of a signed certificate back; what people have decided stands.

    Raises:
        Conflict: It isn't signed.
    """
    _end(store, project_id, number, "withdraw", by, event_id, now)


def revoke(store: Store, project_id: int, number: int, reason: Reason, now: int) -> None:
    """End an open or signed certificate because something that it rests on no longer holds.

    Raises:
        Conflict: It is over.
    """
    _end(store, project_id, number, "revoke", "", new_id(), now, reason)


def revoke_all(store: Store, project_id: int, now: int, only: CertificateStatus | None = None) -> None:
    """Revoke whatever certificates there are, because the classes mean something else now; or those of one status."""
    for each in (c for c in _in_force(store, project_id) if only in (None, c.status)):
        revoke(store, project_id, each.number, "classes", now)


def revoke_edited(store: Store, project_id: int, items: Sequence[int], now: int) -> None:
    """Revoke the certificates that rest on one of these items, whose content was replaced."""
    for each in _in_force(store, project_id):
        if read_population(store, each).among(items).any():
            revoke(store, project_id, each.number, "edited", now)


def one_of(store: Store, project_id: int, number: int, *wanted: CertificateStatus) -> Certificate:
    """A certificate that has one of these statuses.

    Raises:
        UnknownName: There is none of that number.
        Conflict: It has another status.
    """
    found = next((c for c in store.certificates(project_id) if c.number == number), None)
    if found is None:
        raise UnknownName("certificate", number)
    if found.status not in wanted:
        raise Conflict(f"Certificate {number} is {found.status} by now; look at it again.")
    return found


def most_wrong(terms: Terms, labels: int, items: int) -> int:
    """The promise in counts: so many of the machine's labels, or of all frozen items, are wrong at most."""
    return floor(terms.epsilon * (labels if terms.promise == "machine" else items) + ROUNDING)


def _in_force(store: Store, project_id: int) -> list[Certificate]:
    return [c for c in store.certificates(project_id) if c.status in OPEN | {"signed"}]


_BEFORE: Mapping[str, frozenset[CertificateStatus]] = {
    "give up": OPEN,
    "withdraw": frozenset({"signed"}),
    "revoke": OPEN | {"signed"},
}
_AFTER: Mapping[str, CertificateStatus] = {"give up": "given up", "withdraw": "withdrawn", "revoke": "revoked"}


def _end(
    store: Store,
    project_id: int,
    number: int,
    act: Literal["give up", "withdraw", "revoke"],
    by: str,
    event_id: str,
    now: int,
    reason: Reason = "",
) -> None:
    with store.transaction():
        store.lock(project_id)
        if store.event(event_id) is not None:
            return  # the button was pressed twice
        before = one_of(store, project_id, number, *_BEFORE[act])
        after = replace(before, status=_AFTER[act], ended_by=by, ended_at=now, reason=reason)
        record(store, act, after, by, event_id, now)
        store.drop_labels(project_id, number)
        store.release_audits(project_id, number)
