"""The disk says no while people label: the card hears why, nothing is lost, and it works again when mended."""

import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from collab.domain.store import Store
from collab.storage.database import SqlStore
from collab.ui.routes import routes
from tests.driving import Person, Refusal, free_port, running_app, wait_for
from tests.faults.crowd import Crowd, projections, rebuilt, times_in_log

pytestmark = pytest.mark.slow


@pytest.fixture
def person(store: Store) -> Iterator[Person]:
    """Somebody with asks before them; the route runs in this process, over the test's own store."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes(store)), port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started, 20)
    (project,) = store.projects()
    someone = Person.of(store, port, "Ann", project.id)
    someone.sync()
    yield someone
    someone.close()
    server.should_exit = True
    thread.join()


def test_a_database_locked_by_another_program_is_told_and_saves_once_it_lets_go(
    workspace: Path, person: Person
) -> None:
    answer = person.answer(("plus",))
    with another_program(workspace / "collab.db"):
        with pytest.raises(Refusal, match=r"503: .*collab\.db is busy: a long step"):
            person.sync()
        assert person.outbox == [answer]
    person.sync()
    assert person.acked == [answer["id"]]


def test_a_read_only_database_is_told_and_saves_once_it_can_be_written(store: SqlStore, person: Person) -> None:
    answer = person.answer(("plus",))
    pragma(store, "query_only=1")
    with pytest.raises(Refusal, match=r"503: .*collab\.db can't be written\. Give this account write access"):
        person.sync()
    assert person.outbox == [answer]
    pragma(store, "query_only=0")
    person.sync()
    assert person.acked == [answer["id"]]


def test_a_full_disk_is_told_and_saves_once_there_is_space(store: SqlStore, person: Person) -> None:
    pragma(store, "max_page_count=1")
    with pytest.raises(Refusal, match=r"503: No space is left for .*collab\.db\. Free some space"):
        answer_on(person, 3000)
    waiting, saved = [each["id"] for each in person.outbox], list(person.acked)
    pragma(store, "max_page_count=1000000")
    person.sync()
    assert person.acked == [*saved, *waiting]
    assert times_in_log(store, 1, person.acked) == {1: len(person.acked)}
    assert projections(store, 1) == rebuilt(store, 1)


def test_a_disk_that_takes_no_more_loses_nothing_that_was_saved(
    workspace: Path, store: Store, crowd: Callable[[int], Crowd]
) -> None:
    with running_app(workspace) as app:
        app.wait_until_ready()
        people = crowd(app.port)
        people.go_on(10)
        limits = resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        wait_for(lambda: people.refusals, 60)
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, limits)
        people.go_on(30)
        people.end()
    assert {refusal.status for refusal in people.refusals} == {503}
    assert times_in_log(store, people.project, people.acked) == {1: len(people.acked)}
    assert store.check_chain(people.project) >= len(people.acked)
    assert projections(store, people.project) == rebuilt(store, people.project)


@contextmanager
def another_program(database: Path) -> Iterator[None]:
    """A program that holds the database's write lock; within one process SQLite would not see it."""
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')"
    arguments = [sys.executable, "-c", f"{script}; print('locked', flush=True); sys.stdin.read()", str(database)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield
        program.communicate()


def pragma(store: SqlStore, setting: str) -> None:
    """Set what stands for the trouble on the one connection that requests, one after the other, share."""
    with store.connection() as connection:
        connection.exec_driver_sql(f"PRAGMA {setting}")


def answer_on(person: Person, answers: int) -> None:
    """Answer and send, one by one."""
    for _ in range(answers):
        person.answer(("plus",))
        person.sync()
