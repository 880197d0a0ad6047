import pytest
import sqlalchemy as sa

from collab.domain.access import AccessEntry, Person
from collab.storage.database import SqlStore


@pytest.fixture
def noted(store: SqlStore) -> SqlStore:
    for at, who in ((5, "ann"), (9, "bo")):
        store.note(AccessEntry(at, who, "see", "list", 1, (1, 2)))
    return store


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_log SET at = 6",
        "UPDATE access_log SET person = 'bo'",
        "UPDATE access_log SET person = 'erased 1', items = '[]'",
        "DELETE FROM access_log",
    ],
)
def test_the_access_log_refuses_changes(noted: SqlStore, change: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        noted.write(sa.text(change))
    assert [(e.at, e.person, e.items) for _, e in noted.accesses()] == [(9, "bo", (1, 2)), (5, "ann", (1, 2))]


def test_erasing_takes_a_person_out_of_what_others_did_to_them(noted: SqlStore) -> None:
    noted.save_person(Person("bo", issuer="https://id", subject="sub 77"))
    noted.note(AccessEntry(11, "ann", "change", "account", detail={"account": "bo", "done": "add"}))
    noted.note(AccessEntry(12, "bo", "refused", "sign in", detail={"address": "10.0.0.7"}))
    noted.note(AccessEntry(13, "", "refused", "sign in", detail={"issuer": "https://id", "subject": "sub 77"}))
    noted.rename_person("bo", "erased 1")
    assert [(e.person, e.detail) for _, e in noted.accesses(limit=4)] == [
        ("", {"issuer": "https://id", "subject": "erased 1"}), ("erased 1", {}),
        ("ann", {"account": "erased 1", "done": "add"}), ("erased 1", {}),
    ]  # fmt: skip


def test_retention_alone_shortens_it_and_erasing_renames_in_it(noted: SqlStore) -> None:
    assert noted.shorten_access_log(9) == 1
    noted.rename_person("bo", "erased 1")
    assert [(e.at, e.person) for _, e in noted.accesses()] == [(9, "erased 1")]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        noted.write(sa.text("DELETE FROM access_log"))
