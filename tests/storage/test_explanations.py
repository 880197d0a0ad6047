from collab.domain.run import Round
from collab.domain.store import Store
from collab.storage.explanations import KEPT
from tests.conftest import MakeProject


def refit(store: Store, project: int, revision: int) -> None:
    store.add_round(Round(project, revision, 1, 1, 4))


def test_what_is_asked_first_is_explained_first(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    store.ask_why(project, 3, 10)
    store.ask_why(project, 1, 11)
    store.ask_why(project, 3, 12)
    assert store.asked_why(project) == [3, 1]
    assert store.why(project, 3) is None


def test_an_explanation_is_told_until_the_next_refit(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    refit(store, project, 4)
    store.ask_why(project, 1, 10)
    store.put_why(project, 1, 4, {"words": [0.5]}, 11)
    assert store.why(project, 1) == {"words": [0.5]}
    assert store.asked_why(project) == []
    refit(store, project, 5)
    assert store.why(project, 1) is None


def test_to_ask_again_brings_work_only_after_a_refit(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    refit(store, project, 4)
    store.put_why(project, 1, 4, {}, 11)
    store.ask_why(project, 1, 12)
    assert store.asked_why(project) == []
    refit(store, project, 5)
    store.ask_why(project, 1, 13)
    assert store.asked_why(project) == [1]


def test_only_the_latest_explanations_are_kept(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    for item in range(KEPT + 2):
        store.put_why(project, item, 0, {}, item)
    assert store.why(project, 1) is None
    assert store.why(project, 2) == {}
