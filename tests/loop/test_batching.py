import uuid
from dataclasses import replace

import pytest

from collab.domain.access import AccessFilter
from collab.domain.annotation import Annotation
from collab.domain.project import LoopPolicy
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.domain.suspect import Suspect
from collab.errors import AuditsAmong, Conflict, InvalidAnswer, TooLarge, UnknownName
from collab.loop import adjudicating, annotating, batching, rebuilding
from tests.conftest import MakeProject
from tests.loop.conftest import NOW
from tests.loop.test_adjudicating import Reviewer


@pytest.fixture
def project(store, make_project: MakeProject):
    return make_project(40, mark=0.1)


@pytest.fixture
def free(store, project):
    """Items that may be answered."""
    return [row.item for row in store.pool(project.id) if not row.reserved]


def begin(store, project, items, answer=("Yes",), by="lee", batch=None):
    return batching.begin(store, project, items, answer, by, batch or str(uuid.uuid4()), "by hand", NOW)


def finish(store, project, made):
    return list(batching.whole(store, project, made.id, made.annotator, NOW))[-1]


def say(store, project, item, choice="No", by="ann"):
    said = Annotation(str(uuid.uuid4()), project.id, item, by, "answer", NOW, (choice,))
    annotating.submit(store, said, "", NOW)
    return said


def test_a_batch_answers_what_nobody_has_answered_and_says_that_it_was_one(store, project, free):
    say(store, project, free[0])
    say(store, project, free[1], by="lee")
    reach = batching.reach(store, project, free[:10], "lee")
    assert (reach.free, reach.mine, reach.others) == (tuple(free[2:10]), 1, 1)

    done = finish(store, project, begin(store, project, free[:10]))

    assert (done.status, done.answered, done.share) == ("done", 8, 1.0)
    events = [event for _, event in store.log(project.id) if event.batch == done.id]
    assert [event.item for event in events] == free[2:10]
    said = Annotation.from_event(events[0])
    assert (said.purpose, said.answer, said.annotator, said.seconds, said.by_coin) == (
        "bulk",
        ("Yes",),
        "lee",
        None,
        False,
    )
    assert [store.decision(item).answer for item in free[:3]] == [("No",), ("No",), ("Yes",)]


def test_no_count_of_work_and_no_distance_of_repeats_counts_a_batch(store, project, free):
    audit = next(row.item for row in store.pool(project.id) if row.reserved)
    for n, item in enumerate((audit, free[0])):
        said = Annotation(str(uuid.uuid4()), project.id, item, "lee", "answer", NOW, ("No",))
        annotating.submit(store, said, "", NOW - 9 + n)
    finish(store, project, begin(store, project, free[1:9]))
    assert (store.answers_since(project.id, NOW - 9, "lee"), store.answers_since(project.id, NOW - 8)) == (2, 1)
    assert store.answers_by_annotator(project.id) == [("lee", 2)]
    assert [store.add_repeat(project.id, "lee", between, "blind") for between in (2, 1)] == [False, True]


def test_a_batch_is_taken_back_as_one_but_for_what_was_changed_since(store, project, free):
    done = finish(store, project, begin(store, project, free[:6]))
    changed = say(store, project, free[2], by="lee")
    say(store, project, free[3], by="ann")

    batching.take_back(store, project, done.id, "lee", NOW)
    undone = finish(store, project, done)

    assert (undone.status, undone.taken_back) == ("undone", 5)
    assert [a.id for a in store.current(free[2])] == [changed.id]
    assert [a.annotator for a in store.current(free[3])] == ["ann"]
    assert [store.decision(item) for item in (free[0], free[5])] == [None, None]
    with pytest.raises(Conflict):
        batching.take_back(store, project, done.id, "lee", NOW)
    before = [(store.decision(item), store.items([item])[item].state) for item in free]
    rebuilding.rebuild(store, project.id)
    assert [(store.decision(item), store.items([item])[item].state) for item in free] == before


def test_another_lead_goes_on_with_a_batch_and_takes_it_back(store, project, free, monkeypatch):
    monkeypatch.setattr(batching, "STEP_SECONDS", 60.0)  # this machine may be busy
    made = begin(store, project, free[:4])
    batching.step(store, project, made.id, "lee", NOW, 2)

    assert batching.step(store, project, made.id, "max", NOW).answered == 4
    assert [store.current(item)[0].annotator for item in free[:4]] == ["lee"] * 4
    batching.take_back(store, project, made.id, "max", NOW)
    assert batching.step(store, project, made.id, "max", NOW).taken_back == 4
    assert [store.current(item) for item in free[:4]] == [[]] * 4
    noted = store.accesses(project.id, AccessFilter(person="max"))
    assert sorted(entry.what for _, entry in noted) == ["finish batch", "finish batch", "take back batch"]


def test_a_batch_leaves_alone_what_its_author_flagged_or_put_off(store, project, free):
    for item, kind in zip(free, ("flag", "later"), strict=False):
        said = Annotation(str(uuid.uuid4()), project.id, item, "lee", kind, NOW)
        annotating.submit(store, said, "", NOW)
    reach = batching.reach(store, project, free[:3], "lee")
    assert (reach.free, reach.aside) == ((free[2],), 2)
    assert finish(store, project, begin(store, project, free[:3])).answered == 1
    assert [store.current(item)[0].kind for item in free[:2]] == ["flag", "later"]


def test_what_a_batch_answered_waits_where_others_must_answer_too(store, make_project: MakeProject):
    project = make_project(6, policy=LoopPolicy(annotations_per_item=2))
    free = [row.item for row in store.pool(project.id) if not row.reserved]
    done = finish(store, project, begin(store, project, free))
    assert batching.waiting(store, project, done) == len(free)
    say(store, project, free[0], "Yes")  # decided
    say(store, project, free[1], "No")  # disputed
    assert batching.waiting(store, project, done) == len(free) - 2
    assert batching.waiting(store, replace(project, policy=LoopPolicy()), done) == 0


def test_what_was_cut_off_is_gone_on_with_or_taken_back(store, project, free, monkeypatch):
    monkeypatch.setattr(batching, "STEP_SECONDS", 60.0)  # this machine may be busy
    first, second = begin(store, project, free[:5]), begin(store, project, free[5:10])
    assert [batching.step(store, project, each.id, "lee", NOW, 2).at for each in (first, second)] == [2, 2]

    assert begin(store, project, [], batch=first.id).items == first.items
    assert finish(store, project, first).answered == 5
    assert batching.take_back(store, project, second.id, "lee", NOW).share == 0
    assert batching.step(store, project, second.id, "lee", NOW, 1).share == 0.5
    undone = finish(store, project, second)

    assert (undone.answered, undone.taken_back) == (2, 2)
    assert [len(store.current(item)) for item in free[:10]] == [1] * 5 + [0] * 5
    assert {each.status for each in batching.batches(store, project)} == {"done", "undone"}


def test_audits_and_other_projects_items_are_refused_and_nothing_is_answered(store, project, free, make_project):
    audit = next(row.item for row in store.pool(project.id) if row.reserved)
    other = make_project(1, name="Other")
    strange = store.pool(other.id)[0].item
    for items, answer, error in (
        ([free[0], audit], ("Yes",), AuditsAmong), ([free[0], strange], ("Yes",), UnknownName),
        ([free[0], 10**9], ("Yes",), UnknownName), (free[:1], ("Maybe",), InvalidAnswer),
        ([free[0]] * (batching.MOST + 1), ("Yes",), TooLarge),
    ):  # fmt: skip
        with pytest.raises(error):
            begin(store, project, items, answer)
    with pytest.raises(AuditsAmong, match="kept for audits"):
        batching.reach(store, project, [audit], "lee")
    with pytest.raises(UnknownName):
        batching.step(store, project, "no such batch", "lee", NOW)
    assert store.progress(project.id).decided == 0


def test_an_item_that_became_an_audit_meanwhile_is_left_alone(store, project, free):
    made = begin(store, project, free[:3])
    store.draw_audits(project.id, 1, [free[1]], 1, "random")
    assert finish(store, project, made).answered == 2
    assert store.current(free[1]) == []


def test_an_item_that_holds_something_else_since_it_was_chosen_is_left_alone(store, project, free):
    made = begin(store, project, free[:3])
    opened = store.begin_import(project.id, "more.csv", "update", NOW)
    row = NewItem("new", {"text": "something else"}, "f" * 64, 0.5)
    store.replace_item(opened, free[1], row, reopen=False)
    store.finish_import(opened, ImportReport(), 0.1, 500, NOW)

    done = finish(store, project, made)

    assert (done.answered, done.left, done.seen) == (2, 1, ())
    assert store.batch(project.id, made.id) == done
    assert [len(store.current(item)) for item in free[:3]] == [1, 0, 1]


def test_an_undone_batch_stays_so_where_a_discard_of_its_answer_is_withdrawn(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, repeat_every=0)
    store, project = signs.store, signs.project
    some = [row.item for row in store.pool(project.id) if not row.reserved][:2]
    made = finish(store, project, begin(store, project, some, ("plus",)))
    store.put_suspects(project.id, ("error",), [Suspect(some[0], "error", 0.9)], signs.now)
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    adjudicating.discard(store, project.id, some[0], "Rex", "discard", signs.now)

    batching.take_back(store, project, made.id, "lee", signs.now)
    assert finish(store, project, made).taken_back == 1
    rex.withdraw("discard")

    for _ in range(2):
        assert [store.decision(item) for item in some] == [None, None]
        assert [store.current(item) for item in some] == [[], []]
        rebuilding.rebuild(store, project.id)
