"""Whether fine-tuning is worth a try: labels enough, a head that gains no more, a target out of reach."""

from dataclasses import replace

import pytest

from collab.domain.project import LoopPolicy
from collab.domain.run import Round, Stratum
from collab.domain.store import Store
from collab.domain.version import Change, Making, ModelVersion, Verdict, VersionRecord
from collab.loop.escalating import advice
from tests.conftest import MakeProject
from tests.samples import rows

MADE = Making(1, "lora", 80, 10, 3, 2, 16, "processor, 2 threads", 60.0)


def taught(
    store: Store, make_project: MakeProject, per_class: int, rights: tuple[int, ...] = (), name: str = "Reviews"
) -> int:
    """A project with so many decisions of each class, and each 50 labels a round with so many right of 100 audits."""
    answered = [each for n in range(per_class) for each in (*rows(1, 2 * n, answer=("Yes",)), *rows(1, 2 * n + 1))]
    answered = [replace(each, answer=each.answer or ("No",)) for each in answered]
    project = make_project([*answered, *rows(100, 1000)], name=name, answers="decisions", policy=LoopPolicy()).id
    for at, right in enumerate(rights, 1):
        store.add_round(Round(project, at, 1, at, 50 * at, (Stratum(1, (1,), 1000, 100, right),)))
    return project


@pytest.mark.parametrize(("per_class", "rights", "reason"), [
    (3, (), "nothing"),
    (31, (80, 80, 80), "few labels"),
    (40, (80, 80), "few audits"),
    (40, (70, 75, 80), "still gaining"),
    (40, (90, 90, 90), "good enough"),
    (40, (80, 80, 80), "ready"),
])  # fmt: skip
def test_it_is_advised_only_where_the_head_alone_falls_short(
    store: Store, make_project: MakeProject, per_class: int, rights: tuple[int, ...], reason: str
) -> None:
    found = advice(store, taught(store, make_project, per_class, rights))
    assert (found.reason, found.ready, found.labels) == (reason, reason == "ready", per_class)


def test_the_slope_is_that_of_the_latest_labels(store: Store, make_project: MakeProject) -> None:
    found = advice(store, taught(store, make_project, 40, (10, 20, 70, 72, 74, 76)))
    assert found.slope == pytest.approx(0.02)


def test_adapters_are_advised_where_labels_are_few(store: Store, make_project: MakeProject) -> None:
    assert advice(store, taught(store, make_project, 40)).method == "lora"
    assert advice(store, taught(store, make_project, 64, name="Others")).method == "full"


def test_what_it_usually_brings_is_what_the_gate_has_measured_here(store: Store, make_project: MakeProject) -> None:
    project = taught(store, make_project, 40)
    assert (advice(store, project).brought, advice(store, project).times) == (None, 0)
    for value in (0.02, 0.06):
        change = Change(value, value - 0.03, value + 0.03)
        record = VersionRecord("tuned:a", making=MADE, verdict=Verdict("can't tell", 1, (1,), change, change, 1, 1))
        store.add_model(ModelVersion(0, project, "tuned:a", "logistic", "candidate", None, record, 1))
    store.add_model(ModelVersion(0, project, "tuned:b", "logistic", record=replace(record, making=None), at=1))
    found = advice(store, project)
    assert (found.brought, found.times) == (pytest.approx(0.04), 2)
