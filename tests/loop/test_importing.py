import gzip
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from collab.domain.annotation import Annotation, Decision
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.errors import Conflict, InvalidSchema, JobCancelled, UnknownName, UnreadableFile
from collab.loop import annotating, demonstrating, importing, rebuilding
from collab.loop.demonstrating import load_demo
from collab.loop.guessing import guess
from collab.loop.importing import Changes, preview_changes, reserve_mark, run_import
from collab.loop.planning import ImportPlan, plan_from
from collab.loop.reading import sniff
from collab.loop.shaping import audit_rank

NOW = 1_700_000_000_000
FILES = Path(__file__).parent / "files"
PLAN = ImportPlan((Field("text"),), id_column="id")
FIRST = "id,text,label\na,first,yes\nb,second,no\nc,third,\n"
SECOND = "id,text,label\na,first,yes\nb,second changed,no\nd,fourth,no\n"


def go_on(share, rows):
    return False


@pytest.fixture
def project(store):
    schema = LabelSchema("Yes or no?", classes_from_names(("yes", "no")))
    return store.create_project("Questions", (Field("id", "category", "id"), Field("text")), schema, LoopPolicy(), NOW)


@pytest.fixture
def bring(store, project, tmp_path):
    """Import a text as a file."""

    def bring(content, plan=PLAN, progress=go_on, verb=run_import, **more):
        path = tmp_path / "file.csv"
        path.write_text(content, encoding="utf-8")
        return verb(store, project, path, plan, now=NOW, progress=progress, **more)

    return bring


def texts(store, project):
    return [(item.ref, item.fields["text"]) for item in store.stream_items(project.id)]


def test_rows_become_items_with_their_other_columns_beside_them(store, project, bring):
    assert bring(FIRST) == ImportReport(added=3, language="unknown")
    items = store.stream_items(project.id)
    assert [(i.ref, i.fields, i.meta) for i in items] == [
        ("a", {"text": "first"}, {"id": "a", "label": "yes"}),
        ("b", {"text": "second"}, {"id": "b", "label": "no"}),
        ("c", {"text": "third"}, {"id": "c", "label": ""}),
    ]


def test_an_import_is_logged_without_content_and_asks_for_encoding_and_index(store, project, bring):
    bring(FIRST, by="ann", source="mine.csv")
    ((_, event),) = store.log(project.id)
    assert (event.kind, event.actor, event.payload["source"], event.payload["added"]) == (
        "import",
        "ann",
        "mine.csv",
        3,
    )
    assert "first" not in str(event.payload)
    assert sorted(job.kind for job in store.jobs(project.id)) == ["encode", "index"]


def test_a_second_row_with_the_same_content_is_counted_and_not_added(store, project, bring):
    assert bring("id,text\na,same\nb,same\nc,other\n") == ImportReport(added=2, duplicates=1, language="unknown")
    assert texts(store, project) == [("a", "same"), ("c", "other")]


def test_rejected_rows_are_counted_and_can_be_fetched(store, project, bring):
    report = bring('id,text\na,fine\nb,"=cmd()\nc,,d\n,no id\ne,\n')
    assert (report.added, report.rejected) == (1, 4)
    assert store.file(report.rejected_file).read_text(encoding="utf-8").splitlines() == [
        "line,reason,row",
        '3,has a quote that is never closed,"b,""=cmd()',
        '"',
        '4,has 3 cells where the header has 2,"c,,d"',
        '5,id is empty; every row needs its id,"{""id"": """", ""text"": ""no id""}"',
        '6,text: nothing is there to label,"{""id"": ""e"", ""text"": """"}"',
    ]


def test_nothing_is_kept_after_a_cancel(store, project, bring):
    with pytest.raises(JobCancelled):
        bring("id,text\n" + "".join(f"{i},row {i}\n" for i in range(6000)), progress=lambda share, rows: True)
    assert (texts(store, project), store.imports(project.id), store.jobs(project.id)) == ([], (), [])
    assert bring(FIRST).added == 3


@pytest.mark.slow
def test_nothing_is_kept_of_a_file_that_breaks_off(store, project, tmp_path):
    path = tmp_path / "file.csv.gz"
    whole = gzip.compress(
        b"id,text\n" + b"".join(b"%d,a row with some words in it %d\n" % (i, i) for i in range(30_000))
    )
    path.write_bytes(whole[: len(whole) * 6 // 10])
    told = []
    with pytest.raises(UnreadableFile, match="damaged"):
        run_import(store, project, path, PLAN, now=NOW, progress=lambda share, rows: told.append(rows))
    assert told[0] == "5,000"
    assert (texts(store, project), store.imports(project.id)) == ([], ())


def test_one_import_of_a_project_at_a_time(store, project, bring):
    with pytest.raises(Conflict, match="under way"):
        bring(FIRST, progress=lambda share, rows: bool(bring(SECOND)))
    assert texts(store, project) == []


def test_an_import_that_was_cut_off_is_removed_by_the_next_one(store, project, bring):
    cut_off = store.begin_import(project.id, "another", "nothing", NOW)
    store.add_items(cut_off, [NewItem("z", {"text": "half"}, "digest", 0.5)])
    bring(FIRST)
    assert texts(store, project) == [("a", "first"), ("b", "second"), ("c", "third")]


def test_answers_become_decisions(store, project, bring):
    report = bring(FIRST, replace(PLAN, answer_column="label", answers="decisions"))
    assert report == ImportReport(added=3, answers=2, language="unknown")
    first, second, third = store.stream_items(project.id)
    assert store.decision(first.id) == Decision(first.id, ("yes",), "imported")
    assert store.decision(second.id) == Decision(second.id, ("no",), "imported")
    assert store.decision(third.id) is None


def test_answers_become_annotations_of_the_people_that_the_file_names(store, project, bring):
    plan = replace(PLAN, answer_column="label", annotator_column="who", answers="annotations")
    assert bring("id,text,label,who\na,first,yes,ann\nb,second,no,\n", plan).rejected == 1
    (item,) = store.stream_items(project.id)
    assert [(a.annotator, a.answer) for a in store.current(item.id)] == [("ann", ("yes",))]


def test_the_report_counts_the_answers_that_are_there(store, project, bring, monkeypatch):
    monkeypatch.setattr(importing, "reserve_mark", lambda size: 0.0)
    plan = replace(PLAN, answer_column="label", answers="decisions")
    bring("id,text,label\na,first,\nb,second,no\n", plan)
    assert bring("id,text,label\na,first,yes\nb,second,yes\nc,third,yes\nd,third,no\n", plan) == ImportReport(
        added=1, duplicates=2, rejected=1, answers=1, answers_left=1, language="unknown",
        rejected_file="imports/2-rejected.csv",
    )  # fmt: skip
    assert '5,"is the same as item c' in store.file("imports/2-rejected.csv").read_text("utf-8-sig")
    assert store.class_counts(project.id) == {"yes": 1, "no": 1}
    assert store.log(project.id)[-1][1].payload["answers_left"] == 1


def test_the_same_named_answers_twice_say_the_same_as_once_and_change_nothing_said_since(store, project, bring):
    plan = replace(PLAN, answer_column="label", annotator_column="who", answers="annotations")
    table = "id,text,label,who\n" + "".join(f"{i},row {i},yes,ann\n" for i in range(40))
    assert bring(table, plan).answers == 40
    first, second, *_ = store.stream_items(project.id)
    (said,) = store.current(second.id)
    annotating.submit(store, Annotation("new", project.id, first.id, "ann", "answer", 0, ("no",)), "", NOW)
    annotating.take_back(store, project.id, said.id, "ann", "undo", NOW)

    again = bring(table, plan)

    assert (again.answers, again.answers_left) == (0, 40)
    assert ([a.id for a in store.current(first.id)], store.current(second.id)) == (["new"], [])
    assert store.class_counts(project.id) == {"yes": 38, "no": 1}
    assert store.answers_since(project.id, NOW) == 1


def test_named_answers_of_an_import_that_died_before_logging_them_are_logged_by_the_next(store, project, bring):
    dead = store.begin_import(project.id, "dead.csv", "annotations", NOW)
    store.add_items(dead, [NewItem("z", {"text": "z"}, "digest", 0.5, answer=("yes",), annotator="ann")])
    store.finish_import(dead, ImportReport(added=1), 0.2, 500, NOW)
    bring(FIRST)
    assert [event.kind for _, event in store.log(project.id)] == ["answer", "import"]
    assert store.class_counts(project.id) == {"yes": 1}


@pytest.mark.slow
def test_many_named_answers_hold_the_store_for_no_longer_than_people_wait(tmp_path, store, project, bring):
    plan = replace(PLAN, answer_column="label", annotator_column="who", answers="annotations")
    held = []
    begin = store.transaction

    @contextmanager
    def timed(**more):
        started = time.monotonic()
        with begin(**more):
            yield
        held.append(time.monotonic() - started)

    store.transaction = timed
    bring("id,text,label,who\n" + "".join(f"{i},row {i},yes,ann\n" for i in range(20_000)), plan)
    assert store.class_counts(project.id) == {"yes": 20_000}
    assert max(held) < 2.5


def test_hidden_truth_is_held_back_from_the_item(store, project, bring):
    bring(FIRST, replace(PLAN, answer_column="label", answers="truth"))
    first, second, _ = store.stream_items(project.id)
    assert store.truth(project.id) == {first.id: ("yes",), second.id: ("no",)}
    assert (first.meta, store.decision(first.id)) == ({"id": "a"}, None)


def test_an_answer_that_names_no_class_is_rejected(store, project, bring):
    plan = replace(PLAN, answer_column="label", answers="decisions")
    assert bring("id,text,label\na,first,maybe\nb,second,YES\n", plan).rejected == 1
    assert texts(store, project) == [("b", "second")]


def test_an_answer_that_names_no_class_is_left_out_where_the_plan_says_so(bring):
    plan = replace(PLAN, answer_column="label", answers="decisions", unknown_answers="unlabeled")
    report = bring("id,text,label\na,first,maybe\nb,second,yes\n", plan)
    assert (report.added, report.answers, report.unlabeled, report.rejected) == (2, 1, 1, 0)


def test_entities_are_decoded_on_request_and_the_original_is_kept(store, project, bring):
    bring("id,text\na,fish &amp; chips\n", replace(PLAN, unescape=True))
    (item,) = store.stream_items(project.id)
    assert (item.fields, item.meta) == ({"text": "fish & chips"}, {"id": "a", "text": "fish &amp; chips"})


def test_changed_rows_are_kept_as_they_were_by_default(store, project, bring):
    bring(FIRST)
    assert bring(SECOND) == ImportReport(added=1, duplicates=1, changed=1, language="unknown")
    assert texts(store, project) == [("a", "first"), ("b", "second"), ("c", "third"), ("d", "fourth")]


def test_changed_rows_replace_the_old_ones_and_reopen_their_decision(store, project, bring):
    bring(FIRST, replace(PLAN, answer_column="label", answers="decisions"))
    bring(SECOND, replace(PLAN, on_change="replace"))
    assert texts(store, project) == [("a", "first"), ("b", "second changed"), ("c", "third"), ("d", "fourth")]
    first, second, *_ = store.stream_items(project.id)
    assert store.decision(first.id) == Decision(first.id, ("yes",), "imported")
    assert (store.decision(second.id), second.state) == (None, "open")


def test_what_was_said_of_replaced_content_stays_out_of_force_after_a_rebuild(store, project, bring):
    bring(FIRST)
    first, second, _ = store.stream_items(project.id)
    for item in (first, second):
        said = Annotation(f"of {item.id}", project.id, item.id, "ann", "answer", 0, ("yes",))
        annotating.submit(store, said, "", NOW)
    bring(SECOND, replace(PLAN, on_change="replace"))

    rebuilding.rebuild(store, project.id)

    assert [[a.id for a in store.current(item.id)] for item in (first, second)] == [[f"of {first.id}"], []]
    states = {item.ref: item.state for item in store.stream_items(project.id)}
    assert states == {"a": "decided", "b": "open", "c": "open", "d": "open"}


def test_changed_rows_are_added_under_a_name_of_their_own(store, project, bring):
    bring(FIRST)
    bring(SECOND, replace(PLAN, on_change="add"))
    bring(SECOND.replace("second changed", "second again"), replace(PLAN, on_change="add"))
    assert texts(store, project)[3:] == [("d", "fourth"), ("b (2)", "second changed"), ("b (3)", "second again")]


def test_rows_without_an_id_are_numbered_on_from_the_files_before(store, project, bring):
    plan = replace(PLAN, id_column="")
    bring("text\none\none\ntwo\n", plan)
    assert bring("text\nthree\none\n", plan) == ImportReport(added=1, duplicates=1, language="unknown")
    assert texts(store, project) == [("1", "one"), ("3", "two"), ("4", "three")]


def test_a_preview_shows_the_differences_and_leaves_no_trace(store, project, bring):
    bring(FIRST)
    assert bring(SECOND, replace(PLAN, on_change="replace"), verb=preview_changes) == Changes(
        ImportReport(added=1, duplicates=1, changed=1, language="unknown"),
        (("b", {"text": "second"}, {"text": "second changed"}),),
    )
    assert texts(store, project) == [("a", "first"), ("b", "second"), ("c", "third")]
    assert bring(SECOND).changed == 1


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        (replace(PLAN, id_column="nr"), UnknownName),
        (replace(PLAN, answers="decisions"), InvalidSchema),
        (replace(PLAN, answers="annotations", answer_column="label"), InvalidSchema),
        (replace(PLAN, fields=(Field("label"),)), InvalidSchema),
        (replace(PLAN, fields=(Field("text", role="metadata"),)), InvalidSchema),
    ],
)
def test_a_plan_that_contradicts_the_file_or_the_project_is_refused_before_anything_is_written(
    store, project, bring, plan, error
):
    with pytest.raises(error):
        bring(FIRST, plan)
    assert bring(FIRST).added == 3


def test_a_plan_follows_the_confirmed_guesses(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("id,text,label\n" + "".join(f"{i},Some words to read {i},{i % 2}\n" for i in range(9)))
    assert plan_from(guess(sniff(path)), answers="decisions") == ImportPlan(
        (Field("id", "number", "id"), Field("text"), Field("label", "number", "metadata")),
        id_column="id",
        answer_column="label",
        answers="decisions",
    )


def test_the_reserve_holds_the_share_that_its_rule_says(store, project, bring):
    bring("id,text\n" + "".join(f"{i},row {i}\n" for i in range(3000)))
    items = store.stream_items(project.id, limit=5000)
    assert reserve_mark(3000) == pytest.approx(0.12)
    assert [i.id for i in items if i.reserved] == [i.id for i in items if i.audit_rank < 0.12]
    assert all(0 <= i.audit_rank < 1 for i in items)
    assert 260 <= store.progress(project.id).reserved <= 460


def test_audit_ranks_cannot_be_computed_without_the_random_salt_of_the_project(store, project, bring):
    bring(FIRST)
    ranks = [item.audit_rank for item in store.stream_items(project.id)]
    digests = [item.digest for item in store.stream_items(project.id)]
    assert ranks == [audit_rank(digest, project.salt.encode()) for digest in digests]
    assert ranks != [audit_rank(digest, b"0:1") for digest in digests]
    assert len(project.salt) == 32


def test_a_small_import_shares_its_reserve_with_the_next_one(store, project, bring):
    bring(FIRST)
    bring("id,text\n" + "".join(f"{i},row {i}\n" for i in range(3000)))
    assert [(s.number, len(s.imports)) for s in store.strata(project.id)] == [(1, 2)]


@pytest.mark.slow
def test_a_demo_that_was_cut_off_is_filled_by_the_next_run(store, monkeypatch):
    monkeypatch.setattr(demonstrating, "TWEETS", FILES / "missing.jsonl")
    with pytest.raises(UnreadableFile):
        load_demo(store, now=NOW)
    cut_off = store.create_project("Demo", (Field("text"),), demonstrating.SCHEMA, LoopPolicy(), NOW, demo=True)
    monkeypatch.undo()
    assert load_demo(store, now=NOW).id == load_demo(store, now=NOW).id == cut_off.id
    assert store.progress(cut_off.id).items == 4200


@pytest.mark.slow
def test_the_demo_holds_its_truth_back(store):
    project = load_demo(store, now=NOW)
    (item,) = store.stream_items(project.id, limit=1)
    assert (project.name, project.demo, store.progress(project.id).items) == ("Tweets", True, 4200)
    assert (item.ref, item.meta, store.truth(project.id)[item.id]) == (
        "vader_tweets:1",
        {"id": "vader_tweets:1"},
        ("positive",),
    )
    assert not [i for i in store.stream_items(project.id, limit=5000) if "&amp;" in i.fields["text"]]
