"""Acts on certificates and on norming rounds as events of the log, and what a rebuild makes of them."""

from dataclasses import asdict, replace
from typing import Literal

from collab.domain.annotation import Annotation, Decision, Event
from collab.domain.certificate import Certificate
from collab.domain.norming import Norming
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


def replay_norming(store: Store, event: Event) -> tuple[int, ...]:
    """Bring rounds up to one event of the kind "norming"; returns the items that are to be settled anew.

    What each person said last, blind or after the discussion, comes in force when the round is closed, but where they
    have answered elsewhere since.
    """
    said, project = event.payload, event.project
    if said.get("stage") == "remark":
        if event.item is not None:
            store.keep_remark(project, said["number"], event.item, event.id)
        return ()
    before = next((n for n in store.normings(project) if n.number == said["number"]), None)
    items = tuple(said["items"])
    by, at = (event.actor, event.at) if before is None else (before.by, before.at)
    norming = Norming(project, said["number"], said["stage"], items, by, at)
    store.save_norming(norming)
    if norming.stage != "closed":
        return ()
    last = {(n.item, n.annotator): n.event for n in store.normed(project, norming.number)}
    for (item, annotator), answer in last.items():
        given = store.event(answer)
        mine = next((a for a in store.current(item) if a.annotator == annotator), None)
        if given is None or (given.kind == "answer" and not given.payload.get("answer")):
            continue  # it was erased
        if mine is None or mine.at <= given.at:
            store.set_current(item, annotator, Annotation.from_event(given))
    return items


def forget_several(store: Store, project: int, item: int) -> None:
    """Forget what was concluded of content that was replaced, and what rounds were told of it."""
    store.set_aggregated(project, [Decision(item, (), "aggregated")])
    for norming in store.normings(project):
        for said in store.normed(project, norming.number):
            if said.item == item:
                store.set_normed(norming, item, said.annotator, said.after, None)
