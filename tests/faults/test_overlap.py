"""Fifty people ask and answer at once: each item gets the answers that the policy wants of it, and no more."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from collab.domain.annotation import Annotation, answers_wanted
from collab.jobs.running import now_ms
from collab.loop import annotating, handing_out
from tests.faults.crowd import make_project, projections, rebuilt
from tests.storage.conftest import Open, migrated, reopen  # noqa: F401  # both databases

pytestmark = pytest.mark.slow

PEOPLE, ITEMS, MOST = 50, 120, 3


def test_fifty_people_at_once_give_no_item_more_answers_than_are_wanted(reopen: Open) -> None:  # noqa: F811  # the fixture
    store = reopen()
    project = make_project(
        store, items=ITEMS, overlap_share=0.4, overlap=2, answers_most=MOST, repeat_every=0, blind_share=0.0
    )
    truth = store.truth(project.id)

    def label(number: int) -> None:
        name, idle, rng = f"person {number}", 0, np.random.default_rng(number)
        while idle < 3:
            asks = handing_out.hand_out(
                store, project, name, name, want=2, have=[], on_screen=None, ranking=0, now=now_ms()
            ).asks
            idle = 0 if asks else idle + 1
            for ask in asks:
                said = truth[ask.item] if rng.random() < 0.7 else ("plus",)
                act = Annotation(annotating.new_id(), project.id, ask.item, name, "answer", 0, said, ask.id)
                annotating.submit(store, act, name, now_ms())

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(label, range(PEOPLE)))
    events = [event for _, event in store.log(project.id, 0, 10_000)]
    given = Counter(event.item for event in events)
    assert max(Counter((event.item, event.actor) for event in events).values()) == 1
    said = {item: {event.payload["answer"][0] for event in events if event.item == item} for item in given}
    assert {
        item: n for item, n in given.items() if n != (MOST if len(said[item]) > 1 else answers_wanted(project, item))
    } == {}
    assert 0.25 < np.mean([n > 1 for n in given.values()]) < 0.55
    assert {store.items([item])[item].state for item in given} == {"decided"}
    assert projections(store, project.id) == rebuilt(store, project.id)
