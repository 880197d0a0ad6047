import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import sqlalchemy as sa

from collab.domain.access import AccessEntry, Person
from collab.domain.annotation import Annotation
from collab.errors import Concealed, Forbidden, InvalidAnswer, StoreFull
from collab.loop import annotating, looking
from collab.loop.permitting import Desk
from collab.loop.sharing import Sharing
from tests.loop.conftest import NOW


@pytest.fixture
def commits(store):
    """One entry for each commit from here on."""
    made = []
    sa.event.listen(store._engine, "commit", made.append)
    return made


@pytest.fixture
def at_once(store):
    """Has pieces of work wait for the same commit; returns what each of them came to."""

    def wait_for_all(project, *pieces):
        sharing, held, enough = Sharing(store), threading.Event(), threading.Event()

        def keep_waiting():
            with store.transaction():
                held.set()
                enough.wait(10)

        with ThreadPoolExecutor(1) as other:
            other.submit(keep_waiting)
            held.wait(10)
            futures = [sharing.do(project, piece) for piece in pieces]
            enough.set()
        return [future.exception(10) or future.result() for future in futures]

    return wait_for_all


@pytest.fixture
def answers(loop):
    """Eight answers of two people, each to be submitted by a call."""
    signs = loop(items=8, mark=0, annotations_per_item=2)
    return signs, [
        partial(
            annotating.submit,
            signs.store,
            Annotation(f"{who} {ask.item}", signs.project.id, ask.item, who, "answer", 0, ("plus",), ask.id),
            ask.token,
            NOW,
        )
        for who in ("Ada", "Bo")
        for ask in signs.hand(who, want=4).asks
    ]


def logged(signs):
    return [event.id for _, event in signs.store.log(signs.project.id)]


def test_answers_that_wait_at_the_same_moment_share_a_commit(answers, at_once, commits):
    signs, submits = answers
    before = len(commits)
    assert at_once(signs.project.id, *submits) == ["stored"] * 8
    assert len(commits) - before == 2  # theirs, and that of whoever kept them waiting
    assert len(logged(signs)) == 8


def test_an_answer_that_is_refused_undoes_itself_alone(answers, at_once):
    signs, submits = answers

    def bad():
        submits[1]()
        raise InvalidAnswer("maybe", ("plus", "minus"))

    told = at_once(signs.project.id, submits[0], bad, *submits[2:])
    assert [type(each) for each in told] == [str, InvalidAnswer, *[str] * 6]
    assert len(logged(signs)) == 7
    assert submits[1]() == "stored"


def test_a_commit_that_fails_acknowledges_nobody_and_a_resend_stores_once(answers, at_once, store):
    signs, submits = answers
    full = iter((False, True))  # first comes the commit of whoever kept them waiting

    def fail(_):
        if next(full, False):
            raise StoreFull("collab.db")

    sa.event.listen(store._engine, "commit", fail)
    assert [type(each) for each in at_once(signs.project.id, *submits)] == [StoreFull] * 8
    assert logged(signs) == []
    assert at_once(signs.project.id, *submits, *submits) == ["stored"] * 8 + ["known"] * 8
    assert len(logged(signs)) == 8


def test_work_that_is_broken_off_keeps_nobody_waiting(answers, at_once):
    signs, submits = answers

    def broken():
        raise SystemExit

    told = at_once(signs.project.id, broken, submits[0])
    assert [type(each) for each in told] == [RuntimeError, RuntimeError]
    assert isinstance(told[0].__cause__, SystemExit)
    sharing = Sharing(signs.store)
    assert isinstance(sharing.do(signs.project.id, broken).exception(10), RuntimeError)
    assert sharing.do(signs.project.id, submits[0]).result(10) == "stored"


def test_an_attempt_by_whom_the_project_is_not_there_for_is_noted_once_and_stays(answers, at_once, store):
    signs, submits = answers
    store.set_sign_in_way("accounts")
    store.save_person(Person("Eve"))
    store.start_session("of Eve", "Eve", NOW, 10**15)
    look = partial(looking.project, Desk(store, "Eve", "of Eve"), signs.project.id)
    full = iter((False, True))

    def fail(_):
        if next(full, False):
            raise StoreFull("collab.db")

    sa.event.listen(store._engine, "commit", fail)
    assert isinstance(at_once(signs.project.id, look, submits[0])[0], StoreFull)
    assert noted(store, "looking.project") == []
    assert [type(each) for each in at_once(signs.project.id, look, look, submits[0])] == [Concealed, Concealed, str]
    assert noted(store, "looking.project") == ["refused"]


def test_the_note_of_a_refused_attempt_stays(answers, at_once, store):
    signs, submits = answers

    def forbidden():
        store.note(AccessEntry(NOW, "Bo", "refused", "annotating.submit", signs.project.id))
        raise Forbidden("annotate")

    assert isinstance(at_once(signs.project.id, forbidden, *submits)[0], Forbidden)
    assert noted(store, "annotating.submit") == ["refused"]


def noted(store, what):
    return [entry.act for _, entry in store.accesses() if entry.what == what]
