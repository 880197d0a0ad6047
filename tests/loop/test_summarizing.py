import json
from dataclasses import asdict, replace

import pytest

from collab.domain.certificate import Certificate, Terms
from collab.domain.run import Round, Stratum
from collab.errors import UnknownName
from collab.loop import annotating, influencing
from collab.loop.influencing import Effect, Work
from collab.loop.summarizing import summary
from tests.samples import answer_of, row

NOW = 1_700_000_000_000


def audited(project, right, answered, revision=1, labels=20):
    strata = (Stratum(1, (1,), 100, answered, right),)
    return Round(project.id, revision, 1, NOW, labels, strata, fit_seconds=0.25, query_seconds=0.5)


def certificate(project, number, status):
    return Certificate(
        project.id, number, status, Terms(), spent=0.06, model="1.1", schema_version=1, items=90, digest="d1gest",
        key="secret key", audits=40, by="ann", at=NOW,
    )  # fmt: skip


def names(found):
    return [limit.name for limit in found.limits]


def test_it_tells_the_files_and_what_became_of_their_rows(store, make_project):
    project = make_project(30, mark=0.2)
    (source,) = summary(store, project.id, NOW).data.sources
    assert (source.name, source.added, source.duplicates, source.rejected) == ("reviews.csv", 30, 0, 0)


def test_it_tells_who_answered_how_much_and_how_long_that_took(store, make_project):
    project = make_project(5)
    first, second, *_ = store.stream_items(project.id)
    for item, who in ((first, "ann"), (second, "ann"), (first, "ben")):
        annotating.submit(store, answer_of(project.id, item.id, by=who), "", NOW)
    timed = Effect(3, 0, 0, 0, work=(Work("ann", 0, acts=2, timed=2, seconds=9.5),))
    store.put_figures(project.id, influencing.FIGURES, asdict(timed), NOW)
    found = summary(store, project.id, NOW)
    assert found.people.work == (Work("ann", 2, acts=2, timed=2, seconds=9.5), Work("ben", 1))
    assert (found.cost.timed, found.cost.seconds) == (2, 9.5)


def test_it_adds_up_what_the_model_took(store, make_project):
    project = make_project(5)
    store.add_round(audited(project, 9, 12))
    store.add_round(audited(project, 10, 12, revision=2))
    found = summary(store, project.id, NOW)
    assert (found.cost.fits, found.cost.machine_seconds) == (2, 1.5)
    assert (found.made.model, found.made.labels) == ("1.2", 20)


def test_the_learning_curve_keeps_only_points_that_may_be_told(store, make_project):
    project = make_project(60, mark=0.9)
    store.add_round(audited(project, 9, 12, labels=10))
    store.add_round(audited(project, 30, 40, revision=2, labels=20))
    assert [point.labels for point in summary(store, project.id, NOW).quality.curve] == [20]


def test_a_project_without_audits_says_that_nothing_is_known(store, make_project):
    found = summary(store, make_project(5).id, NOW)
    assert found.quality.accuracy.share is None
    assert names(found) == ["items", "people", "not_checked", "not_compared", "not_repeated", "sway_unknown"]


def test_answers_that_came_with_a_file_and_demo_data_are_named_as_such(store, make_project):
    found = summary(store, make_project([row(1, answer=("Yes",))], answers="decisions", demo=True).id, NOW)
    assert {"demo", "imported"} <= set(names(found))


def test_answers_that_were_held_back_are_not_called_answers_to_count(store, make_project):
    found = summary(store, make_project([row(1, answer=("Yes",))], answers="truth", demo=True).id, NOW)
    assert "imported" not in names(found)
    assert next(limit.n for limit in found.limits if limit.name == "held_back") == 1


def test_suggestions_that_sway_people_are_a_limit(store, make_project):
    project = make_project(5)
    store.put_figures(project.id, influencing.FIGURES, asdict(Effect(9, 5, 300, 200, False, alarm=True)), NOW)
    assert "sway" in names(summary(store, project.id, NOW))


def test_all_certificates_are_told_but_not_their_keys(store, make_project):
    project = make_project(5)
    store.save_certificate(certificate(project, 1, "refused"))
    store.save_certificate(certificate(project, 2, "auditing"))
    found = summary(store, project.id, NOW)
    assert [(c.number, c.key) for c in found.certificates] == [(2, ""), (1, "")]
    assert "secret key" not in found.as_json()


def test_its_json_holds_every_figure_and_no_secret(store, make_project):
    project = make_project(60, mark=0.9)
    store.add_round(audited(project, 30, 40))
    found = json.loads(summary(store, project.id, NOW).as_json())
    assert (found["project"], found["quality"]["accuracy"]["right"]) == ("Reviews", 30)
    assert found["quality"]["accuracy"]["share"] == 0.75
    assert project.salt not in json.dumps(found)


def test_a_share_of_nothing_is_null_in_the_json(store, make_project):
    project = make_project(60, mark=0.9)
    store.add_round(audited(project, 30, 40))
    found = summary(store, project.id, NOW)
    told = json.loads(replace(found, classes={"Yes": float("nan")}).as_json())
    assert told["classes"] == {"Yes": None}


def test_an_unknown_project_is_refused(store):
    with pytest.raises(UnknownName):
        summary(store, 7, NOW)
