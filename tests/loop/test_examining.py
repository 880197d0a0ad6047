"""What `collab doctor` finds, each fault made by hand."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from collab.domain.annotation import Decision
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.domain.version import ModelVersion, VersionRecord
from collab.loop import reshaping
from collab.loop.examining import Finding, examine
from collab.storage.database import open_store
from tests.loop.conftest import NOW, Loop
from tests.pictures import disc, stored


@pytest.fixture
def shapes(store):
    """Three pictures, one answered."""
    schema = LabelSchema("Disc?", classes_from_names(("disc", "other")))
    fields = (Field("text"), Field("picture", "image"))
    project = store.create_project("Shapes", fields, schema, LoopPolicy(encoder="hashing"), NOW)
    import_id = store.begin_import(project.id, "made up", "nothing", NOW)
    rows = [NewItem(str(n), {"text": "t", "picture": stored(store, disc(20, 4 + n))}, f"{n}", 0.5) for n in range(3)]
    store.add_items(import_id, rows)
    store.finish_import(import_id, ImportReport(added=3), 0.0, 500, NOW)
    shapes = Loop(store, project)
    shapes.say("Ada", shapes.hand("Ada").asks[0], answer="disc")
    return shapes


LATER = NOW + 3_600_000


def found(shapes, now=LATER, **how) -> dict[str, Finding]:
    return {each.name: each for each in examine(shapes.store, open_store, now, **how)}


def problems(shapes, *now, **how) -> dict[str, str]:
    return {name: each.says for name, each in found(shapes, *now, **how).items() if not each.fine}


def test_a_healthy_workspace_is_sound_and_stays_as_it_is(shapes):
    before = shapes.store.outcomes(shapes.project.id), shapes.store.progress(shapes.project.id)
    seen = found(shapes)
    assert {name for name, each in seen.items() if not each.fine} == set()
    assert seen["states of Shapes"].says == "what the log gives"
    assert seen["files"].says.startswith("9, ")
    assert seen["files"].says.endswith("pictures are what their names say")
    assert seen["worker"].says == "none runs"
    assert (shapes.store.outcomes(shapes.project.id), shapes.store.progress(shapes.project.id)) == before
    assert not list(shapes.store.workspace.glob(".rehearsal*"))


def test_pictures_that_are_missing_damaged_or_nobodys_are_told_apart(shapes):
    first, second, third = (item.fields["picture"] for item in shapes.store.stream_items(shapes.project.id))
    shapes.store.file(first).unlink()
    damaged = bytearray(shapes.store.file(second).read_bytes())
    damaged[-1] ^= 1
    shapes.store.file(second).write_bytes(damaged)
    (shapes.store.workspace / "files" / third.replace(".webp", ".view.webp")).unlink()
    nobodys = stored(shapes.store, disc(20, 9))
    assert problems(shapes) == {"files missing": f"1: {first}", "files damaged": f"1: {second}"}
    assert problems(shapes, quick=True) == {"files missing": f"1: {first}"}
    seen = found(shapes)
    assert third.replace(".webp", ".view.webp") in seen["files without what is shown of them"].says
    assert nobodys in seen["files that nobody names"].says


def test_weights_of_every_version_are_missed_unless_they_were_deleted(shapes):
    store, project = shapes.store, shapes.project.id
    for name, by in (("tuned:ab", ""), ("tuned:cd", ""), ("tuned:ef", "Ada")):
        record = VersionRecord(name, deleted_by=by)
        store.add_model(ModelVersion(0, project, name, "logistic", "candidate", record=record))
    for file in ("ab/text/collab.json", "ab/text/model.safetensors", "cd/text/collab.json"):
        store.write_file(f"models/{project}/{file}", iter([b"{}"]))
    lost = f"models/{project}/cd/text/model.safetensors"
    assert problems(shapes, quick=True) == {"files missing": f"1: {lost}"}


def test_a_tampered_event_is_found(shapes):
    shapes.store.write(sa.text("DROP TRIGGER event_update"))
    shapes.store.write(sa.text("UPDATE event SET at = 1 WHERE number = 1"))
    assert "event 1 of project 1 was changed" in problems(shapes)["database"]


def test_states_and_counters_that_the_log_does_not_give_are_found(shapes):
    answered, other, _ = (row.item for row in shapes.store.pool(shapes.project.id))
    shapes.store.settle_item(shapes.project.id, other, "decided", Decision(other, ("disc",), "agreement"), NOW)
    assert problems(shapes) == {"states of Shapes": f"not what the log gives: 1 items ({other}); 1 counters (decided)"}
    assert "--rebuild" in found(shapes)["states of Shapes"].do
    assert answered != other


def test_nobody_learns_from_people_who_label_while_no_worker_runs(shapes):
    shapes.store.submit_job("index", shapes.project.id, {}, "", NOW)
    says = "none runs; jobs that wait for one: 1"
    assert found(shapes)["worker"].says == says
    assert problems(shapes, shapes.now) == {"worker": f"{says}; people label meanwhile"}
    shapes.store.set_worker(shapes.project.id, "idle", shapes.now)
    assert problems(shapes, shapes.now) == {}


def test_policy_and_overlap_that_changed_since_are_no_difference(loop):
    signs = loop(30)
    for who in ("Ada", "Bo"):
        for answer in ("plus", "minus", "plus"):
            signs.say(who, signs.hand(who).asks[0], answer=answer)
    reshaping.save_policy(
        signs.store, signs.project.id, replace(signs.project.policy, annotations_per_item=2), "Bo", "a", NOW
    )
    assert problems(signs) == {}
