"""A project of numbers and categories is made in the app: the comma is asked about, the card gets a sheet."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import Field
from collab.domain.store import Store
from collab.engine.encoders.table import Table
from collab.ui import session
from collab.ui.protocol import item_message
from tests.conftest import MakeProject
from tests.ui.test_pages_new import NAVIGATION, click, field


@pytest.fixture(autouse=True)
def _at_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "at_this_machine", lambda: True)


@pytest.mark.slow
def test_a_comma_in_numbers_is_asked_about_before_anybody_can_go_on(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("price;colour;label\n" + "".join(f"{n},5;{'red' if n % 2 else 'blue'};x\n" for n in range(40)))
    session.hold(store)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    click(at.run(), "New project")
    field(at, "Path on the server").set_value(str(path)).run()
    click(at, "Next")
    comma = next(r for r in at.radio if "comma" in r.label)
    assert ("price" in comma.label, "0,5" in comma.label, comma.value) == (True, True, None)
    assert next(b for b in at.button if b.label == "Next").disabled
    comma.set_value("point").run()
    assert not next(b for b in at.button if b.label == "Next").disabled


def test_the_card_gets_numbers_as_people_write_them_and_says_what_lacks(
    store: Store, make_project: MakeProject
) -> None:
    project = replace(
        make_project(1), fields=(Field("mass", "number"), Field("length", "number"), Field("sex", "category"))
    )
    (item,) = store.stream_items(project.id)
    shown = item_message(replace(item, fields={"mass": 3750.0, "length": 39.1, "sex": ""}), project, str)
    assert (shown["fields"], shown["meta"]) == ([], [["mass", "3750"], ["length", "39.1"], ["sex", ""]])


def test_the_card_is_told_units_and_where_a_value_lies_among_all(store: Store, make_project: MakeProject) -> None:
    fields = (Field("mass", "number", unit="g"), Field("sex", "category"))
    project = replace(make_project(1), fields=fields)
    (item,) = store.stream_items(project.id)
    rows = [{"mass": n, "sex": "male" if n % 4 else "female"} for n in range(101)]
    table = Table.fit([(f.name, f.kind) for f in fields], rows)
    shown = item_message(replace(item, fields={"mass": 83.0, "sex": "male"}), project, str, table)
    assert shown["meta"] == [["mass", "83", {"unit": "g", "above": 0.83}], ["sex", "male", {"share": 0.743}]]
    assert item_message(item, project, str)["meta"] == [["mass", "", {"unit": "g"}], ["sex", ""]]
