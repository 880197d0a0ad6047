"""Acts on certificates as events of the log, and what a rebuild makes of them."""

from dataclasses import asdict, replace
from typing import Literal

from collab.domain.annotation import Event
from collab.domain.certificate import Certificate
from collab.domain.plain import typed
from collab.domain.store import Store

Act = Literal["freeze", "judge", "sign", "give up", "withdraw", "revoke"]


def record(store: Store, act: Act, after: Certificate, by: str, event_id: str, now: int) -> None:
    """Log an act with the certificate as it stands after it, inside the caller's transaction.

    What the act does to items and labels is up to the caller, who has made sure that the event is a new one.
    """
    payload = {"act": act, "certificate": asdict(after)}
    version = after.schema_version
    store.append(Event(event_id, after.project, "certificate", by, now, schema_version=version, payload=payload))
    store.save_certificate(after)


def replay(store: Store, event: Event) -> None:
    """Bring certificates and machine decisions up to one event of the kind "certificate".

    What a certificate drew or gave back is no projection: it stays as it is, and so does what checks have found.
    """
    after = typed(Certificate, event.payload["certificate"])
    today = next((c for c in store.certificates(after.project) if c.number == after.number), None)
    if today is not None:
        after = replace(after, watch=today.watch)
    store.save_certificate(after)
    match event.payload["act"]:
        case "sign":
            store.apply_labels(after.project, after.number, event.at)
        case "give up" | "withdraw" | "revoke":
            store.drop_labels(after.project, after.number)
