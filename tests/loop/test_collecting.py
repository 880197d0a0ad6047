"""Pictures come in from a folder, an archive or a table; what can't be taken is told row by row."""

import csv
import io
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from collab.domain.media import thumb_of, view_of
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.store import ItemFilter
from collab.errors import InvalidSchema, UnreadableFile
from collab.loop import gathering
from collab.loop.demonstrating import load_demo
from collab.loop.exporting import export_data
from collab.loop.guessing import classes_in, guess
from collab.loop.importing import preview_changes, run_import
from collab.loop.planning import ImportPlan
from collab.loop.reading import sniff
from collab.loop.rejecting import Refusal, first_rejected
from tests.loop.conftest import NOW

IMAGE = (Field("image", "image"),)
LABELED = ImportPlan(IMAGE, answer_column="folder", answers="decisions")


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), shade).save(out, "PNG")
    return out.getvalue()


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return path


@pytest.fixture
def bring(store):
    """Imports a folder, archive or table into a new project; returns its items, what was rejected, and the report."""

    def make(path, plan=LABELED, fields=IMAGE, verb=run_import, **policy):
        schema = LabelSchema("Cat or dog?", classes_from_names(("cat", "dog")))
        project = store.create_project(f"P{len(store.projects())}", fields, schema, LoopPolicy(**policy), NOW)
        report = verb(store, project, path, plan, now=NOW, progress=lambda *_: False)
        rejected = {}
        if getattr(report, "rejected_file", ""):
            lines = csv.DictReader(store.file(report.rejected_file).read_text("utf-8-sig").splitlines())
            rejected = {line.get("file") or line["row"]: line["reason"] for line in lines}
        return store.stream_items(project.id), rejected, report

    return make


@pytest.fixture
def folder(tmp_path):
    for name, shade in (("cat/1.png", 10), ("cat/2.png", 20), ("dog/3.png", 30)):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(png(shade))
    return tmp_path / "pets"


def test_a_folder_becomes_items_with_the_folders_as_answers(store, bring, folder):
    items, rejected, report = bring(folder)
    assert [(i.meta["image"], i.meta["folder"], store.decision(i.id).answer) for i in items] == [
        ("cat/1.png", "cat", ("cat",)), ("cat/2.png", "cat", ("cat",)), ("dog/3.png", "dog", ("dog",)),
    ]  # fmt: skip
    assert (rejected, report.added, report.answers) == ({}, 3, 3)


def test_the_original_the_view_and_the_thumbnail_are_kept(store, bring, folder):
    (first, *_), _, _ = bring(folder)
    name = first.fields["image"]
    assert store.file(name).read_bytes() == png(10)
    for made in (view_of(name), thumb_of(name)):
        with Image.open(store.file(made)) as picture:
            assert np.asarray(picture).tolist() == np.full((8, 8, 3), 10).tolist()


def test_the_columns_of_a_folder_are_guessed(folder):
    assert [(g.name, g.kind, g.role) for g in guess(sniff(folder))] == [
        ("image", "image", "both"), ("folder", "category", "answer"), ("file", "text", "metadata"),
    ]  # fmt: skip


def test_only_folders_with_files_that_may_be_pictures_are_classes(folder):
    for name in ("notes.txt", "about/readme.md", "dog/logo.svg", "dog/4.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no picture")
    table = sniff(folder)
    assert classes_in(table, "folder") == {"cat": 2, "dog": 2}
    assert (table.about, {cells["folder"] for cells in table.sample}) == (4, {"cat", "dog"})


def test_the_same_bytes_are_a_duplicate_whatever_they_are_called(bring, folder):
    (folder / "dog" / "again.png").write_bytes(png(30))
    items, _, report = bring(folder)
    assert (len(items), report.duplicates) == (3, 1)


def test_the_same_picture_in_two_folders_stays_open_and_both_are_named_each_time(store, bring, folder):
    (folder / "dog" / "again.png").write_bytes(png(10))
    items, rejected, report = bring(folder)
    assert (len(items), report.duplicates, report.rejected, report.answers, report.answers_left) == (3, 0, 1, 2, 0)
    assert rejected == {
        "dog/again.png": "is the same as cat/1.png, but has another answer; neither of the two answers is taken"
    }
    assert [store.decision(item.id) is None for item in items] == [True, False, False]
    assert (items[0].state, store.class_counts(items[0].project)) == ("open", {"cat": 1, "dog": 1})
    (project,) = store.projects()
    again = run_import(store, project, folder, LABELED, now=NOW, progress=lambda *_: False)
    assert (again.added, again.duplicates, again.rejected, again.answers) == (0, 3, 1, 0)
    assert store.file(again.rejected_file).read_bytes() == store.file(report.rejected_file).read_bytes()
    assert store.decision(items[0].id) is None


def test_what_a_folder_cannot_give_is_rejected_with_its_reason_and_the_rest_goes_in(bring, folder, tmp_path):
    (tmp_path / "secret.png").write_bytes(png(1))
    (tmp_path / "elsewhere").mkdir()
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "lie.jpg").write_bytes(png(2))
    (folder / "half.png").write_bytes(png(3)[:40])
    (folder / "bad.svg").write_bytes(b"<svg onload='x()'/>")
    (folder / "more.zip").write_bytes(b"PK")
    (folder / "notes.md").write_bytes(b"BMI is a number of two measures")
    (folder / ".DS_Store").write_bytes(b"x")
    os.mkfifo(folder / "pipe.png")
    items, rejected, _ = bring(folder)
    assert len(items) == 3
    assert {name: reason.split("(")[0].strip() for name, reason in rejected.items()} == {
        "link.png": "leads out of the folder by a link",
        "linked": "is a link to a folder; links to folders are not followed",
        "lie.jpg": "it is a PNG image, not what .jpg says; rename it",
        "half.png": "it is damaged, or part of it is missing; copy or save it again",
        "bad.svg": "it is an SVG, which may carry scripts; save it as PNG",
        "more.zip": "is an archive inside; unpack it first",
        "notes.md": "it is no JPEG, PNG, WebP, TIFF, BMP or GIF image",
        "pipe.png": "is no file",
    }


def test_the_list_of_rejected_pictures_has_their_files_in_the_order_of_the_source(store, bring, folder):
    for name, data in (("cat/0.svg", b"<svg/>"), ("dog/1 again.png", png(10)), ("dog/9.png", b"")):
        (folder / name).write_bytes(data)
    _, _, report = bring(folder)
    project = store.projects()[0]
    written = store.file(report.rejected_file).read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in written] == ["file", "cat/0.svg", "dog/1 again.png", "dog/9.png"]
    assert first_rejected(store, project.id, report, 1) == (
        Refusal("cat/0.svg", "it is an SVG, which may carry scripts; save it as PNG", named=True),
    )


def test_what_an_archive_hides_is_rejected_with_its_reason_and_the_rest_goes_in(bring, tmp_path):
    path = zipped(tmp_path / "a.zip", {"cat/1.png": png(1), "../out.png": png(2), "/root.png": png(3)})
    with zipfile.ZipFile(path, "a") as packed:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("packed.png", png(4), zipfile.ZIP_LZMA)
        packed.writestr("locked.png", png(5))
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the last entry says that it is encrypted
    path.write_bytes(data)
    items, rejected, _ = bring(path)
    assert [i.meta["image"] for i in items] == ["cat/1.png"]
    assert rejected == {
        "../out.png": "leads out of the archive",
        "/root.png": "leads out of the archive",
        "link.png": "is a link; links in an archive are not followed",
        "packed.png": "is packed in a way that is not read; the usual one of ZIP is Deflate",
        "locked.png": "is encrypted",
    }


def test_pictures_over_the_limits_of_the_policy_are_rejected(bring, folder):
    _, rejected, _ = bring(folder, image_pixels=63)
    assert rejected["cat/1.png"] == "it has 64 pixels; at most 63 are taken"
    _, rejected, _ = bring(folder, image_bytes=50)
    assert rejected["cat/1.png"] == "it is larger than 50 bytes"


def test_bytes_are_counted_as_they_come_whatever_the_archive_says_of_their_number(bring, tmp_path):
    path = zipped(tmp_path / "a.zip", {"bomb.png": png(1) + bytes(10_000_000), "cat/1.png": png(2)})
    items, rejected, _ = bring(path, image_bytes=1_000_000)
    assert (len(items), rejected) == (1, {"bomb.png": "it is larger than 1,000,000 bytes"})


def test_a_table_names_pictures_beside_it_and_an_empty_cell_is_none(bring, folder):
    table = folder / "pets.csv"
    table.write_text("photo,words,label\ncat/1.png,small,cat\n,nothing,dog\n../x.png,out,dog\ncat/9.png,gone,dog\n")
    fields = (Field("photo", "image"), Field("words"))
    plan = ImportPlan(fields, answer_column="label", answers="decisions")
    items, rejected, _ = bring(table, plan, fields)
    assert [(i.fields["photo"][:6], i.fields["words"]) for i in items] == [("media/", "small"), ("", "nothing")]
    assert rejected == {"../x.png": "photo: leads out of the folder", "cat/9.png": "photo: is not there"}


@pytest.mark.parametrize("root", ["", "all/"])
def test_an_archive_with_one_table_at_its_top_is_that_table(bring, tmp_path, root):
    files = {f"{root}pets.csv": b"photo,label\np/1.png,cat\np/2.png,dog\n", f"{root}p/1.png": png(1)}
    path = zipped(tmp_path / "a.zip", {**files, f"{root}p/2.png": png(2)})
    fields = (Field("photo", "image"),)
    items, rejected, _ = bring(path, ImportPlan(fields, answer_column="label", answers="decisions"), fields)
    assert ([i.meta["photo"] for i in items], rejected) == (["p/1.png", "p/2.png"], {})


def test_an_uploaded_table_without_its_pictures_is_refused(store, bring):
    path = store.write_file("uploads/x.csv", iter([b"image,folder\na.png,cat\nb.png,dog\n"]))
    with pytest.raises(InvalidSchema, match=r"into one \.zip"):
        bring(path)


def test_a_file_that_only_calls_itself_an_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    with pytest.raises(UnreadableFile, match="no ZIP archive"):
        sniff(tmp_path / "a.zip")


def test_a_damaged_table_in_an_archive_is_told_as_that(tmp_path):
    path = zipped(tmp_path / "a.zip", {"pets.csv": b"photo,label\np/1.png,cat\n" * 9})
    data = bytearray(path.read_bytes())
    data[45:50] = b"\xff" * 5
    path.write_bytes(data)
    with pytest.raises(UnreadableFile, match=r"pets\.csv can't be read: it is damaged in the archive"):
        sniff(path)


@pytest.mark.parametrize("most", [2, zipfile.ZIP_FILECOUNT_LIMIT])
@pytest.mark.parametrize("comment", [b"", b"many"])
def test_an_archive_of_too_many_files_is_refused_before_its_list_is_read(tmp_path, monkeypatch, most, comment):
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", most)  # above it, the last record has another form
    path = zipped(tmp_path / "a.zip", {f"{n}.png": b"x" for n in range(9)})
    with zipfile.ZipFile(path, "a") as packed:
        packed.comment = comment
        size = sum(46 + len(info.filename) for info in packed.infolist())
    monkeypatch.setattr(gathering, "DIRECTORY_BYTES", size)
    assert sniff(path).about == 9
    monkeypatch.setattr(gathering, "DIRECTORY_BYTES", size - 1)
    with pytest.raises(UnreadableFile, match="too many files"):
        sniff(path)


def test_looking_at_the_changes_stores_no_picture(store, bring, folder):
    bring(folder, verb=preview_changes)
    assert not (store.workspace / "files" / "media").exists()


def test_names_of_pictures_are_no_text_to_search_in(store, bring, folder):
    (first, *_), _, _ = bring(folder)
    for indexed in (False, True):
        if indexed:
            store.index_text(first.project)
        assert store.find(first.project, ItemFilter(text="media"))[1] == 0


def test_pictures_are_found_by_the_names_of_their_files_and_not_by_their_folders(store, bring, folder):
    (folder / "cat" / "Tom_2.png").write_bytes(png(40))
    (first, *_), _, _ = bring(folder)

    def found(text):
        return [row.item.meta["image"] for row in store.find(first.project, ItemFilter(text=text))[0]]

    for indexed in (False, True):
        if indexed:
            store.index_text(first.project)
        assert found("tom_2") == found("Tom_2.png") == ["cat/Tom_2.png"]
        assert (found("cat"), found("_9")) == ([], [])


def test_an_export_gives_the_paths_back(store, bring, folder):
    (first, *_), _, _ = bring(folder)
    for what in ("mine", "decisions"):
        made = export_data(store, store.project(first.project), what, "csv", progress=lambda *_: False)
        rows = csv.DictReader(made.path.read_text("utf-8-sig").splitlines())
        assert [row["image"] for row in rows] == ["cat/1.png", "cat/2.png", "dog/3.png"]


@pytest.mark.slow
@pytest.mark.parametrize(("demo", "items", "answer"), [("openclipart10", 1022, "folder"), ("clipart", 917, "kind")])
def test_the_demos_with_pictures_hold_their_answers_back(store, demo, items, answer):
    project = load_demo(store, demo=demo, now=NOW)
    there = store.stream_items(project.id, limit=2000)
    truth = store.truth(project.id)
    assert (len(there), len(truth)) == (items, items)
    assert not [i for i in there if answer in i.meta or f"{truth[i.id][0]}/" in str(i.meta)]
    assert {c for (c,) in truth.values()} == {c.id for c in project.schema.classes}
