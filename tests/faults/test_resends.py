"""Every act is sent twice at once, from two tabs of each person: what is in force is still what the log says."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from collab.domain.annotation import Annotation
from collab.jobs.running import now_ms
from collab.loop import annotating, handing_out
from tests.faults.crowd import make_project, projections, rebuilt
from tests.storage.conftest import Open, migrated, reopen  # noqa: F401  # both databases

pytestmark = pytest.mark.slow

TABS, ROUNDS = 6, 12
KINDS = ("answer", "answer", "answer", "later", "flag", "unsure", "unusable")


def test_acts_sent_twice_at_once_are_one_act_each(reopen: Open) -> None:  # noqa: F811  # the fixture
    store = reopen()
    project = make_project(store, items=200, annotations_per_item=2)

    def work(number: int) -> list[str]:
        mine, choice, person, tab = reopen(), random.Random(number), f"person {number // 2}", f"tab {number}"
        sent = []
        for _ in range(ROUNDS):
            handed = handing_out.hand_out(
                mine, project, person, tab, want=2, have=(), on_screen=None, ranking=0, now=now_ms()
            )
            for ask in handed.asks:
                kind = choice.choice(KINDS)
                answer = (choice.choice(("plus", "minus")),) if kind == "answer" else ()
                act = Annotation(annotating.new_id(), project.id, ask.item, person, kind, 0, answer, ask.id)
                list(twice.map(lambda copy: annotating.submit(copy[0], copy[1], tab, now_ms()), [(mine, act)] * 2))
                sent.append(act.id)
        return sent

    with ThreadPoolExecutor(2 * TABS) as twice, ThreadPoolExecutor(TABS) as tabs:
        sent = [act for each in tabs.map(work, range(TABS)) for act in each]
    logged = [event.id for _, event in store.log(project.id, 0, 10_000)]
    assert sorted(logged) == sorted(sent)
    kept = projections(store, project.id)
    assert rebuilt(store, project.id) == kept
    assert store.check_chain(project.id) == len(sent)
