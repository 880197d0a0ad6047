"""Every page, run without a browser on a real store: empty, with a project, while it imports, with a bad disk."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import Field, FieldKind, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import Bin, Calibration, Checks, ClassAudits, Figure, ImportReport, Round, Stratum
from collab.domain.store import Store
from collab.domain.version import ModelVersion, VersionRecord
from collab.errors import StoreReadOnly
from collab.loop import annotating
from collab.ui import page_settings, session
from tests.conftest import MakeProject
from tests.samples import YES_NO, answer_of, row, rows

NAVIGATION = Path(session.__file__).parent / "navigation.py"
PAGES = ("home", "label", "answers", "data", "import", "insights", "export", "settings", "new")

Open = Callable[..., AppTest]


@pytest.fixture
def open_page(store: Store) -> Open:
    """Opens one page as somebody who has given a name."""
    session.hold(store)

    def run(page: str, who: str = "ann", **query: str) -> AppTest:
        part = {"import": ("data", {"part": "import"})}.get(page, (page, {}))
        script = (
            f"from collab.ui import page_{part[0]}, pieces\nwith pieces.errors_told():\n    page_{part[0]}.draw()\n"
        )
        at = AppTest.from_string(script, default_timeout=20)
        at.session_state["annotator"] = who
        at.query_params.update({**part[1], **query})
        return at.run()

    return run


def texts(at: AppTest) -> str:
    return "\n".join(str(e.value) for kind in (at.title, at.header, at.markdown, at.caption) for e in kind)


def click(at: AppTest, label: str) -> AppTest:
    return next(b for b in at.button if b.label == label).click().run()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_an_empty_workspace_says_what_to_do_next(open_page: Open, page: str) -> None:
    at = open_page(page)
    assert not at.exception
    assert not at.error
    assert texts(at)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_a_project(open_page: Open, make_project: MakeProject, page: str) -> None:
    make_project(30, mark=0.2, name="Re*views*", demo=True)
    at = open_page(page)
    assert not at.exception
    assert not at.error


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_an_import_that_is_under_way(
    open_page: Open, make_project: MakeProject, store: Store, page: str
) -> None:
    project = make_project()
    store.submit_job("import", project.id, {}, "ann", 1)
    at = open_page(page)
    assert not at.exception
    assert not at.error
    assert ("Stop" in [b.label for b in at.button]) == (page in ("home", "label", "data", "import"))


@pytest.mark.slow
def test_an_import_can_be_stopped(open_page: Open, make_project: MakeProject, store: Store) -> None:
    project = make_project()
    job = store.submit_job("import", project.id, {}, "ann", 1)
    click(open_page("data"), "Stop")
    assert store.job(job.id).status == "cancelled"


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if p != "new"])
def test_a_page_tells_storage_trouble_as_its_sentence(
    open_page: Open, make_project: MakeProject, store: Store, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(3)

    def fail(*_: object) -> None:
        raise StoreReadOnly("collab.db")

    monkeypatch.setattr(type(store), "projects", fail)
    at = open_page(page)
    assert not at.exception
    assert "Give this account write access" in at.error[0].value
    assert "Try again" in [b.label for b in at.button]


@pytest.mark.slow
def test_a_name_is_asked_once_and_can_be_changed(store: Store) -> None:
    session.hold(store)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20).run()
    assert at.title[0].value == "Who is here?"
    at.text_input[0].set_value("  Ana   Núñez ")
    click(at, "Go on")
    assert at.title[0].value == "Projects"
    assert store.annotators() == ("Ana Núñez",)
    click(at, "Not you?")
    assert at.title[0].value == "Who is here?"
    click(at, "Ana Núñez")
    assert at.title[0].value == "Projects"


@pytest.mark.slow
def test_home_leads_to_the_card_of_the_project_that_was_picked(store: Store, make_project: MakeProject) -> None:
    session.hold(store)
    project = make_project(5, name="Older")
    make_project(5, name="Newer")
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    at.run()
    at.button(key=f"go-{project.id}").click().run()
    assert not at.exception
    assert at.query_params["project"] == str(project.id)
    assert json.loads(at.main.get("bidi_component")[0].proto.json)["project"] == project.id


@pytest.mark.slow
def test_the_card_is_told_which_answer_to_reopen_and_asks_itself_who_is_here(
    store: Store, make_project: MakeProject
) -> None:
    session.hold(store)
    project = make_project(5)
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    at.run()
    at.button(key=f"go-{project.id}").click().run()
    assert "Not you?" not in [b.label for b in at.button]
    at.query_params["reopen"] = "an-annotation"
    at.run()
    assert json.loads(at.main.get("bidi_component")[0].proto.json)["reopen"] == "an-annotation"


@pytest.mark.slow
def test_label_these_queues_what_was_found_and_opens_the_card_on_it(store: Store, make_project: MakeProject) -> None:
    session.hold(store)
    project = make_project([row(1, "a blue bird"), row(2, "a red bird"), row(3, "a blue car")])
    at = AppTest.from_file(str(NAVIGATION), default_timeout=20)
    at.session_state["annotator"] = "ann"
    at.run()
    annotating.submit(store, answer_of(project.id, store.pool(project.id)[0].item, "", kind="flag"), "tab", 1000)
    at.run()
    click(at, "1 flagged")
    click(at, "Label the first 1 found")
    assert not at.exception
    assert at.query_params["mode"] == "chosen"
    assert len(store.lease(project.id, "ann", "chosen", 5, "tab", 10**13, 10**13 + 1)) == 1
    assert "Your selection" in texts(at)
    click(at, "Back to the model's questions")
    assert "mode" not in at.query_params
    assert "Your selection" not in texts(at)


@pytest.mark.slow
def test_text_of_people_is_never_read_as_markdown(open_page: Open, make_project: MakeProject) -> None:
    make_project(3, name="**bold** :red[x] <b>y</b> $z$")
    written = open_page("home").header[0].value
    assert not set("*[]<>$:`_") & set(written)


@pytest.mark.slow
def test_my_answers_lists_ones_own_in_force_only(open_page: Open, make_project: MakeProject, store: Store) -> None:
    project = make_project(6)
    first, second, third = [row.item for row in store.pool(project.id)][:3]
    for item, who, choice in ((first, "ann", "Yes"), (second, "bob", "No"), (third, "ann", "No")):
        annotating.submit(store, answer_of(project.id, item, choice, who), "tab", 1000 * item)
    taken_back = store.current(third)[0]
    annotating.take_back(store, project.id, taken_back.id, "ann", annotating.new_id(), 9000)
    frame = open_page("answers").dataframe[0].value
    assert frame["Answer"].tolist() == ["Yes"]


@pytest.mark.slow
def test_an_unusable_item_can_be_brought_back(open_page: Open, make_project: MakeProject, store: Store) -> None:
    project = make_project(6)
    item = store.pool(project.id)[0].item
    annotating.submit(store, answer_of(project.id, item, "", kind="unusable"), "tab", 1000)
    at = open_page("data", state="unusable")
    assert len(at.dataframe[0].value) == 1
    assert "Tick the rows that should come back into the pool." in texts(at)
    assert [b.label for b in at.button] == []


def judged(project: Project, audits: int, right: int) -> Round:
    checked = Stratum(0, (1,), 600, audits, right)
    return Round(project.id, 1, 1, 1000, labels=40, strata=(checked,), demo_accuracy=0.61, demo_items=4200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("audits", "right", "said"),
    [
        (9, 5, "From 10 on there is a first figure"),
        (12, 7, "**7 of 12** blind answers. On all items that would be **between"),
        (40, 30, "**30 of 40** blind answers"),
    ],
)
def test_agreement_is_said_no_more_exactly_than_the_audits_allow(
    open_page: Open, make_project: MakeProject, store: Store, audits: int, right: int, said: str
) -> None:
    project = make_project(600, mark=0.2)
    store.add_round(judged(project, audits, right))
    shown = texts(open_page("insights"))
    assert said in shown
    assert "%" not in shown or audits >= 30
    assert "correct" not in shown


@pytest.mark.slow
def test_blind_answers_that_the_model_has_not_judged_are_told_apart(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(600, mark=0.2)
    store.set_worker(project.id, "reading", 1, 0.4)
    store.extend_lane(project.id, "audit", 11, 1, 0.0, "blind")
    for ask in store.lease(project.id, "ann", "audit", 11, "tab", 1, 10**13):
        annotating.submit(store, answer_of(project.id, ask.item, "Yes", ask=ask.id), "tab", 2)
    assert "so far: 11. Not judged yet: 11, because the model is still reading" in texts(open_page("insights"))


@pytest.mark.slow
def test_no_figure_speaks_of_all_items_while_an_import_is_not_checked(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(600, mark=0.2)
    opened = store.begin_import(project.id, "later*.csv", "nothing", 3)
    store.add_items(opened, rows(600, start=1000))
    store.finish_import(opened, ImportReport(added=600), 0.2, 500, 4)
    store.add_round(judged(project, 60, 48))
    shown = texts(open_page("insights"))
    assert "**48 of 60** blind answers to the imports that are checked" in shown
    assert "later" in shown
    assert "all items" not in shown


@pytest.mark.slow
def test_insights_tell_by_class_and_by_expectation_in_counts(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    schema = LabelSchema("Is it positive?", classes_from_names(("Yes", "No", "Perhaps")))
    project = make_project(600, mark=0.2, schema=schema)
    classes = {"Yes": ClassAudits(36, 38, 40), "No": ClassAudits(0, 4, 2), "Perhaps": ClassAudits(14, 18, 18)}
    bins = tuple(Bin(claim, right, 20) for claim, right in ((0.5, 11), (0.8, 15), (0.95, 19)))
    checks = Checks(40, 1, 60, 0.6, 1.0, None, Calibration(bins, Figure(0.3, 0.2, 0.4)))
    counted = replace(judged(project, 60, 50), strata=(Stratum(1, (1,), 600, 60, 50, classes=classes),), checks=checks)
    store.add_round(counted)
    at = open_page("insights")
    shown, table = texts(at), at.table[0].value.to_numpy().tolist()
    assert "What holds even then: at least 60%" in shown
    assert "of 18 that it called so, people called 14 so too; of 18 that people called so, it found 14." in shown
    assert table[0] == ["Yes", "36 of 40 (77 to 96%)", "36 of 38 (83 to 99%)", "0.92 (0.84 to 0.97; 42)"]
    assert table[1] == ["No", "0 of 2, too few", "0 of 4, too few", "too few"]
    assert "Of 60 blind answers it expected to agree with **45**, and agreed with **45**." in shown
    assert "Brier score 0.30, between 0.20 and 0.40" in shown


@pytest.mark.slow
def test_a_demo_curve_says_that_it_is_one(open_page: Open, make_project: MakeProject, store: Store) -> None:
    own, demo = make_project(5, name="Own"), make_project(5, name="Demo", demo=True)
    for project in (own, demo):
        store.add_round(judged(project, 0, 0))
    assert "demo only" not in texts(open_page("insights", project=str(own.id)))
    assert "demo only" in texts(open_page("insights", project=str(demo.id)))


@pytest.mark.slow
def test_an_export_is_a_job_and_its_file_a_signed_link(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(5)
    click(open_page("export"), "Make the file")
    job = store.claim_job(["export"], 1, 10**15)
    assert job is not None
    wanted = {"what": "mine", "format": "csv", "personal": False}
    assert (job.project, job.payload, job.requested_by) == (project.id, wanted, "ann")
    result = {"file": "exports/1-r.csv", "rows": 5, "guarded": 2, "left_out": 3}
    store.write_file("exports/1-r.csv", iter([b"text"]))
    store.end_job(job.id, job.attempt, "done", "", result, 2)
    at = open_page("export")
    assert "no spreadsheet runs them: 2." in texts(at)
    assert "as duplicates or rejected: 3." in texts(at)
    assert at.get("link_button")[0].proto.url.startswith("/api/v1/download/exports/1-r.csv?t=")


@pytest.mark.slow
def test_nothing_is_said_of_a_class_before_somebody_chose_to_retire_it(
    open_page: Open, make_project: MakeProject
) -> None:
    make_project(2)
    at = open_page("settings")
    assert "If you retire" not in texts(at)
    assert "Retire" not in [b.label for b in at.button]
    next(s for s in at.selectbox if s.label == "Class").select("Yes").run()
    assert "If you retire **Yes**" in texts(at)


@pytest.mark.slow
def test_a_class_with_answers_says_what_its_new_name_will_stand_for(
    open_page: Open, make_project: MakeProject, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(2)
    for entry in store.pool(project.id):
        annotating.submit(store, answer_of(project.id, entry.item, "Yes"), "tab", 1000)
    monkeypatch.setattr(page_settings, "class_editor", lambda rows, **_: [rows[0] | {"name": "Sure"}, *rows[1:]])
    at = open_page("settings")
    assert [w.value for w in at.warning] == ["Yes, 2 answers, will be called Sure."]
    next(b for b in at.button if b.key == "save-schema").click().run()
    assert [s.value for s in at.success] == ["Saved."]
    assert at.warning.len == 0


@pytest.mark.slow
def test_home_says_what_became_of_the_latest_file(open_page: Open, make_project: MakeProject, store: Store) -> None:
    project = make_project(2)
    opened = store.begin_import(project.id, "later.csv", "nothing", 3)
    store.add_items(opened, rows(3, start=10))
    store.write_file("exports/rejected.csv", iter([b"line,reason,row\n4,is empty,\n"]))
    store.finish_import(opened, ImportReport(added=3, rejected=1, rejected_file="exports/rejected.csv"), 0.0, 500, 4)
    job = store.submit_job("import", project.id, {}, "ann", 3)
    claimed = store.claim_job(["import"], 3, 10**15)
    assert claimed is not None
    store.end_job(job.id, claimed.attempt, "done", "", {}, 4)
    at = open_page("home")
    assert "later&#46;csv: 3 added, 0 changed, 0 the same, 1 rejected" in texts(at)
    assert at.dataframe[0].value.to_dict("records") == [{"Line": "4", "Why": "is empty"}]
    assert [b.proto.label for b in at.get("link_button")] == ["Download the whole list"]


@pytest.mark.slow
def test_a_list_says_how_many_items_it_leaves_out(open_page: Open, make_project: MakeProject, store: Store) -> None:
    project = make_project(600, mark=0.2)
    kept = store.progress(project.id).reserved
    assert f"{600 - kept} of 600 items; {kept} are set aside" in texts(open_page("data"))


@pytest.mark.slow
def test_settings_that_were_edited_are_kept_and_the_others_stay(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(5)
    at = open_page("settings")
    at.number_input[0].set_value(50)
    next(s for s in at.selectbox if s.label == "What is asked next").select("random")
    next(s for s in at.selectbox if s.label.startswith("Name several")).select(0.95)
    next(b for b in at.button if b.label == "Save" and b.key != "save-schema").click().run()
    assert store.project(project.id).policy.daily_goal == 50
    assert store.project(project.id).policy.strategy == "random"
    assert store.project(project.id).policy.set_level == 0.95
    assert store.project(project.id).policy.encoder == LoopPolicy().encoder


@pytest.mark.slow
def test_personal_columns_that_were_saved_are_said_to_be(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(5)
    at = open_page("settings")
    next(m for m in at.multiselect if m.label == "Columns").set_value(["text"]).run()
    click(at, "Save personal columns")
    assert [s.value for s in at.success] == ["Saved."]
    assert store.project(project.id).personal == {"text"}


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        (("text",), ["Encoder of texts"]),
        (("image", "number"), ["Encoder of pictures"]),
        (("text", "image"), ["Encoder of texts", "Encoder of pictures"]),
    ],
)
def test_settings_offer_an_encoder_for_what_there_is_to_read(
    open_page: Open, store: Store, fields: tuple[FieldKind, ...], offered: list[str]
) -> None:
    store.create_project("Mixed", tuple(Field(kind, kind) for kind in fields), YES_NO, LoopPolicy(), 1)
    at = open_page("settings")
    assert [t.label for t in at.text_input if t.label.startswith("Encoder")] == offered


def test_an_image_encoder_that_was_named_is_kept(open_page: Open, store: Store) -> None:
    project = store.create_project("Pictures", (Field("image", "image"),), YES_NO, LoopPolicy(), 1)
    at = open_page("settings")
    next(t for t in at.text_input if t.label == "Encoder of pictures").set_value(" hf:some/model ")
    next(b for b in at.button if b.label == "Save" and b.key != "save-schema").click().run()
    assert store.project(project.id).policy == LoopPolicy(image_encoder="hf:some/model")


@pytest.mark.slow
def test_a_fine_tuned_encoder_goes_by_its_version_and_outlives_the_form(
    open_page: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(3, policy=LoopPolicy(encoder="tuned:ab"))
    made = store.add_model(ModelVersion(0, project.id, "tuned:ab", "logistic", record=VersionRecord("tuned:ab")))
    at = open_page("settings")
    chosen = next(s for s in at.selectbox if s.label == "Encoder of texts")
    assert chosen.options[0] == f"fine-tuned version {made.id}"
    next(n for n in at.number_input if n.label == "Fine-tune after so many new answers").set_value(200)
    next(c for c in at.checkbox if c.label.startswith("Use a fine-tuned version")).uncheck()
    next(b for b in at.button if b.label == "Save" and b.key != "save-schema").click().run()
    policy = LoopPolicy(encoder="tuned:ab", fine_tune_every=200, promote_alone=False)
    assert store.project(project.id).policy == policy


@pytest.mark.slow
def test_a_project_is_deleted_only_under_its_own_name(open_page: Open, make_project: MakeProject, store: Store) -> None:
    make_project(2, name="Reviews")
    at = open_page("settings")
    assert next(b for b in at.button if b.label == "Delete").disabled
    next(t for t in at.text_input if "Type its name" in t.label).set_value("reviews").run()
    assert next(b for b in at.button if b.label == "Delete").disabled
