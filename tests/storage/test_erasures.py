"""What erasing must know of the tables: a new one that it doesn't know fails here."""

import pytest
import sqlalchemy as sa

from collab.domain.annotation import Event
from collab.domain.project import Field
from collab.domain.store import ItemFilter, Store
from collab.storage import schema
from collab.storage.database import SqlStore
from collab.storage.erasures import WHO
from collab.storage.json_text import Json
from tests.conftest import MakeProject
from tests.samples import answer_of

NO_NAMES = frozenset(
    {
        "act", "answers", "code", "content", "definition", "digest", "encoder", "event", "first", "footing", "hash",
        "head", "id", "issuer", "kind", "lane", "language", "live", "message", "model", "name", "password", "purpose",
        "reason", "ref", "role", "salt", "source", "stage", "state", "status", "subject", "target", "batch", "token",
        "verdict", "what", "worker",
    }
)  # fmt: skip
"""Columns of text that hold no person's name, or are seen to where they stand: `actor`, `annotator` and the log."""


def test_every_column_of_text_is_known_to_hold_a_name_or_not() -> None:
    texts = {
        column.name
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.Text) and not isinstance(column.type, Json)
    }
    assert texts - NO_NAMES - WHO == set()


def test_a_name_goes_from_columns_and_from_what_is_written_in_them(store: SqlStore, make_project: MakeProject) -> None:
    project = make_project(2).id
    item = store.pool(project)[0].item
    said = answer_of(project, item, by="Zoe Quux")
    store.append(said.event())
    store.set_current(item, "Zoe Quux", said)
    store.put_figures(project, "work", {"by": [{"annotator": "Zoe Quux", "n": 3}], "Zoe Quux": 1}, 5)
    store.submit_job("export", project, {"what": "mine"}, "Zoe Quux", 5)
    store.count_attempt("digest of the name", 5)

    store.rename_person("Zoe Quux", "erased 1")

    assert store.figures(project, "work") == {"by": [{"annotator": "erased 1", "n": 3}], "erased 1": 1}
    assert [job.requested_by for job in store.jobs(project)] == ["erased 1"]
    assert store.answers_by_annotator(project) == [("erased 1", 1)]
    assert store.person("erased 1").erased
    assert store.scalar(sa.text("SELECT count(*) FROM attempt")) == 0


def test_an_erased_items_place_in_the_order_of_audits_stays_and_its_rank_tells_nothing(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(9, mark=0.5).id
    before = store.stream_items(project)
    ranked = sorted(before, key=lambda item: item.audit_rank)
    for erased in ranked:
        store.empty_item(project, erased.id)
    after = store.stream_items(project)
    assert [item.id for item in sorted(after, key=lambda item: item.audit_rank)] == [item.id for item in ranked]
    assert not {item.audit_rank for item in after} & {item.audit_rank for item in before}
    assert [item.audit_rank < 0.5 for item in after] == [item.audit_rank < 0.5 for item in before]
    assert {(item.state, item.fields == {}) for item in after} == {("unusable", True)}
    assert store.erased_items(project) == 9


@pytest.mark.parametrize("found", [True, False])
def test_the_words_of_an_erased_item_find_nothing(store: SqlStore, make_project: MakeProject, found: bool) -> None:
    project = make_project(3).id
    store.index_text(project)
    if not found:
        store.empty_item(project, store.pool(project)[1].item)
    assert store.find(project, ItemFilter(text="number 2", include_reserved=True))[1] == int(found)
    store.save_fields(project, [Field("text", personal=True)])  # goes through the index: what isn't in it is no fault
    assert store.find(project, ItemFilter(text="number 3", include_reserved=True))[1] == 0
    store.check(deep=True)


def test_a_purged_project_keeps_its_hashes_alone_and_the_database_is_written_anew(
    store: SqlStore, make_project: MakeProject
) -> None:
    project, other = make_project(3).id, make_project(2, name="Other").id
    store.index_text(project)
    said = answer_of(project, store.pool(project)[0].item, by="Zoe Quux")
    store.append(said.event())
    store.set_current(said.item, "Zoe Quux", said)
    store.delete_project(project, 5)

    store.purge_project(project, 6)
    store.append(Event("gone", project, "erase", "", 6, payload={"what": "project", "up_to": 1}))

    assert store.scrub()
    assert (store.check_chain(project), store.event(said.id).payload) == (2, {})
    assert store.deleted_projects() == ()
    assert len(store.stream_items(other)) == 2
    assert store.scalar(sa.text(f"SELECT count(*) FROM item WHERE project = {project}")) == 0
