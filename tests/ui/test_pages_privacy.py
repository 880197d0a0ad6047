"""The page Privacy: what administrators see and erase there, and that nobody else does."""

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.access import AccessEntry, Person
from collab.domain.project import Project
from collab.domain.store import Store
from collab.loop import reshaping
from collab.ui import session
from tests.conftest import MakeProject

PAGE = "from collab.ui import page_privacy, pieces\nwith pieces.errors_told():\n    page_privacy.draw()\n"


@pytest.fixture
def project(store: Store, make_project: MakeProject) -> Project:
    session.hold(store)
    store.add_annotator("ann")
    store.add_annotator("Zoe")
    made = make_project(5)
    store.note(AccessEntry(9, "Zoe", "see", "list", made.id, (1, 2)))
    return made


def opened(part: str = "log") -> AppTest:
    at = AppTest.from_string(PAGE, default_timeout=20)
    at.session_state["annotator"] = "ann"
    at.run()
    return at if part == "log" else at.segmented_control[0].set_value(part).run()  # type: ignore[no-any-return]  # untyped


@pytest.mark.slow
def test_it_lists_who_saw_what_and_writes_it_down(store: Store, project: Project) -> None:
    at = opened()
    assert not at.exception
    rows = at.dataframe[0].value.to_dict("records")
    row = next(row for row in rows if row["Person"] == "Zoe")
    assert (row["Act"], row["What"], row["Items, by number"]) == ("Saw", "List of items", "2: #1 (1), #2 (2)")
    reshaping.mark_personal(store, project.id, ("text",), "ann", "e1", 10)
    first = at.selectbox[0].set_value("change").run().dataframe[0].value.to_dict("records")[0]
    assert (first["Person"], first["What"], first["More"]) == ("ann", "Personal columns", "personal: text")
    store.note(AccessEntry(11, "Zoe", "refused", "looking.imports", project.id, detail={"right": "lead"}))
    first = at.selectbox[0].set_value("refused").run().dataframe[0].value.to_dict("records")[0]
    assert (first["What"], first["More"]) == ("Change the project", "looking.imports")
    next(b for b in at.button if b.label == "Write as CSV").click().run()
    assert len(at.get("link_button")) == 1


@pytest.mark.slow
def test_an_item_is_erased_only_by_somebody_who_is_sure(store: Store, project: Project) -> None:
    at = opened("erase")
    at.text_input[0].set_value("2").run()
    button = next(b for b in at.button if b.label == "Erase the item")
    assert button.disabled
    at.checkbox[0].check().run()
    next(b for b in at.button if b.label == "Erase the item").click().run()
    assert not at.exception
    assert "Item 2 is erased" in at.success[0].value
    assert (at.text_input[0].value, len(at.error)) == ("", 0)
    assert [item.erased for item in store.stream_items(project.id)] == [False, True, False, False, False]


@pytest.mark.slow
def test_a_person_is_erased_once_their_name_is_typed(store: Store, project: Project) -> None:
    at = opened("erase")
    at.selectbox[0].set_value("Zoe").run()
    at.text_input(key="type-Zoe").set_value("Zoe").run()
    next(b for b in at.button if b.label == "Erase the person").click().run()
    assert not at.exception
    assert store.annotators() == ("ann",)


@pytest.mark.slow
def test_retention_says_what_will_go_and_gives_projects_back(store: Store, project: Project) -> None:
    store.delete_project(project.id, 5)
    at = opened("retention")
    at.number_input[1].set_value(30).run()
    assert "The content of Reviews will go at once" in at.warning[0].value
    next(b for b in at.button if b.label == "Have it back").click().run()
    assert not at.exception
    assert [p.id for p in store.projects()] == [project.id]


@pytest.mark.slow
def test_a_lead_finds_nothing_there(store: Store, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set_sign_in_way("accounts")
    store.save_person(Person("ann"))
    store.set_role(project.id, "ann", "lead")
    store.start_session("s", "ann", 1, 10**15)
    from collab.loop.permitting import Desk

    monkeypatch.setattr(session, "desk", lambda: Desk(store, "ann", "s"))
    at = opened()
    assert not at.exception
    assert "For administrators" in at.header[0].value
