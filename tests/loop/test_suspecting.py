import json
from dataclasses import replace

import numpy as np
import pytest

from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.version import ModelVersion
from collab.loop import doubting, suspecting
from collab.loop.doubting import Features
from collab.loop.encoding import stamp
from collab.loop.versions import judged_file
from tests.samples import row

NOW = 1_700_000_000_000
FEATURES = Features("toy", 8, (8,))


@pytest.fixture
def clusters(store):
    """Sixty items in three clusters, the answers of 7 and 31 wrong, the last six without one, the first in reserve."""
    schema = LabelSchema("Which?", classes_from_names(("a", "b", "c")))
    project = store.create_project("Clusters", (Field("text"),), schema, LoopPolicy(encoder="hashing"), NOW)
    said = ["abc"[n // 20] for n in range(60)]
    said[7], said[31] = "c", "a"
    rows = [row(n, rank=0.5, answer=(c,) if n < 54 else ()) for n, c in enumerate(said)]
    opened = store.begin_import(project.id, "made up", "decisions", NOW)
    store.add_items(opened, rows)
    store.finish_import(opened, ImportReport(added=60), 0.0, 500, NOW)
    items = [p.item for p in store.pool(project.id)]
    middle = np.repeat(np.eye(3, 8), 20, axis=0) + 0.05 * np.random.default_rng(0).normal(size=(60, 8))
    file = store.features(project.id, "toy", 8)
    file.append(np.array(items), np.array([stamp(r.digest) for r in rows]), middle.astype(np.float32))
    return project, items


def test_wrong_answers_are_found_with_what_speaks_against_them(store, clusters):
    project, items = clusters
    made = suspecting.look(store, project, FEATURES, NOW, lambda _: False)
    found = [item for item, _ in store.due_looks(project.id, "rex", "", 10, NOW)]
    assert set(found[:2]) == {items[7], items[31]}
    by_kind = {s.kind: s for s in store.suspects_of(items[31])}
    assert by_kind["error"].detail["instead"] == ["b"]
    assert by_kind["contradiction"].detail["other"] in items[20:40]
    assert len(by_kind["error"].detail["near"]) == 3
    assert made == doubting.looked(store, project.id)
    assert (made.decisions, made.found["contradiction"]) == (54, 1)


def test_audits_are_never_suspected(store, clusters, monkeypatch):
    project, items = clusters
    pool_rows = type(store).pool

    def with_audits(self, *arguments):
        return [replace(r, reserved=r.item == items[7]) for r in pool_rows(self, *arguments)]

    monkeypatch.setattr(type(store), "pool", with_audits)
    monkeypatch.setattr(
        type(store), "pool_rows", lambda self, p, ids: [r for r in with_audits(self, p) if r.item in ids]
    )
    suspecting.look(store, project, FEATURES, NOW, lambda _: False)
    assert store.suspects_of(items[7]) == ()
    assert all(
        items[7] not in (s.detail.get("other"), *(n for n, _ in s.detail["near"]))
        for i in items
        for s in store.suspects_of(i)
    )


def test_open_items_whose_suggestion_flipped_are_there_with_what_each_version_said(store, clusters):
    project, items = clusters
    version = store.add_model(ModelVersion(0, project.id, "hashing", "logistic", "champion", at=NOW)).id
    flip = {"before": ["a"], "after": ["c"], "sure_before": 0.6, "sure_after": 0.9}
    kept = {"against": 41, "flips": [flip | {"item": items[55]}, flip | {"item": items[3]}]}  # the latter is decided
    store.write_file(judged_file(project.id, version), iter([json.dumps(kept).encode()]))
    suspecting.look(store, project, FEATURES, NOW, lambda _: False)
    (found,) = store.suspects_of(items[55])
    assert (found.kind, found.detail["versions"], found.detail["before"]) == ("flip", [41, version], ["a"])
    assert store.looks_left(project.id, "rex", NOW)["flip"] == 1


def test_a_look_is_asked_for_once_enough_has_changed(store, clusters):
    project, _ = clusters
    assert suspecting.ask_if_due(store, project, FEATURES, NOW) is None  # not while items are being read
    store.set_worker(project.id, "idle", NOW, 1.0)
    assert suspecting.ask_if_due(store, project, FEATURES, NOW) is not None
    suspecting.look(store, project, FEATURES, NOW, lambda _: False)
    assert suspecting.ask_if_due(store, project, FEATURES, NOW + 1000) is None
    assert suspecting.ask_if_due(store, project, FEATURES, NOW + 10**6) is None  # nothing was said since
