"""Put in force what an adjudicator said, and out of force what was taken back: the projection of such events."""

from collab.domain.annotation import Annotation, Event
from collab.domain.store import Store
from collab.domain.suspect import Adjudication, Verdict


def enforce(store: Store, event: Event) -> None:
    """Follow one event of the log; the item is to be settled afterwards, which says what is decided without it."""
    assert event.item is not None, "an adjudication names its item"
    if event.kind == "withdraw":
        _withdraw(store, event, event.item)
        return
    verdict: Verdict = event.payload.get("verdict", "keep")
    if verdict == "send":
        return
    if verdict == "discard":
        for each in store.current(event.item):
            store.set_current(event.item, each.annotator, None)
    answer = tuple(event.payload.get("answer", ()))
    store.set_adjudication(event.project, event.item, Adjudication(event.item, event.id, verdict, answer), event.at)


def forget(store: Store, project: int, item: int) -> None:
    """Take all that was said of an item at second looks out of force: its content was replaced."""
    store.set_adjudication(project, item, None)
    for said in store.second_looks(item):
        store.set_second_look(item, said.annotator, None)


def _withdraw(store: Store, event: Event, item: int) -> None:
    undone = store.event(event.target) if event.target else None
    assert undone is not None, "a withdrawal names the act that it takes back"
    if undone.payload.get("verdict") == "send":
        return
    speak = {said.annotator for said in store.current(item)}
    for number in undone.payload.get("removed", ()):
        said = store.event(number)
        if said is not None and said.actor not in speak:  # else they have answered anew
            store.set_current(item, said.actor, Annotation.from_event(said))
    earlier = undone.payload.get("previous")
    before = store.event(earlier) if earlier else None
    restored = None
    if before is not None:
        answer = tuple(before.payload.get("answer", ()))
        restored = Adjudication(item, before.id, before.payload.get("verdict", "keep"), answer)
    store.set_adjudication(event.project, item, restored, event.at)
