"""Two people ask and answer at once while rankings land: no item is ever under two live leases."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from collab.domain.annotation import Annotation, Ask
from collab.engine.encoders.text import encoder_of
from collab.jobs.running import now_ms
from collab.loop import annotating, handing_out
from collab.loop.retraining import Learner
from tests.faults.crowd import make_project
from tests.storage.conftest import Open, migrated, reopen  # noqa: F401  # both databases

pytestmark = pytest.mark.slow

ASKS = 300
DOUBLE = sa.text("SELECT item FROM ask WHERE lease_until > :now AND NOT done GROUP BY item HAVING count(*) > 1")


def test_no_item_is_under_two_live_leases(reopen: Open) -> None:  # noqa: F811  # the fixture
    store = reopen()
    project = make_project(store, items=1500, repeat_every=0)  # a repeat asks its item again
    truth, over = store.truth(project.id), threading.Event()

    def rank() -> None:
        mine = reopen()
        learner = Learner(mine, project.id, encoder_of("hashing"))
        while not over.is_set():
            learner.take_in()
            learner.round(now_ms())
            time.sleep(0.05)

    def label(name: str) -> list[int]:
        mine, seen, ranking, queue = reopen(), list[int](), 0, list[Ask]()
        for _ in range(ASKS):
            handed = handing_out.hand_out(
                mine, project, name, name, want=5, have=[a.id for a in queue],
                on_screen=None, ranking=ranking, now=now_ms(),
            )  # fmt: skip
            seen += [row.item for row in mine.rows(DOUBLE, {"now": now_ms()})]
            ranking, queue = handed.ranking, [*(a for a in queue if a.id not in handed.drop), *handed.asks]
            ask = queue.pop(0)
            answer = Annotation(annotating.new_id(), project.id, ask.item, name, "answer", 0, truth[ask.item], ask.id)
            annotating.submit(mine, answer, name, now_ms())
        return seen

    with ThreadPoolExecutor(3) as people:
        ranked = people.submit(rank)
        found = list(people.map(label, ("ann", "bob")))
        over.set()
        ranked.result()
    assert found == [[], []]
    events = [event for _, event in store.log(project.id, 0, 10_000)]
    assert len({event.item for event in events}) == len(events) == 2 * ASKS
