"""What erasing takes out, byte for byte, and that all the rest is as it was."""

from dataclasses import replace

import numpy as np
import pytest

from collab.domain.access import AccessEntry, AccessFilter
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.domain.suspect import Suspect
from collab.engine.encoders.text import encoder_of
from collab.errors import Conflict, ItemErased, UnknownName
from collab.loop import annotating, clearing, erasing, exporting, handing_out, overseeing, settling
from collab.loop.backing_up import back_up
from collab.loop.encoding import encode_items
from collab.loop.examining import examine
from collab.loop.restoring import restore
from collab.loop.sweeping import ERASING_MS, sweep_erasures
from collab.storage.database import open_store
from tests.loop.conftest import NOW, Loop
from tests.loop.test_adjudicating import Reviewer
from tests.pictures import disc, stored

SECRET = "Zanzibar Quux"
ANIMALS = ("quokka", "wombat", "numbat")


def problems(store) -> list[str]:
    return [f"{each.name}: {each.says}" for each in examine(store, open_store, NOW + 10**7) if not each.fine]


def holds(store, word: str) -> list[str]:
    """Files of the workspace in whose bytes a word stands."""
    files = [path for path in store.workspace.rglob("*") if path.is_file()]
    return [str(path.relative_to(store.workspace)) for path in files if word.encode() in path.read_bytes()]


def outcomes(store, project: int) -> list[tuple[str, object]]:
    return [(item.state, decision) for item, decision, _ in store.outcomes(project)]


@pytest.fixture
def signs(loop) -> Loop:
    """Two people have answered, one of them with notes; the other has quoted nothing."""
    signs = loop(items=12, annotations_per_item=2)
    signs.store.add_annotator(SECRET)
    signs.store.add_annotator("Ada")
    asks = signs.hand(SECRET, want=4).asks
    for ask in asks[:3]:
        signs.say(SECRET, ask, note=f"seen by {SECRET}, ward 9")
    for ask in signs.hand("Ada", want=3).asks:
        signs.say("Ada", ask)
    return signs


def test_a_person_is_erased_from_every_byte_and_what_was_decided_stands(signs):
    store, project = signs.store, signs.project.id
    before = outcomes(store, project)
    assert "collab.db" in " ".join(holds(store, SECRET))

    made = erasing.erase_person(store, SECRET, "Ada", NOW + 10**6)

    assert (made.name, made.events, made.clean) == ("erased 1", 3, True)
    assert holds(store, SECRET) == []
    assert holds(store, "ward 9") == []
    assert outcomes(store, project) == before
    assert store.annotators() == ("Ada",)
    assert {a.annotator for *_, said in store.outcomes(project) for a in said} == {"erased 1", "Ada"}
    assert len(store.annotations(project, "erased 1")) == 3
    assert store.live_items(project, signs.now) == []
    assert problems(store) == []


def test_files_that_were_made_to_be_fetched_go_with_a_person(signs, make_project):
    store, project, other = signs.store, signs.project, make_project(2, name="Other")
    store.note(AccessEntry(NOW, SECRET, "see", "items", other.id))
    exporting.export_data(store, project, "annotations", "csv", progress=lambda *_: False)
    stays = exporting.export_data(store, other, "mine", "csv", progress=lambda *_: False).name
    for number in (other.id, None):
        overseeing.keep_accesses(store, number, AccessFilter(), "Ada", NOW)

    made = erasing.erase_person(store, SECRET, "Ada", NOW + 10**6)

    assert [name.partition("/")[2][:12] for name in made.files] == ["1-Signs-anno", "2-access-log", "all-access-l"]
    assert holds(store, SECRET) == []
    assert store.file(stays).exists()


def test_who_erases_themselves_isnt_named_by_it(signs):
    erasing.erase_person(signs.store, SECRET, SECRET, NOW + 10**6)
    assert signs.store.log(signs.project.id)[-1][1].actor == "erased 1"
    assert holds(signs.store, SECRET) == []
    assert problems(signs.store) == []


def test_the_next_person_gets_another_alias_and_a_stranger_none(signs):
    assert erasing.erase_person(signs.store, SECRET, "Ada", NOW).name == "erased 1"
    with pytest.raises(UnknownName):
        erasing.erase_person(signs.store, SECRET, "Ada", NOW)
    assert erasing.erase_person(signs.store, "Ada", "root", NOW).name == "erased 2"
    assert signs.store.annotators() == ()
    assert problems(signs.store) == []


@pytest.fixture
def ward(store) -> Loop:
    """Texts with pictures, of which two items share one."""
    schema = LabelSchema("Ill?", classes_from_names(("ill", "well")))
    fields = (Field("text"), Field("picture", "image"), Field("place", "category"))
    project = store.create_project("Ward", fields, schema, LoopPolicy(encoder="hashing", audit_schedule=()), NOW)
    import_id = store.begin_import(project.id, "ward.csv", "decisions", NOW)
    names = [stored(store, disc(20, size)) for size in (4, 5, 5)]
    rows = [
        NewItem(
            f"p{n}", {"text": f"{SECRET} {n} {ANIMALS[n]}", "picture": name, "place": f"bed {n}"}, f"{n:032x}", n / 7,
            {"mother": f"Maria {n} Quux"}, answer=("ill",) if n == 1 else (),
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    store.add_items(import_id, rows)
    store.write_file(
        f"imports/{import_id}-rejected.csv", iter([f"line,reason,row\r\n9,odd,{SECRET} 0 quokka\r\n".encode()])
    )
    report = ImportReport(added=3, rejected=1, rejected_file=f"imports/{import_id}-rejected.csv")
    store.finish_import(import_id, report, 0.0, 500, NOW)
    store.index_text(project.id)
    ward = Loop(store, project)
    ward.say("Ada", ward.hand("Ada").asks[0], answer="well", note=f"{SECRET} again", seen=f"{0:032x}")
    return ward


def test_an_item_is_erased_with_all_that_was_made_of_it(ward):
    store, project = ward.store, ward.project
    first, second, third = store.stream_items(project.id)
    file = store.features(project.id, "some", 2)
    file.append([first.id, second.id], [1, 2], np.ones((2, 2)))
    exporting.export_data(store, project, "mine", "csv", progress=lambda *_: False)
    assert len(holds(store, SECRET)) >= 3

    made = erasing.erase_item(store, project, first.id, "Ada", NOW + 10**6)

    assert made.name == f"erased {first.id}"
    assert made.clean
    assert [name.split("/")[0] for name in made.files] == ["media", "exports", "imports"]
    for word in (f"{SECRET} 0", "quokka", f"{SECRET} again", "Maria 0", "bed 0", first.digest, f'"{first.ref}"'):
        assert holds(store, word) == [], word
    assert not (store.workspace / "files" / first.fields["picture"]).exists()
    assert store.features(project.id, "some", 2).rows().tolist() == [[0, 0], [1, 1]]
    now = store.items([first.id])[first.id]
    assert (now.fields, now.meta, now.state, now.erased) == ({}, {}, "unusable", True)
    assert store.current(first.id) == []
    assert store.stream_items(project.id)[1:] == [second, third]
    assert problems(store) == []


def test_a_picture_that_another_item_holds_stays(ward):
    second = ward.store.stream_items(ward.project.id)[1]
    erasing.erase_item(ward.store, ward.project, second.id, "Ada", NOW)
    assert ward.store.file(second.fields["picture"]).exists()
    assert ward.store.decision(second.id) is None
    assert problems(ward.store) == []


def test_nothing_brings_an_erased_item_back(ward):
    first = ward.store.stream_items(ward.project.id)[0].id
    erasing.erase_item(ward.store, ward.project, first, "Ada", NOW)
    with pytest.raises(ItemErased):
        annotating.restore_item(ward.store, ward.project.id, first, "Ada", "act", NOW)
    with pytest.raises(UnknownName):
        erasing.erase_item(ward.store, ward.project, first, "Ada", NOW)
    settling.settle_again(ward.store, ward.project, [first], NOW)
    assert handing_out.choose(ward.store, ward.project.id, "Ada", [first]) == 0
    assert ward.state(first) == "unusable"


def test_a_person_and_then_an_item_are_erased_and_the_log_still_fits(ward):
    store = ward.store
    first = store.stream_items(ward.project.id)[0].id
    erasing.erase_person(store, "Ada", "root", NOW)
    erasing.erase_item(store, ward.project, first, "root", NOW)
    erasing.erase_person(store, "root", "Bo", NOW)
    assert {event.actor for _, event in store.log(ward.project.id)} == {"erased 1", "erased 2", "Bo"}
    assert problems(store) == []


def test_a_deleted_project_comes_back_until_it_is_purged(ward, make_project):
    store, project = ward.store, ward.project
    store.delete_project(project.id, NOW)
    store.restore_project(project.id)
    assert store.project(project.id) == project
    store.delete_project(project.id, NOW)
    other = make_project(2)

    erasing.purge_project(store, project.id, "", NOW)

    assert holds(store, "bed 1") == holds(store, SECRET) == holds(store, "wombat") == []
    assert not list((store.workspace / "files" / "media").glob("*/*.*"))
    assert store.check_chain(project.id) == 2
    with pytest.raises(UnknownName):
        store.restore_project(project.id)
    assert store.project(other.id) == replace(other)
    assert problems(store) == []


def test_verdicts_on_an_erased_item_go_and_a_backup_of_it_comes_back_sound(loop, tmp_path):
    signs = loop(items=12, audit_schedule=(), audit_trickle=0)
    store, project, ask = signs.store, signs.project, signs.hand("Ada").asks[0]
    item = ask.item
    signs.say("Ada", ask)
    store.put_suspects(project.id, ("error",), [Suspect(item, "error", 0.9)], signs.now)
    store.add_annotator("Rex")
    rex = Reviewer(signs)
    rex.look(rex.next("error").asks[0])
    rex.settle(item, "minus", note=f"{SECRET} says so")
    assert store.decision(item).source == "adjudicated"

    erasing.erase_item(store, project, item, "Ada", NOW + 10**6)
    erasing.erase_person(store, "Rex", "Ada", NOW + 10**6)

    assert (signs.state(item), store.decision(item), store.adjudication(item)) == ("unusable", None, None)
    assert store.suspects_of(item) == ()
    assert problems(store) == []
    made = back_up(store, tmp_path / "b.zip", open_store, now=NOW)
    restore(made.path, tmp_path / "new", open_store, now=NOW)
    back = open_store(tmp_path / "new")
    assert problems(back) == []
    assert (back.erased_items(project.id), [p.name for p in back.people() if p.erased]) == (1, ["erased 1"])
    assert holds(back, "Rex") == []
    back.close()


@pytest.mark.parametrize("kind", ["import", "export", "bundle", "encode", "tune"])
def test_nothing_is_erased_while_a_job_writes_what_it_has_read(ward, kind: str):
    store, project = ward.store, ward.project
    first = store.stream_items(project.id)[0].id
    job = store.submit_job(kind, project.id, {}, "Ada", NOW)
    store.claim_job([kind], NOW, NOW + 1000)
    with pytest.raises(Conflict):
        erasing.erase_item(store, project, first, "Ada", NOW)
    with pytest.raises(Conflict):
        erasing.erase_person(store, "Ada", "root", NOW)
    store.end_job(job.id, 1, "done", "", {}, NOW)
    store.write_file(f"jobs/{job.id}/snapshot.json", iter([b"quokka"]))
    erasing.erase_item(store, project, first, "Ada", NOW)
    assert holds(store, "quokka") == []  # nor in what a job that failed has left


def test_an_export_under_way_fails_where_something_is_erased(loop):
    signs = loop(items=1200)
    first = signs.store.stream_items(signs.project.id)[0].id

    def erase(_share: float, _rows: str) -> bool:
        if not signs.store.erased_items(signs.project.id):
            erasing.erase_item(signs.store, signs.project, first, "Ada", NOW)
        return False

    with pytest.raises(Conflict):
        exporting.export_data(signs.store, signs.project, "mine", "csv", progress=erase)
    assert list(signs.store.folder("exports").iterdir()) == []


def test_what_was_being_read_while_an_item_was_erased_is_neither_kept_nor_explained(loop, monkeypatch):
    signs, encoder = loop(items=3), encoder_of("hashing")
    store, project = signs.store, signs.project
    first = store.stream_items(project.id)[0].id

    def erase(_self: object, text: str) -> None:
        if text.endswith("number 0") and not store.erased_items(project.id):
            erasing.erase_item(store, project, first, "Ada", NOW)

    monkeypatch.setattr("collab.engine.encoders.text.Hashing.read_until", erase)
    encode_items(store, project, encoder, lambda *_: False)
    store.put_why(project.id, first, 0, {"words": []}, NOW)

    assert store.erased_items(project.id) == 1
    assert store.why(project.id, first) is None
    rows = store.features(project.id, encoder.digest, encoder.dim).rows()
    assert [bool(row.any()) for row in rows] == [False, True, True]


class Killed(BaseException):
    """As if the process had been: nobody catches it."""


@pytest.fixture
def cut_off(monkeypatch):
    """Does something that is killed once the database has it, before any file is touched."""

    def run(verb, *args) -> None:
        def kill(*_args, **_kwargs):
            raise Killed

        with monkeypatch.context() as patch:
            for module in (clearing, erasing):
                patch.setattr(module, "clear", kill)
            with pytest.raises(Killed):
                verb(*args)

    return run


def unfinished(store) -> list[str]:
    return [says for says in problems(store) if says.startswith("erasures not over")]


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_items_erasure_that_was_cut_off_is_gone_on_with(ward, cut_off, by_hand: bool):
    store, project = ward.store, ward.project
    first = store.stream_items(project.id)[0]
    file = store.features(project.id, "some", 2)
    file.append([first.id], [1], np.ones((1, 2)))
    exporting.export_data(store, project, "mine", "csv", progress=lambda *_: False)
    cut_off(erasing.erase_item, store, project, first.id, "Ada", NOW)
    assert len(holds(store, "quokka")) > 1
    assert unfinished(store) == [f"erasures not over: 1: item {first.id}"]

    if by_hand:
        number = erasing.item_called(store, project, f"#{first.id}")
        made = erasing.erase_item(store, project, number, "Ada", NOW)
        assert [name.split("/")[0] for name in made.files] == ["media", "exports", "imports"]
    else:
        sweep_erasures(store, NOW + ERASING_MS)
        assert unfinished(store) != []  # it may be under way
        sweep_erasures(store, NOW + ERASING_MS + 1)

    assert holds(store, "quokka") == []
    assert not (store.workspace / "files" / first.fields["picture"]).exists()
    assert store.features(project.id, "some", 2).rows().tolist() == [[0, 0]]
    assert problems(store) == []
    with pytest.raises(UnknownName):
        erasing.erase_item(store, project, first.id, "Ada", NOW)


def test_a_purge_that_was_cut_off_is_gone_on_with(ward, cut_off):
    store, project = ward.store, ward.project
    exporting.export_data(store, project, "mine", "csv", progress=lambda *_: False)
    store.delete_project(project.id, NOW)
    cut_off(erasing.purge_project, store, project.id, "", NOW)
    assert unfinished(store) == [f"erasures not over: 1: project {project.id}"]

    erasing.purge_project(store, project.id, "", NOW)

    assert holds(store, "quokka") == holds(store, SECRET) == []
    assert not list((store.workspace / "files" / "media").glob("*/*.*"))
    assert problems(store) == []


def test_a_persons_erasure_that_was_cut_off_is_gone_on_with(signs, cut_off):
    store = signs.store
    exporting.export_data(store, signs.project, "annotations", "csv", progress=lambda *_: False)
    cut_off(erasing.erase_person, store, SECRET, "Ada", NOW)
    assert unfinished(store) == ["erasures not over: 1: person erased 1"]
    with pytest.raises(UnknownName):
        erasing.erase_person(store, SECRET, "Ada", NOW)
    assert holds(store, SECRET) == []
    assert problems(store) == []
