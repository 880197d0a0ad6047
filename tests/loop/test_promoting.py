"""Which version suggests: promoted, gone back to, deleted."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from collab.domain.store import Store
from collab.domain.version import Change, ModelVersion, Verdict, VersionRecord
from collab.errors import Conflict
from collab.loop.drawing import read_population
from collab.loop.freezing import freeze
from collab.loop.promoting import delete_weights, promote, roll_back, unread
from collab.loop.versions import judged_file
from tests.conftest import MakeProject
from tests.loop.conftest import NOW, Loop
from tests.loop.frozen import KEY, TERMS, frozen_of

GAIN = Change(0.1, 0.05, 0.15)


def versions(store: Store, project: int, word: str = "better") -> tuple[ModelVersion, ModelVersion]:
    """A champion as it came, and a candidate whose weights lie on the disk."""
    old = store.add_model(ModelVersion(0, project, "minilm", "logistic", at=1))
    store.write_file(f"models/{project}/ab/text/model.safetensors", iter([b"weights"]))
    record = VersionRecord("tuned:ab", verdict=Verdict(word, old.id, (1, 2), GAIN, GAIN, 1, 2))  # type: ignore[arg-type]
    new = ModelVersion(0, project, "tuned:ab", "logistic", "candidate", old.id, record, 2)
    return old, store.add_model(new)


def read(store: Store, project: int, version: ModelVersion, items: list[int]) -> None:
    """Have a version judged, whose encoder has read some items."""
    kept = json.dumps({"against": version.parent, "features": ["ab", 1], "features_before": ["as it came", 1]})
    store.write_file(judged_file(project, version.id), iter([kept.encode()]))
    store.features(project, "ab", 1).append(items, items, [[0.0]] * len(items))


def status(store: Store, project: int) -> dict[int, str]:
    return {m.id: m.status for m in store.models(project)}


def test_a_promoted_version_is_the_policys_and_the_way_back_is_one_act(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    before = store.project(project).policy
    old, new = versions(store, project)
    promote(store, project, new.id, "Ada", "one", 3)
    assert status(store, project) == {old.id: "retired", new.id: "champion"}
    assert store.project(project).policy == replace(before, encoder="tuned:ab")
    roll_back(store, project, old.id, "Ada", "two", 4)
    assert status(store, project) == {old.id: "champion", new.id: "retired"}
    assert store.project(project).policy == replace(before, encoder="minilm")
    acts = [event.payload for _, event in store.log(project) if event.kind == "promote"]
    assert [(a["act"], a["version"], a["before"]["encoder"], a["after"]["encoder"]) for a in acts] == [
        ("promote", new.id, before.encoder, "tuned:ab"),
        ("roll back", old.id, "tuned:ab", "minilm"),
    ]
    assert store.check_chain(project) == store.progress(project).events


def test_what_is_not_read_yet_is_queued_in_the_same_act(store: Store, make_project: MakeProject) -> None:
    project = make_project(3)
    old, new = versions(store, project.id)
    items = [item.id for item in store.stream_items(project.id)]
    read(store, project.id, new, items[:1])
    assert (unread(store, project, new), unread(store, project, old)) == (2, 3)
    promote(store, project.id, new.id, "Ada", "one", 3)
    (job,) = store.jobs(project.id)
    assert (job.kind, job.status, job.requested_by) == ("encode", "queued", "Ada")


def test_where_all_is_read_nothing_is_queued(store: Store, make_project: MakeProject) -> None:
    project = make_project(3)
    _, new = versions(store, project.id)
    read(store, project.id, new, [item.id for item in store.stream_items(project.id)])
    promote(store, project.id, new.id, "Ada", "one", 3)
    assert store.jobs(project.id) == []


def test_the_same_act_sent_twice_is_one(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    _, new = versions(store, project)
    for _ in range(2):
        promote(store, project, new.id, "Ada", "one", 3)
    assert len([1 for _, event in store.log(project) if event.kind == "promote"]) == 1


@pytest.mark.parametrize(("word", "named"), [("better", ""), ("can't tell", "Ada"), ("worse", "Ada")])
def test_who_overrules_the_gate_is_named(store: Store, make_project: MakeProject, word: str, named: str) -> None:
    project = make_project(1).id
    _, new = versions(store, project, word)
    promote(store, project, new.id, "Ada", "one", 3)
    assert store.models(project)[0].record.overruled_by == named


def test_deleted_weights_are_gone_and_what_is_known_stays(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    _, new = versions(store, project)
    delete_weights(store, project, new.id, "Ada", "one", 3)
    assert not (store.workspace / "files" / "models" / str(project) / "ab").exists()
    assert store.models(project)[0] == replace(new, record=replace(new.record, deleted_by="Ada"))
    with pytest.raises(Conflict, match="were deleted by Ada"):
        promote(store, project, new.id, "Ada", "two", 4)


def test_the_weights_of_what_suggests_stay(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    old, new = versions(store, project)
    promote(store, project, new.id, "Ada", "one", 3)
    with pytest.raises(Conflict, match="suggests now"):
        delete_weights(store, project, new.id, "Ada", "two", 4)
    with pytest.raises(Conflict, match="no weights of its own"):
        delete_weights(store, project, old.id, "Ada", "three", 5)
    assert (store.workspace / "files" / "models" / str(project) / "ab" / "text").exists()


def test_nobody_goes_back_to_what_never_suggested(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    _, new = versions(store, project)
    with pytest.raises(Conflict, match="has never suggested"):
        roll_back(store, project, new.id, "Ada", "one", 3)


def test_a_certificate_goes_on_with_the_model_that_was_frozen(loop: Callable[..., Loop]) -> None:
    made = frozen_of(loop)
    store, project = made.store, made.id
    frozen = made.freeze()
    words = read_population(store, frozen)
    head = store.file(f"certificates/{project}/1-head.safetensors").read_bytes()
    _, new = versions(store, project)
    promote(store, project, new.id, "Ada", "one", NOW)
    assert made.newest() == frozen
    made.answer(made.audits())
    judged = made.follow()
    assert (judged.status, judged.model) == ("certified", frozen.model)
    signed = made.sign()
    after = read_population(store, signed)
    assert (signed.status, signed.digest) == ("signed", frozen.digest)
    assert [after.items.tolist(), after.column.tolist(), after.confidence.tolist()] == [
        words.items.tolist(), words.column.tolist(), words.confidence.tolist(),
    ]  # fmt: skip
    assert store.file(f"certificates/{project}/1-head.safetensors").read_bytes() == head
    with pytest.raises(Conflict, match="hasn't learned yet"):  # nor is a new one frozen of a model that isn't there
        made.freeze()


def test_a_promotion_while_a_certificate_is_frozen_has_nothing_frozen(loop: Callable[..., Loop]) -> None:
    made = frozen_of(loop)
    _, new = versions(made.store, made.id)
    acts = iter(["promoted meanwhile"])

    def report(*_: object) -> bool:
        for act in acts:
            promote(made.store, made.id, new.id, "Ada", act, NOW)
        return False

    with pytest.raises(Conflict):
        freeze(made.store, made.id, TERMS, KEY, by="Ada", event_id="freezing", now=NOW, report=report)
    assert made.store.certificates(made.id) == ()
