import dataclasses

import pytest

from collab.domain.project import Field, LabelClass, LabelSchema, LoopPolicy
from collab.domain.store import Store
from collab.errors import Conflict, UnknownName
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import YES_NO


def test_annotators_are_listed_once_in_the_order_in_which_they_came(store: Store) -> None:
    for name in ("mia", "李雷", "mia"):
        store.add_annotator(name)

    assert store.annotators() == ("mia", "李雷")


def test_a_project_is_read_back_as_it_was_made(store: Store) -> None:
    policy = LoopPolicy.from_dict({"seed": 7, "of a newer version": [1]})
    schema = LabelSchema("哪一个?", (LabelClass("a", "好", "1", "#fff", "d", "e", "n"), LabelClass("b", "差")), "guide")

    made = store.create_project(
        "项目", (Field("text"), Field("age", "number", "encoded")), schema, policy, 5, demo=True
    )

    assert store.project(made.id) == made
    assert (made.schema, made.policy, made.demo) == (schema, policy, True)


def test_projects_are_listed_newest_first_without_deleted_ones(store: Store, make_project: MakeProject) -> None:
    first, second, third = make_project(name="1"), make_project(name="2"), make_project(name="3")

    store.delete_project(second.id, 9)

    assert store.projects() == (third, first)
    with pytest.raises(UnknownName):
        store.project(second.id)


def test_a_taken_name_is_refused_until_its_project_is_deleted(store: Store, make_project: MakeProject) -> None:
    first = make_project(name="Reviews")
    with pytest.raises(Conflict, match="Reviews"):
        make_project(name="Reviews")

    store.delete_project(first.id, 9)

    assert make_project(name="Reviews").id != first.id


def test_every_version_of_the_classes_stays_readable(store: Store, make_project: MakeProject) -> None:
    project = make_project()
    renamed = dataclasses.replace(YES_NO, question="Is it kind?", version=2)

    store.save_schema(project.id, renamed)

    assert store.schema_versions(project.id) == (YES_NO, renamed)
    assert store.project(project.id).schema == renamed
    with pytest.raises(Conflict):
        store.save_schema(project.id, renamed)


def test_a_policy_is_replaced(store: Store, make_project: MakeProject) -> None:
    project = make_project()

    store.save_policy(project.id, LoopPolicy(seed=3))

    assert store.project(project.id).policy == LoopPolicy(seed=3)


def test_handed_out_asks_are_counted_from_one(store: Store, make_project: MakeProject) -> None:
    project = make_project()

    store.count_asks(project.id, 1)
    store.count_asks(project.id, 2)
    assert store.progress(project.id).asks == 3


def test_the_worker_says_what_it_does_and_keeps_its_reading(store: Store, make_project: MakeProject) -> None:
    project = make_project()

    store.set_worker(project.id, "reading", 10, 0.5)
    store.set_worker(project.id, "idle", 20)

    seen = store.progress(project.id)
    assert (seen.worker, seen.worker_at, seen.reading) == ("idle", 20, 0.5)


def test_a_failed_transaction_stores_nothing_and_leaves_the_thread_clean(store: SqlStore) -> None:
    def fail() -> None:
        with store.transaction():
            store.add_annotator("mia")
            with store.transaction():
                store.add_annotator("tom")
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    store.add_annotator("kim")
    assert store.annotators() == ("kim",)
