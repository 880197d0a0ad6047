"""Versions as they are kept: the one that suggests, and candidates with what is known of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from collab.domain.project import Project
from collab.domain.run import Figure
from collab.domain.store import Store
from collab.domain.version import Change, Making, ModelVersion, Verdict, VersionRecord
from collab.loop.contesting import Outcome
from collab.loop.keeping import champion_of, keep
from collab.loop.promoting import delete_weights, promote
from collab.loop.versions import Judged, judged
from tests.conftest import MakeProject

SAME = Change(0.0, -0.1, 0.1)
HALF = Figure(0.5, 0.4, 0.6)
MADE = Making(7, "full", 40, 4, 2, 1, 8, "processor", 1.0)


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project(1)


@pytest.fixture
def tuned(store: Store, project: Project) -> Callable[..., ModelVersion]:
    """Keeps what a fine-tuning made, always of the same answers, under the champion of the policy."""

    def make(audits: tuple[int, ...] = (), job: int = 7, now: int = 2) -> ModelVersion:
        champion = champion_of(store, project, project.policy.encoder, 1)
        candidate = replace(project, policy=replace(project.policy, encoder="tuned:ab"))
        verdict = Verdict("can't tell", champion.id, audits, SAME, SAME, 1, 1) if audits else None
        seen = VersionRecord(accuracy=HALF, audits=len(audits)) if audits else VersionRecord()
        outcome = Outcome(verdict, seen, replace(seen, flipped=3), Judged(champion.id, flipped=3), 40)
        return keep(store, candidate, champion.id, replace(MADE, job=job), outcome, now)

    return make


def test_a_candidate_is_kept_with_its_parent_and_what_judged_it(
    store: Store, project: Project, tuned: Callable[..., ModelVersion]
) -> None:
    made = tuned((1, 2))
    new, old = store.models(project.id)
    assert new == made
    verdict = Verdict("can't tell", old.id, (1, 2), SAME, SAME, 1, 1)
    record = VersionRecord("tuned:ab", making=MADE, verdict=verdict, accuracy=HALF, audits=2, flipped=3)
    assert made == ModelVersion(new.id, project.id, "tuned:ab", "logistic", "candidate", old.id, record, 2)
    assert (old.status, old.record.accuracy, old.record.audits) == ("champion", HALF, 2)
    assert judged(store, project.id, new.id) == Judged(old.id, flipped=3)


def test_where_no_audits_judge_the_champions_accuracy_stays(
    store: Store, project: Project, tuned: Callable[..., ModelVersion]
) -> None:
    tuned((1, 2))
    tuned(job=8)
    assert store.models(project.id)[1].record.accuracy == HALF


def test_made_anew_of_the_same_answers_it_is_the_same_version_and_its_weights_are_there_again(
    store: Store, project: Project, tuned: Callable[..., ModelVersion]
) -> None:
    first = tuned((1, 2))
    delete_weights(store, project.id, first.id, "Ada", "one", 3)
    again = tuned((2, 3), 8, 4)
    assert (again.id, again.record.deleted_by, again.record.making) == (first.id, "", replace(MADE, job=8))
    assert (again.at, again.record.judged_before) == (4, (1, 2))
    assert again.record.verdict is not None
    assert again.record.verdict.audits == (2, 3)


def test_whoever_is_at_work_under_old_names_does_not_undo_a_promotion(
    store: Store, project: Project, tuned: Callable[..., ModelVersion]
) -> None:
    new = tuned((1, 2))
    promote(store, project.id, new.id, "Ada", "one", 3)
    assert champion_of(store, project, project.policy.encoder, 4).status == "retired"
    assert {m.id: m.status for m in store.models(project.id)}[new.id] == "champion"
