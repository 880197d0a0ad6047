"""Making a project in four steps, without a browser."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import Field, LabelSchema, classes_from_names
from collab.domain.store import Store
from collab.domain.table import Table
from collab.loop import annotating
from collab.loop.importing import ImportPlan, run_import
from collab.loop.reading import sniff
from collab.ui import session, upload
from tests.conftest import MakeProject
from tests.samples import answer_of

NAVIGATION = Path(session.__file__).parent / "navigation.py"
ROWS = "".join(f"T-{n},message number {n} about a parcel,{'late' if n % 3 else 'lost'}\n" for n in range(30))

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(f"ticket_id,message,label\n{ROWS}T-x,one cell too many,late,lost\n")
    return path


@pytest.fixture(autouse=True)
def _at_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "at_this_machine", lambda: True)


def click(at: AppTest, label: str) -> AppTest:
    return next(b for b in at.button if b.label == label).click().run()


def field(at: AppTest, label: str):  # an element of either kind of text field
    return next(t for t in (*at.text_input, *at.text_area) if t.label == label)


def at_the_classes(store: Store, file: Path) -> AppTest:
    session.hold(store)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    click(at.run(), "New project")
    field(at, "Path on the server").set_value(str(file)).run()
    click(at, "Next")
    assert "1 of the first" in at.warning[0].value
    return click(at, "Next")


def test_a_file_is_looked_at_once_however_often_a_page_is_drawn(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def counted(path: Path, **given: str) -> Table:
        looked.append(path)
        return sniff(path, **given)

    monkeypatch.setattr(upload, "sniff", counted)
    at_the_classes(store, file)
    assert looked == [file]


def test_a_project_is_made_in_four_steps_and_its_import_is_a_job(store: Store, file: Path) -> None:
    at = at_the_classes(store, file)
    field(at, "Question").set_value("What happened?").run()
    click(click(at, "Take them"), "Next")
    field(at, "Name of the project").set_value("Parcels").run()
    click(at, "Create and import")
    assert not at.exception
    (project,) = store.projects()
    assert (project.name, project.schema) == (
        "Parcels", LabelSchema("What happened?", classes_from_names(("late", "lost"))),
    )  # fmt: skip
    assert project.fields == (
        Field("ticket_id", "text", "id"), Field("message", "text", "both"), Field("label", "category", "metadata"),
    )  # fmt: skip
    (job,) = store.jobs(project.id)
    assert (job.kind, job.payload["source"], job.requested_by) == ("import", "tickets.csv", "ann")
    assert not job.payload["uploaded"]  # the person's own file on the server is never ours to take away
    assert (job.payload["plan"]["id_column"], job.payload["plan"]["answers"]) == ("ticket_id", "decisions")
    assert at.title[0].value == "Projects"


def test_the_summary_shows_what_was_typed_and_which_rows_stay_behind(store: Store, file: Path) -> None:
    at = at_the_classes(store, file)
    field(at, "Question").set_value("What happened?").run()
    click(click(at, "Take them"), "Next")
    said = [m.value for m in at.markdown]
    assert "The classes and their keys: late &#40;1&#41;, lost &#40;2&#41;" in said
    assert any("an assumption until you have answered some: all of them take about **3 minutes**" in m for m in said)
    columns = at.dataframe[0].value
    assert (
        dict(zip(columns["Column"], columns["What it is for"], strict=True))["message"] == "shown and read by the model"
    )
    assert "1 of the first" in at.warning[0].value


def test_what_is_called_like_a_person_is_hinted_at_and_what_is_ticked_is_told_once_more(
    store: Store, file: Path
) -> None:
    file.write_text(file.read_text().replace("ticket_id", "patient_id"))
    at = at_the_classes(store, file)
    click(at, "Back")
    assert "these may be personal: patient" in at.info[0].value
    draft = at.session_state["draft"]
    assert not any(g.personal for g in draft["guesses"])
    draft.update(step=3, schema=LabelSchema("Late?", classes_from_names(("late", "lost"))))
    draft["guesses"] = [replace(g, personal=g.name == "message") for g in draft["guesses"]]
    at.run()
    assert any("withheld from annotators and adjudicators: **message**" in m.value for m in at.markdown)


def test_the_time_is_told_in_the_pace_of_the_project_that_it_comes_from(
    store: Store, file: Path, make_project: MakeProject
) -> None:
    project = make_project(5, name="Older")
    for entry in store.pool(project.id):
        annotating.submit(store, answer_of(project.id, entry.item, seconds=1.25), "tab", 1000)
    at = at_the_classes(store, file)
    field(at, "Question").set_value("What happened?").run()
    click(click(at, "Take them"), "Next")
    assert "At your pace in Older, 1.2 seconds an answer: all of them take about **a minute**." in [
        m.value for m in at.markdown
    ]


def test_nothing_is_stored_before_the_last_step(store: Store, file: Path) -> None:
    at = at_the_classes(store, file)
    field(at, "Question").set_value("What happened?").run()
    click(click(at, "Take them"), "Next")
    assert store.projects() == ()
    assert store.jobs() == []


def test_the_way_on_is_shut_while_the_question_or_the_classes_are_missing(store: Store, file: Path) -> None:
    file.write_text(file.read_text().replace(",label", ",remark"))
    at = at_the_classes(store, file)
    assert next(b for b in at.button if b.label == "Next").disabled
    field(at, "Question").set_value("What happened?").run()
    assert "at least two classes" in at.warning[0].value
    assert next(b for b in at.button if b.label == "Next").disabled


def test_the_classes_of_a_known_answer_column_are_proposed_at_once(store: Store, file: Path) -> None:
    file.write_text(file.read_text().replace("T-x,one cell too many,late,lost", "T-y,one more,late;hail\nT-z,a,b,c"))
    at = at_the_classes(store, file)
    assert field(at, "Question").placeholder == "What is this message about?"
    field(at, "Question").set_value("What happened?").run()
    assert at.session_state["draft"]["counts"] == [("late", 20), ("lost", 10), ("late;hail", 1)]
    radio = next(r for r in at.radio if r.label == "How many of the classes apply to an item?")
    radio.set_value(True).run()
    click(at, "Next")
    assert "The classes and their keys: late &#40;1&#41;, lost &#40;2&#41;, hail &#40;3&#41;" in [
        m.value for m in at.markdown
    ]
    assert any("can't" in c.value and "What the columns are for" in c.value for c in at.caption)


def test_a_file_that_is_none_is_told_with_the_name_that_the_person_knows(store: Store, tmp_path: Path) -> None:
    session.hold(store)
    bad = tmp_path / "broken.parquet"
    bad.write_bytes(b"no parquet at all")
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    click(at.run(), "New project")
    field(at, "Path on the server").set_value(str(bad)).run()
    assert not at.exception
    assert "broken&#46;parquet can't be read" in at.error[0].value


def test_the_worker_can_do_the_import_as_it_was_confirmed(store: Store, file: Path) -> None:
    at = at_the_classes(store, file)
    field(at, "Question").set_value("What happened?").run()
    click(click(at, "Take them"), "Next")
    click(at, "Create and import")
    (project,) = store.projects()
    payload = store.jobs(project.id)[0].payload
    plan = ImportPlan(**{**payload["plan"], "fields": project.fields})
    done = run_import(store, project, Path(payload["path"]), plan, now=1, progress=lambda _share, _rows: False)
    assert (done.added, done.rejected, done.answers) == (30, 1, 30)


def test_a_project_may_let_any_number_of_classes_apply_and_need_only_one(store: Store, tmp_path: Path) -> None:
    several = tmp_path / "several.csv"
    several.write_text(
        f"ticket_id,message,label\n{ROWS}T-x,one more about both,late;lost\nT-y,one cell too many,late,lost\n"
    )
    at = at_the_classes(store, several)
    field(at, "Question").set_value("What happened?").run()
    next(r for r in at.radio if r.label == "How many of the classes apply to an item?").set_value(True).run()
    click(click(at, "Take them"), "Next")
    assert "Any number of them may apply to an item, also none." in [m.value for m in at.markdown]
    click(at, "Create and import")
    assert not at.exception
    (project,) = store.projects()
    assert project.schema == LabelSchema("What happened?", classes_from_names(("late", "lost")), task="multi label")


def test_classes_that_commas_divide_are_proposed_once_each_and_imported_as_proposed(
    store: Store, tmp_path: Path
) -> None:
    weather = ("rain, sun", "fog, wind", "wind, fog", "rain,rain", "rain; Sun", "sun", "none")
    rows = "".join(f'T-{n},message number {n} of the day,"{weather[n % 7]}"\n' for n in range(35))
    several = tmp_path / "weather.csv"
    several.write_text(f"ticket_id,message,label\n{rows}T-x,one cell too many,sun,fog\n")
    at = at_the_classes(store, several)
    field(at, "Question").set_value("What was the weather?").run()
    next(r for r in at.radio if r.label == "How many of the classes apply to an item?").set_value(True).run()
    click(click(at, "Take them"), "Next")
    click(at, "Create and import")
    (project,) = store.projects()
    assert [c.name for c in project.schema.classes] == ["rain", "sun", "fog", "wind"]
    payload = store.jobs(project.id)[0].payload
    plan = ImportPlan(**{**payload["plan"], "fields": project.fields})
    done = run_import(store, project, Path(payload["path"]), plan, now=1, progress=lambda _share, _rows: False)
    assert (done.added, done.rejected, done.answers) == (35, 1, 35)
