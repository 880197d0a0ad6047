import dataclasses

import pytest
import sqlalchemy as sa

from collab.domain.annotation import Event
from collab.domain.store import Store
from collab.errors import StorageError, StoreCorrupt
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import answer_of


def event_of(project: int, name: str, **more: object) -> Event:
    return dataclasses.replace(Event(name, project, "flag", "ann", 5, payload={"note": "好\0 \ud800"}), **more)  # type: ignore[arg-type]  # by name


def test_an_event_is_read_back_and_numbered_from_one(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    first = Event("a", project, "policy", "ann", 5, batch="b", schema_version=3, payload={"seed": 1.5, "word": "好"})
    second = Event("c", project, "undo", "李雷", 6, item=1, ask=2, target="a")

    assert store.append(first)
    assert store.append(second)

    assert store.log(project) == [(1, first), (2, second)]
    assert store.log(project, after=1, limit=1) == [(2, second)]
    assert (store.event("c"), store.event("nobody's")) == (second, None)
    assert store.progress(project).events == 2


def test_a_resent_event_is_stored_once(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    store.append(event_of(project, "a"))

    assert not store.append(event_of(project, "a", at=99))

    assert [number for number, _ in store.log(project)] == [1]
    assert store.check_chain(project) == 1


def test_chains_of_projects_are_apart(store: Store, make_project: MakeProject) -> None:
    one, two = make_project(name="1").id, make_project(name="2").id

    for name, project in (("a", one), ("b", two), ("c", one)):
        store.append(event_of(project, name))

    assert (store.check_chain(one), store.check_chain(two)) == (2, 1)


@pytest.mark.parametrize("change", ["UPDATE event SET at = 6", "DELETE FROM event"])
def test_the_log_refuses_changes(store: SqlStore, make_project: MakeProject, change: str) -> None:
    project = make_project().id
    store.append(event_of(project, "a"))

    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        store.write(sa.text(change))

    assert store.check_chain(project) == 1


FORGERIES = (
    "UPDATE event SET at = 6 WHERE number = 2",
    "UPDATE event SET hash = 'x' WHERE number = 2",
    "UPDATE event_content SET content = replace(content, 'ann', 'bob') WHERE event = 'b'",
    "DELETE FROM event WHERE number = 3",
    "DELETE FROM event WHERE number = 2",
)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_chain_shows_a_forgery(store: SqlStore, make_project: MakeProject, forgery: str) -> None:
    project = make_project().id
    for name in "abc":
        store.append(event_of(project, name))
    _disarm(store)

    store.write(sa.text(forgery))

    with pytest.raises(StoreCorrupt):
        store.check_chain(project)
    with pytest.raises(StorageError):
        store.check(deep=True)


def test_an_event_may_be_told_anew_where_an_erasure_says_so(store: SqlStore, make_project: MakeProject) -> None:
    project = make_project().id
    store.append(event_of(project, "a", payload={"note": "call Ann"}))
    anew = event_of(project, "a", actor="erased 1", payload={"note": ""})

    told = store.retell(project, [(1, anew)])
    store.rename_person("ann", "erased 1")
    with pytest.raises(StoreCorrupt, match="was changed"):
        store.check_chain(project)
    store.append(event_of(project, "b", kind="erase", actor="cy", payload={"told": {"1": told[1]}}))

    assert store.check_chain(project) == 2
    assert store.event("a") == anew
    assert [number for number, _ in store.events_naming(project, "erased 1")] == [1]


@pytest.mark.parametrize(
    ("forgery", "says"),
    [
        ("DELETE FROM event_content WHERE event = 'b'", "event 2 .* nobody erased it"),
        ("DELETE FROM event_content WHERE event = 'a'", "event 1 .* isn't what its erasure has left"),
        ("UPDATE event_content SET content = replace(content, 'erased', 'bob') WHERE event = 'a'", "event 1 .* isn't"),
        ("UPDATE event_content SET content = replace(content, '\"1\"', '\"2\"') WHERE event = 'c'", "event"),
    ],
)
def test_no_other_change_than_an_erasure_passes(
    store: SqlStore, make_project: MakeProject, forgery: str, says: str
) -> None:
    project = make_project().id
    for name in "ab":
        store.append(event_of(project, name))
    told = store.retell(project, [(1, event_of(project, "a", actor="erased 1"))])
    store.append(event_of(project, "c", kind="erase", actor="cy", payload={"told": {"1": told[1]}}))
    assert store.check_chain(project) == 3

    store.write(sa.text(forgery))

    with pytest.raises(StoreCorrupt, match=says):
        store.check_chain(project)


@pytest.mark.parametrize("payload", [{"told": {"3": "0" * 64}}, {"told": {"2": ""}}, {"up_to": 2}])
def test_an_erasure_that_speaks_of_itself_or_of_what_comes_later_is_a_forgery(
    store: Store, make_project: MakeProject, payload: dict[str, object]
) -> None:
    project = make_project().id
    store.append(event_of(project, "a"))
    store.append(event_of(project, "b", kind="erase", payload=payload))
    store.append(event_of(project, "c"))
    with pytest.raises(StoreCorrupt, match=r"event 2 .* erases what came after it"):
        store.check_chain(project)


def test_annotations_are_listed_latest_first_by_person(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    item = store.pool(project)[0].item
    said = [
        answer_of(project, item, by=name, at=at, seconds=at / 2) for at, name in enumerate(["ann", "bob", "ann"], 1)
    ]
    for one in said:
        store.append(one.event())
    store.append(Event("p", project, "policy", "ann", 9))

    assert store.annotations(project) == [(3, said[2]), (2, said[1]), (1, said[0])]
    assert store.annotations(project, "ann", limit=1) == [(3, said[2])]
    assert store.annotations(project, "ann", before=3) == [(1, said[0])]
    for _ in range(2):
        store.append(dataclasses.replace(answer_of(project, item).event(), batch="many"))
    assert store.seconds(project, "ann", limit=2) == [1.5, 0.5]


def _disarm(store: SqlStore) -> None:
    """Take the triggers away, as somebody with the file in hand could."""
    sqlite = ("DROP TRIGGER event_update", "DROP TRIGGER event_delete", "PRAGMA foreign_keys=OFF")
    postgres = (
        "DROP TRIGGER event_change ON event",
        "ALTER TABLE event_content DROP CONSTRAINT fk_event_content_event",
    )
    with store.connection() as connection:
        for statement in sqlite if store.is_sqlite else postgres:
            connection.execute(sa.text(statement))
