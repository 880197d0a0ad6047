"""The whole loop where any number of classes may apply, on a real store."""

import csv
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Annotation
from collab.domain.project import NONE, Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import ItemFilter, NewItem
from collab.engine.encoders.text import encoder_of
from collab.loop import annotating, handing_out, reporting
from collab.loop.encoding import encode_items
from collab.loop.exporting import export_data
from collab.loop.planning import ImportPlan
from collab.loop.retraining import Learner
from collab.loop.shaping import Shaper

NOW = 1_700_000_000_000
SCHEMA = LabelSchema("What is it about?", classes_from_names(("sun", "rain", "wind")), task="multi label")
WORDS = {"sun": "bright sunny warm", "rain": "wet drops umbrella", "wind": "storm gust blowing"}


def answer_to(number):
    return tuple(c for at, c in enumerate(("sun", "rain", "wind")) if number >> at & 1) or (NONE,)


def told(number):
    answer = answer_to(number % 8)
    text = f"{' '.join(WORDS.get(c, '') for c in answer)} report number {number}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewItem(str(number), {"text": text}, digest, int(digest[:8], 16) / 16**8, answer=answer)


@pytest.fixture
def labeled(store):
    """Two hundred reports, of which an oracle has answered a hundred; a round after every ten."""
    policy = LoopPolicy(encoder="hashing", audit_schedule=((60, 2),), blind_share=0.2)
    project = store.create_project("Weather", (Field("text"),), SCHEMA, policy, NOW)
    store.add_items(store.begin_import(project.id, "made up", "truth", NOW), [told(n) for n in range(200)])
    store.finish_import(1, ImportReport(added=200), 0.3, 500, NOW)
    encode_items(store, project, encoder_of("hashing"), lambda *_: False)
    learner, truth, now = Learner(store, project.id, encoder_of("hashing")), store.truth(project.id), NOW
    for at in range(100):
        if at % 10 == 0:
            learner.take_in()
            done = learner.round(now)
        now += 1000
        (ask,) = handing_out.hand_out(
            store, project, "Ada", "tab", want=1, have=(), on_screen=None, ranking=0, now=now
        ).asks
        said = Annotation(
            f"act {at}", project.id, ask.item, "Ada", "answer", 0, truth[ask.item], ask.id, shown=ask.suggestion
        )
        annotating.submit(store, said, ask.token, now)
    learner.take_in()
    done = learner.round(now + 120_000)
    return store, project, learner, done


def test_it_learns_each_class_and_is_judged_by_whole_answers(labeled):
    store, project, _, done = labeled
    (stratum,) = done.strata
    assert done.labels == store.progress(project.id).decided
    assert stratum.right > 0.5 * stratum.answered
    assert set(done.by_class) == {"sun", "rain", "wind", NONE}
    rain = stratum.classes["rain"]
    assert rain.both > 0.8 * rain.people
    assert [c.class_id for c in reporting.by_class(store, project.id, SCHEMA)] == ["sun", "rain", "wind"]
    assert done.checks.calibration.answered >= 30
    assert sum(store.class_counts(project.id).values()) > done.labels
    words = handing_out.hand_out(
        store, project, "Ada", "tab", want=20, have=(), on_screen=None, ranking=0, now=NOW + 300_000
    ).asks
    assert max(sum(ask.suggestion.proba) for ask in words if ask.suggestion) > 1.5


def test_an_item_is_found_by_any_class_that_its_answer_names(labeled):
    store, project, _, _ = labeled
    rows, total = store.find(project.id, ItemFilter(answer="rain", include_reserved=True), 200)
    assert 0 < total == len(rows)
    assert all("rain" in row.decision.answer for row in rows)
    none, _ = store.find(project.id, ItemFilter(answer=NONE, include_reserved=True), 200)
    assert {row.decision.answer for row in none} == {(NONE,)}


def test_an_export_lists_the_classes_and_flags_each_in_a_spreadsheet(labeled):
    store, project, _, _ = labeled
    written = export_data(store, project, "decisions", "csv", progress=lambda *_: False).path
    rows = list(csv.DictReader(written.read_text(encoding="utf-8").splitlines()))
    several = next(row for row in rows if row["answer"] == "sun; rain")
    assert [several[f"answer: {c}"] for c in ("sun", "rain", "wind")] == ["1", "1", "0"]
    none = next(row for row in rows if row["answer"] == NONE)
    assert [none[f"answer: {c}"] for c in ("sun", "rain", "wind")] == ["0", "0", "0"]
    lines = export_data(store, project, "decisions", "jsonl", progress=lambda *_: False).path.read_text().splitlines()
    assert {tuple(json.loads(line)["answer"]) for line in lines} >= {("sun", "rain"), ()}


def test_an_answer_all_of_whose_classes_were_retired_teaches_nothing(labeled):
    store, project, learner, done = labeled
    sun, rain, wind = SCHEMA.classes
    today = replace(SCHEMA, classes=(replace(sun, retired=True), rain, wind), version=2)
    learner._pool.take(learner._pool.items.tolist(), today)
    only_sun = sum(n for n in [1 for i in store.truth(project.id).values() if i == ("sun",)])
    labels = learner._pool.labels[learner._pool.labeled]
    assert len(labels) < done.labels
    assert only_sun
    assert all(0 not in learner._pool.numbers.columns(n) for n in np.unique(labels).tolist())


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("sun; rain", ("sun", "rain")), ("wind|sun", ("sun", "wind")), ("rain, sun", ("sun", "rain")),
        ('["wind"]', ("wind",)), (["rain", "wind"], ("rain", "wind")), ("[]", (NONE,)), ("none", (NONE,)),
        (NONE, (NONE,)), ("", ()), (None, ()),
    ],
)  # fmt: skip
def test_a_cell_may_name_several_classes_or_none(cell, answer):
    plan = ImportPlan(fields=(Field("text"),), answer_column="about", answers="decisions")
    project = Project(1, "Weather", (Field("text"),), SCHEMA, LoopPolicy())
    assert Shaper(plan, project).shape(2, 1, {"text": "today", "about": cell}, {}).answer == answer


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("rain, sun", ("sun", "rain")), ("rain,rain", ("rain",)), ("high wind, weak", None),
        ("Sun, high wind, strong", ("sun", "high wind, strong")),
        ("high wind, strong; rain", ("rain", "high wind, strong")),
    ],
)  # fmt: skip
def test_commas_divide_names_also_where_a_class_has_one_in_its_own(cell, answer):
    schema = LabelSchema("Weather?", classes_from_names(("sun", "rain", "high wind, strong")), task="multi label")
    plan = ImportPlan(fields=(Field("text"),), answer_column="about", answers="decisions")
    made = Shaper(plan, Project(1, "Weather", (Field("text"),), schema, LoopPolicy())).shape(
        2, 1, {"text": "today", "about": cell}, {}
    )
    assert getattr(made, "answer", None) == answer
