"""The pages of a project with any number of classes to an item, without a browser."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import NONE, LabelSchema, classes_from_names
from collab.domain.store import Store
from collab.loop import annotating
from collab.ui import session
from tests.conftest import MakeProject
from tests.samples import answer_of

pytestmark = pytest.mark.slow

SCHEMA = LabelSchema("Weather?", classes_from_names(("Wind", "Rain")), task="multi label")


@pytest.fixture
def open_page(store: Store, make_project: MakeProject) -> Callable[[str], AppTest]:
    """Opens a page of a project in which ann has answered twice: both classes, and none."""
    session.hold(store)
    project = make_project(4, schema=SCHEMA)
    items = [row.item for row in store.pool(project.id)]
    for item, said in zip(items, (("Rain", "Wind"), (NONE,)), strict=False):
        both = replace(answer_of(project.id, item, "Rain", "ann"), answer=said)
        annotating.submit(store, both, "tab", 1000 * item)

    def run(page: str) -> AppTest:
        at = AppTest.from_string(f"from collab.ui import page_{page}\npage_{page}.draw()\n", default_timeout=20)
        at.session_state["annotator"] = "ann"
        return at.run()

    return run


@pytest.mark.parametrize("page", ["answers", "data"])
def test_a_list_names_every_class_of_an_answer_or_says_that_there_is_none(
    open_page: Callable[[str], AppTest], page: str
) -> None:
    frame = open_page(page).dataframe[0].value
    assert sorted(filter(None, frame["Answer"])) == ["None of these", "Wind, Rain"]


def test_ones_own_answers_are_filtered_by_none_too(open_page: Callable[[str], AppTest]) -> None:
    at = open_page("answers")
    at.button_group[0].set_value(NONE).run()
    assert at.dataframe[0].value["Answer"].tolist() == ["None of these"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("settings", "Any number of classes may apply to an item, also none. That can't be changed"),
        ("export", "Several classes stand in one cell"),
        ("insights", "To agree is to give the whole answer"),
        ("home", "2 of 4 answered"),
    ],
)
def test_a_page_says_what_any_number_of_classes_means_there(
    open_page: Callable[[str], AppTest], page: str, said: str
) -> None:
    at = open_page(page)
    assert not at.exception
    shown = "\n".join(str(e.value) for e in (*at.markdown, *at.caption)) + "".join(
        p.proto.text for p in at.get("progress")
    )
    assert said in shown
