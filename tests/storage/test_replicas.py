"""Copies of the whole database, from both databases, and into an empty one."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from collab.domain.annotation import Decision
from collab.domain.store import Differing
from collab.errors import Conflict
from collab.storage.database import SqlStore, fill_store, open_store
from collab.storage.schema import metadata
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row
from tests.storage.conftest import _database, _url, answered, certificate_of


@pytest.fixture
def project(store: SqlStore, make_project: MakeProject) -> int:
    """A project with something in most tables."""
    made = make_project([row(1, "one", answer=("Yes",)), row(2, "two"), row(3, "thrée")], answers="decisions").id
    items = [each.item for each in store.pool(made)]
    store.index_text(made)
    store.put_asks(made, [ask_of(made, items[2])], 1, whole=True, overlap=1)
    answered(store, answer_of(made, items[1], note="a note"))
    store.save_certificate(certificate_of(made))
    store.put_figures(made, "f", {"a": [1, None, 0.1]}, 5)
    store.submit_job("export", made, {"what": "mine"}, "ann", 5)
    store.secret()
    return made


def rows_of(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table; the mark of the index apart, which is made anew."""
    found = {}
    for table in metadata.sorted_tables:
        columns = [c for c in table.columns if (table.name, c.name) != ("counter", "indexed")]
        found[table.name] = sorted(map(tuple, store.rows(sa.select(*columns))), key=repr)
    return found


def test_a_copy_holds_every_row_and_gives_no_number_twice(store: SqlStore, project: int, tmp_path: Path) -> None:
    gone = store.begin_import(project, "gone.csv", "nothing", 1)
    store.abandon_import(gone)
    store.copy_database(tmp_path / "copy" / "collab.db")
    copy = open_store(tmp_path / "copy")
    try:
        assert rows_of(copy) == rows_of(store)
        copy.check(deep=True)
        assert copy.heads() == store.heads()
        assert copy.begin_import(project, "next.csv", "nothing", 1) > gone
    finally:
        copy.close()


def test_a_database_elsewhere_is_filled_from_a_copy_unless_it_holds_something(
    store: SqlStore, project: int, tmp_path: Path, migrated: str
) -> None:
    store.copy_database(tmp_path / "copy.db")
    with _database("template0") as name:
        with pytest.raises(ZeroDivisionError), fill_store(tmp_path, _url(name), tmp_path / "copy.db"):
            raise ZeroDivisionError
        with fill_store(tmp_path, _url(name), tmp_path / "copy.db") as filled:  # what was raised has left nothing
            expected = rows_of(store)
            assert rows_of(filled) == expected
            assert filled.index_text(project) == 3
        opened = open_store(tmp_path, _url(name))
        try:
            assert rows_of(opened) == expected
            assert (
                opened.submit_job("encode", project, {}, "", 6).id == store.submit_job("encode", project, {}, "", 6).id
            )
            with pytest.raises(sa.exc.DBAPIError, match="append-only"):
                opened.write(sa.text("DELETE FROM event"))
        finally:
            opened.close()
        with (
            pytest.raises(Conflict, match="has tables already"),
            fill_store(tmp_path, _url(name), tmp_path / "copy.db"),
        ):
            pass


def test_what_differs_from_projections_that_were_set_aside_is_named(store: SqlStore, project: int) -> None:
    store.keep_projections(project)
    assert store.differing(project) == Differing()
    first, second, third = (each.item for each in store.pool(project))
    store.settle_item(project, third, "decided", Decision(third, ("No",), "agreement"), 9)
    store.set_current(second, "ann", None)
    store.save_certificate(certificate_of(project, status="withdrawn"))
    assert store.differing(project) == Differing((second, third), (1,), ("decided",))
    assert first not in store.differing(project).items
