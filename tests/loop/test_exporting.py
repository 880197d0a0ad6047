import csv
import json
from dataclasses import replace

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.domain.annotation import Annotation, Choices, Decision, Suggestion
from collab.domain.certificate import Certificate, Terms
from collab.domain.project import NONE, Field, LabelSchema, LoopPolicy, classes_from_names
from collab.errors import JobCancelled, UnknownName
from collab.loop import annotating
from collab.loop.exporting import export_data
from collab.loop.importing import run_import
from collab.loop.planning import ImportPlan
from collab.loop.reading import rows, sniff
from collab.storage.database import open_store

NOW = 1_700_000_000_000
AT = "2023-11-14T22:13:20.000+00:00"
SCHEMA = LabelSchema("Yes or no?", classes_from_names(("yes", "no")))
PLAN = ImportPlan((Field("text"),), id_column="nr")
TRICKY = [
    {"note": "", "text": "=HYPERLINK(1)", "nr": "a"},
    {"note": " +1+1", "text": "<script>alert('x')</script>", "nr": "b"},
    {"note": "-2.5", "text": 'two\nlines, "quoted" 今天', "nr": "c"},
]


def go_on(share, rows):
    return False


def write(path, table):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def bring(store, path, name="Questions", plan=PLAN, **policy):
    project = store.create_project(name, plan.fields, SCHEMA, LoopPolicy(**policy), NOW)
    run_import(store, project, path, plan, now=NOW, progress=go_on)
    return project


@pytest.fixture
def project(store, tmp_path):
    write(tmp_path / "file.csv", TRICKY)
    return bring(store, tmp_path / "file.csv")


def answer(store, project, item, choice, at=NOW, **more):
    event = f"{item}-{choice}-{at}"
    given = Annotation(event, project.id, item, "ann", "answer", at, (choice,), **more)
    annotating.submit(store, given, "", at)
    return event


def export(store, project, what, form):
    return export_data(store, project, what, form, progress=go_on)


def test_my_file_comes_back_with_answer_source_annotator_and_time(store, project):
    first, *_ = store.stream_items(project.id)
    answer(store, project, first.id, "no")
    report = export(store, project, "mine", "jsonl")
    said = {"answer": "no", "source": "agreement", "annotator": "ann", "at": AT}
    nothing = dict.fromkeys(said, "")
    found = [json.loads(line) for line in report.path.read_text(encoding="utf-8").splitlines()]
    assert found == [TRICKY[0] | said, TRICKY[1] | nothing, TRICKY[2] | nothing]
    assert list(found[0]) == ["note", "text", "nr", "answer", "source", "annotator", "at"]
    assert (report.rows, report.guarded_cells) == (3, 0)


def test_formulas_are_guarded_and_counted_in_csv(store, project):
    report = export(store, project, "mine", "csv")
    with report.path.open(encoding="utf-8", newline="") as file:
        found = [(row["note"], row["text"]) for row in csv.DictReader(file)]
    assert found == [
        ("", "'=HYPERLINK(1)"), ("' +1+1", "<script>alert('x')</script>"), ("-2.5", 'two\nlines, "quoted" 今天'),
    ]  # fmt: skip
    assert report.guarded_cells == 2


def test_formulas_are_guarded_and_stay_text_in_excel(store, project):
    report = export(store, project, "mine", "xlsx")
    sheet = openpyxl.load_workbook(report.path).active
    assert [(cell.value, cell.data_type) for cell in sheet["B"]] == [
        ("text", "s"), ("'=HYPERLINK(1)", "s"),
        ("<script>alert('x')</script>", "s"), ('two\nlines, "quoted" 今天', "s"),
    ]  # fmt: skip
    assert (report.guarded_cells, report.altered_cells) == (2, 0)


def test_cells_that_excel_cannot_hold_are_shortened_and_counted(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": "x" * 40_000}, {"text": "bell \a"}])
    project = bring(store, tmp_path / "file.csv", "Long", ImportPlan((Field("text"),)))
    report = export(store, project, "mine", "xlsx")
    sheet = openpyxl.load_workbook(report.path).active
    assert [cell.value for cell in sheet["A"]] == ["text", "x" * 32_767, "bell "]
    assert report.altered_cells == 2


def test_parquet_is_exact(store, project):
    report = export(store, project, "mine", "parquet")
    found = pq.read_table(report.path).select(["note", "text", "nr"]).to_pylist()
    assert (found, report.guarded_cells) == (TRICKY, 0)


def test_a_column_of_the_file_keeps_its_name_and_ours_gets_a_prefix(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": "one", "answer": "mine", "collab": "x"}])
    project = bring(store, tmp_path / "file.csv", "Other", ImportPlan((Field("text"),)))
    report = export(store, project, "mine", "jsonl")
    assert json.loads(report.path.read_text()) == {
        "text": "one", "answer": "mine", "collab": "x", "collab_answer": "", "source": "", "annotator": "", "at": "",
    }  # fmt: skip


def test_numbers_and_nested_values_of_json_lines_come_back_as_they_were(store, tmp_path):
    table = [{"text": 5, "n": 1.5, "list": [1, "a"], "none": None}, {"text": "x", "more": {"a": True}}]
    (tmp_path / "file.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    project = bring(store, tmp_path / "file.jsonl", "Json", ImportPlan((Field("text"),)))
    found = [json.loads(line) for line in export(store, project, "mine", "jsonl").path.read_text().splitlines()]
    said = dict.fromkeys(("answer", "source", "annotator", "at"), "")
    assert found == [row | said for row in table]


def test_every_annotation_is_exported_with_what_was_on_screen(store, project):
    first, *_ = store.stream_items(project.id)
    shown = Suggestion((0.25, 0.75), "1.3")
    one = answer(store, project, first.id, "no", seconds=2.5, blind=False, shown=shown)
    two = answer(store, project, first.id, "yes", NOW + 1000, target=one)
    annotating.take_back(store, project.id, two, "ann", "undo", NOW + 2000)
    last = answer(store, project, first.id, "no", NOW + 3000)
    found = [json.loads(line) for line in export(store, project, "annotations", "jsonl").path.read_text().splitlines()]
    assert [(a["event"], a["kind"], a["answer"], a["target"], a["in_force"]) for a in found] == [
        (one, "answer", "no", "", False),
        (two, "answer", "yes", one, False),
        ("undo", "undo", "", two, False),
        (last, "answer", "no", "", True),
    ]
    assert found[0] == {
        "text": "=HYPERLINK(1)", "annotator": "ann", "kind": "answer", "answer": "no", "answer_id": "no", "at": AT,
        "seconds": 2.5, "purpose": "chosen", "blind": False, "by_coin": False, "shown": "no", "shown_probability": 0.75,
        "shown_model": "1.3", "shown_footing": "", "shown_set": "", "revealed": "", "note": "",
        "schema_version": 1, "lease_valid": True, "in_force": False,
        "target": "", "event": one, "item": "a",
    }  # fmt: skip


def test_every_decision_is_exported_with_its_source_and_model(store, project):
    _, second, _ = store.stream_items(project.id)
    answer(store, project, second.id, "yes", seconds=1.5, blind=False, shown=Suggestion((0.25, 0.75), "1.3"))
    (line,) = export(store, project, "decisions", "jsonl").path.read_text().splitlines()
    assert json.loads(line) == {
        "text": "<script>alert('x')</script>", "answer": "yes", "source": "agreement", "annotator": "ann", "at": AT,
        "answer_id": "yes", "confidence": None, "certificate": None, "signed_by": "", "model": "1.3", "shown": True,
        "seconds": 1.5,
        "audit": second.reserved, "schema_version": 1, "item": "b",
    }  # fmt: skip


def test_an_annotation_tells_what_its_suggestion_stood_on_and_its_set_of_classes(store, project):
    first, *_ = store.stream_items(project.id)
    shown = Suggestion((0.45, 0.55), "1.3", "ambiguous", Choices((0, 1), 0.9))
    answer(store, project, first.id, "no", blind=False, shown=shown)
    (line,) = export(store, project, "annotations", "jsonl").path.read_text().splitlines()
    found = json.loads(line)
    assert (found["shown_footing"], found["shown_set"]) == ("ambiguous", "yes; no")


def test_a_hidden_suggestion_is_exported_only_where_it_was_shown_after_the_answer(store, project):
    first, second, _ = store.stream_items(project.id)
    hidden = Suggestion((0.25, 0.75), "1.3")
    one = Annotation("one", project.id, first.id, "ann", "answer", NOW, ("yes",), hidden=hidden, revealed=True)
    two = Annotation("two", project.id, second.id, "ann", "answer", NOW, ("yes",), hidden=hidden, by_coin=True)
    store.append(one.event())
    store.append(two.event())
    found = [json.loads(line) for line in export(store, project, "annotations", "jsonl").path.read_text().splitlines()]
    assert [(a["shown"], a["revealed"], a["by_coin"]) for a in found] == [("", "no", False), ("", "", True)]


def test_a_decision_of_a_machine_names_its_certificate_its_model_and_nobody(store, project):
    first, *_ = store.stream_items(project.id)
    store.save_certificate(
        Certificate(
            project.id, 3, "signed", Terms(), spent=0.01, model="1.7", schema_version=1, items=3, digest="", key="",
            audits=1, by="ann", at=NOW, labels=1, signed_by="ann", signed_at=NOW,
        )
    )  # fmt: skip
    decided = Decision(first.id, ("no",), "machine", 0.97, certificate=3)
    store.settle_item(project.id, first.id, "decided", decided, NOW)
    (line,) = export(store, project, "decisions", "jsonl").path.read_text().splitlines()
    found = json.loads(line)
    told = {name: found[name] for name in ("answer", "source", "certificate", "model", "at", "annotator", "audit")}
    assert told == {
        "answer": "no", "source": "machine", "certificate": 3, "model": "1.7", "at": AT, "annotator": "",
        "audit": False,
    }  # fmt: skip


def test_an_item_that_a_certificate_drew_is_exported_as_an_audit(store, project):
    first, *_ = store.stream_items(project.id)
    store.draw_audits(project.id, 1, [first.id], 1, "certificate")
    answer(store, project, first.id, "no", purpose="certificate")
    (line,) = export(store, project, "decisions", "jsonl").path.read_text().splitlines()
    assert json.loads(line)["audit"] is True


def test_a_label_of_the_machine_that_waits_for_its_check_is_no_audit(store, project):
    first, *_ = store.stream_items(project.id)
    store.draw_audits(project.id, 1, [first.id], 1, "certificate")
    store.settle_item(project.id, first.id, "decided", Decision(first.id, ("no",), "machine", 0.9, certificate=1), NOW)
    (line,) = export(store, project, "decisions", "jsonl").path.read_text().splitlines()
    assert json.loads(line)["audit"] is False


def test_an_export_carries_the_name_that_a_class_has_now(store, project):
    first, *_ = store.stream_items(project.id)
    answer(store, project, first.id, "no")
    yes, no = SCHEMA.classes
    store.save_schema(project.id, replace(SCHEMA, classes=(yes, replace(no, name="never")), version=2))
    report = export(store, store.project(project.id), "mine", "jsonl")
    assert json.loads(report.path.read_text(encoding="utf-8").splitlines()[0])["answer"] == "never"


def test_projects_whose_names_look_alike_have_exports_of_their_own(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": "one"}])
    names = [
        export(store, bring(store, tmp_path / "file.csv", name, ImportPlan((Field("text"),))), "mine", "csv").name
        for name in ("A B", "A-B")
    ]
    assert len(set(names)) == 2


def test_my_file_says_how_many_of_its_rows_are_no_items(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": "one"}, {"text": "one"}, {"text": ""}, {"text": "two"}])
    project = bring(store, tmp_path / "file.csv", "Twice", ImportPlan((Field("text"),)))
    report = export(store, project, "mine", "csv")
    assert (report.rows, report.left_out) == (2, 2)


def test_an_unknown_export_or_format_is_refused(store, project):
    with pytest.raises(UnknownName, match="there is mine, decisions, annotations"):
        export(store, project, "yours", "csv")
    with pytest.raises(UnknownName, match="there is csv, jsonl, parquet, xlsx"):
        export(store, project, "mine", "pdf")


def test_a_cancelled_export_leaves_no_file(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": f"row {i}"} for i in range(1000)])
    project = bring(store, tmp_path / "file.csv", "Many", ImportPlan((Field("text"),)))
    with pytest.raises(JobCancelled):
        export_data(store, project, "mine", "csv", progress=lambda share, rows: True)
    assert not list((store.workspace / "files").rglob("*.csv"))


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=8)


@st.composite
def tables(draw):
    names = draw(st.lists(NAME, min_size=2, max_size=4, unique=True))
    texts = draw(st.lists(CELL.filter(str.strip), min_size=1, max_size=6, unique=True))
    return [{names[0]: text, **{name: draw(CELL) for name in names[1:]}} for text in texts]


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("round") / "workspace")
    yield opened
    opened.close()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables(), form=st.sampled_from(["jsonl", "parquet"]))
def test_import_then_export_gives_rows_columns_and_order_back(shared_store, table, form):
    path = shared_store.workspace / "file.csv"
    write(path, table)
    columns = list(table[0])
    plan = ImportPlan((Field(columns[0]),), encoding="utf-8", delimiter=",")
    project = bring(shared_store, path, f"Round {len(shared_store.projects())}", plan)
    found = [row[1] for row in rows(sniff(export(shared_store, project, "mine", form).path))]
    assert [{name: cells[name] for name in columns} for cells in found] == table
    assert list(found[0])[: len(columns)] == columns


def test_flags_speak_of_classes_on_offer_and_are_empty_where_no_class_of_an_answer_counts(store, tmp_path):
    write(tmp_path / "file.csv", [{"text": text, "nr": text} for text in "abc"])
    project = bring(store, tmp_path / "file.csv", audit_schedule=(), audit_trickle=0)
    old, rain = classes_from_names(("Sun", "Rain"))
    sun = replace(old, id="sun-2")
    schema = LabelSchema("Weather?", (replace(old, retired=True), rain, sun), task="multi label", version=2)
    store.save_schema(project.id, schema)
    project = store.project(project.id)
    for item, classes in zip(store.stream_items(project.id), (("Sun",), ("Sun", "Rain"), (NONE,)), strict=True):
        said = Annotation(f"event {item.id}", project.id, item.id, "ann", "answer", NOW, classes, schema_version=1)
        annotating.submit(store, said, "", NOW)
    found = list(csv.DictReader(export(store, project, "mine", "csv").path.read_text("utf-8-sig").splitlines()))
    flags = [(row["answer: Rain"], row["answer: Sun"]) for row in found]
    assert flags == [("", ""), ("1", "0"), ("0", "0")]
