"""Backups of a workspace in which people are at work, and what must not come back from one."""

import io
import json
import shutil
import tarfile
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from collab.domain.project import Field, LoopPolicy
from collab.domain.run import ImportReport
from collab.errors import Conflict, StoreCorrupt, StoreNewer, UnreadableFile, UserError
from collab.loop import annotating
from collab.loop.backing_up import MANIFEST, back_up
from collab.loop.examining import examine
from collab.loop.restoring import restore
from collab.storage.database import fill_store, open_store
from tests.loop.conftest import NOW
from tests.pictures import disc, stored
from tests.samples import YES_NO, answer_of, rows
from tests.storage.conftest import _database, _url, migrated  # noqa: F401  # a fixture

LATER = NOW + 3_600_000
KINDS = ("backup", "backup.zip", "backup.tar")


@pytest.fixture
def signs(loop):
    """A project with three answers, a picture, and files of kinds that stay behind."""
    signs = loop(20)
    for _ in range(3):
        signs.say("Ada", signs.hand("Ada").asks[0])
    stored(signs.store, disc(8, 3))
    for name in ("uploads/a.csv", "jobs/7/part", "exports/mine.csv", "heads/1/1.safetensors"):
        signs.store.write_file(name, iter([b"content"]))
    return signs


def outcomes(store, project):
    return store.outcomes(project), store.progress(project), store.log(project)


def backup_of(signs, to):
    return back_up(signs.store, to, open_store, now=NOW)


def nothing_is_left(folder: Path) -> bool:
    return not any("new" in path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_comes_back_as_the_workspace_was(signs, tmp_path, kind):
    made = backup_of(signs, tmp_path / kind)
    assert made.path.stat().st_mode & 0o077 == 0  # the signing key is in it
    restored = restore(made.path, tmp_path / "new", open_store, now=NOW)
    assert (made.projects, made.events, made.files) == (1, 3, 4) == (restored.projects, restored.events, restored.files)
    assert sorted(path.name for path in (tmp_path / "new" / "files").iterdir()) == ["heads", "media"]
    with closing(open_store(tmp_path / "new")) as opened:
        assert outcomes(opened, signs.project.id) == outcomes(signs.store, signs.project.id)
        assert opened.scalar(sa.text("PRAGMA journal_mode")) == "wal"
    assert {path.name for path in tmp_path.iterdir()} == {"workspace", kind, "new"}  # nothing beside them


def test_people_answer_while_a_backup_is_made_and_it_holds_a_whole_beginning_of_the_log(signs, tmp_path):
    over, answered = threading.Event(), threading.Semaphore(0)

    def answer():
        items = [row.item for row in signs.store.pool(signs.project.id)]
        while not over.is_set():
            for item in items:
                annotating.submit(signs.store, answer_of(signs.project.id, item, "plus", by="Bo"), "", NOW)
                answered.release()

    def one_more_is_answered(share, what):
        assert answered.acquire(timeout=30.0)

    person = threading.Thread(target=answer)
    person.start()
    try:
        made = back_up(signs.store, tmp_path / "b.zip", open_store, now=NOW, tell=one_more_is_answered)
    finally:
        over.set()
        person.join()
    restore(made.path, tmp_path / "new", open_store, now=NOW)
    with closing(open_store(tmp_path / "new")) as opened:
        log = opened.log(signs.project.id)
    assert 3 < len(log) < signs.store.progress(signs.project.id).events
    assert log == signs.store.log(signs.project.id, limit=len(log))


def test_jobs_that_were_under_way_end_with_a_restore(signs, tmp_path):
    job = signs.store.submit_job("import", signs.project.id, {"path": "/elsewhere", "uploaded": True}, "Ada", NOW)
    assert restore(backup_of(signs, tmp_path / "b").path, tmp_path / "new", open_store, now=NOW).jobs_ended == 1
    with closing(open_store(tmp_path / "new")) as opened:
        assert opened.job(job.id).status == "cancelled"
        assert opened.claim_job(["import"], NOW, NOW) is None


def test_weights_that_are_deleted_meanwhile_are_named_by_no_backup(signs, tmp_path):
    project = signs.store.project(signs.project.id)
    weights = f"models/{project.id}/abc/text/"
    for name in ("collab.json", "model.safetensors"):
        signs.store.write_file(weights + name, iter([b"content"]))
    signs.store.save_policy(project.id, replace(project.policy, encoder="tuned:abc"))

    def delete(share, what):
        if what.endswith("files"):  # the database is copied
            signs.store.save_policy(project.id, project.policy)
            shutil.rmtree(signs.store.workspace / "files" / "models", ignore_errors=True)

    made = back_up(signs.store, tmp_path / "b", open_store, now=NOW, tell=delete)
    restore(made.path, tmp_path / "new", open_store, now=NOW)
    with closing(open_store(tmp_path / "new")) as opened:
        assert (opened.project(project.id).policy.encoder, made.missing) == ("hashing", ())


def test_a_file_that_the_workspace_has_lost_is_told_and_one_that_a_backup_lost_is_refused(signs, tmp_path):
    signs.store.save_policy(signs.project.id, replace(signs.project.policy, encoder="tuned:abc"))
    made = backup_of(signs, tmp_path / "b")
    assert made.missing[0].startswith(f"models/{signs.project.id}/abc/")
    restore(made.path, tmp_path / "new", open_store, now=NOW)
    manifest = json.loads((made.path / MANIFEST).read_text())
    (made.path / MANIFEST).write_text(json.dumps(manifest | {"missing": []}))
    with pytest.raises(UnreadableFile, match="which its database names, isn't in it"):
        restore(made.path, tmp_path / "other", open_store, now=NOW)


def test_nobody_else_can_read_what_is_written_while_a_backup_is_made(signs, tmp_path):
    modes = []

    def look(share, what):
        modes.extend(beside.stat().st_mode & 0o077 for beside in tmp_path.glob(".b.*"))

    back_up(signs.store, tmp_path / "b", open_store, now=NOW, tell=look)
    assert set(modes) == {0}


# ---- PostgreSQL


@pytest.mark.slow
@pytest.mark.parametrize("to_server", [True, False])
def test_a_backup_of_a_server_comes_back_to_a_server_or_to_a_folder(tmp_path, migrated, to_server):  # noqa: F811
    with _database(migrated) as old, _database("template0") as new:
        with closing(open_store(tmp_path / "old", _url(old))) as store:
            project = store.create_project("Signs", (Field("text"),), YES_NO, LoopPolicy(encoder="hashing"), NOW).id
            import_id = store.begin_import(project, "made up", "nothing", NOW)
            store.add_items(import_id, rows(5))
            store.finish_import(import_id, ImportReport(added=5), 0.2, 500, NOW)
            for row in store.pool(project)[:3]:
                annotating.submit(store, answer_of(project, row.item), "", NOW)
            assert [found for found in examine(store, open_store, LATER) if not found.fine] == []
            made = back_up(store, tmp_path / "b.tar", open_store, now=NOW)
            kept = outcomes(store, project)
        where = (lambda folder, copy: fill_store(folder, _url(new), copy)) if to_server else None
        restore(made.path, tmp_path / "new", open_store, filled=where, now=NOW)
        with closing(open_store(tmp_path / "new", _url(new) if to_server else None)) as opened:
            assert outcomes(opened, project) == kept
        assert (tmp_path / "new" / "collab.db").exists() is not to_server


# ---- what is refused


def test_a_place_that_holds_something_is_refused(signs, tmp_path):
    made = backup_of(signs, tmp_path / "b.zip")
    with pytest.raises(Conflict, match="is there already"):
        backup_of(signs, tmp_path / "b.zip")
    with pytest.raises(UserError, match="among the files"):
        backup_of(signs, signs.store.workspace / "files" / "b")
    with pytest.raises(Conflict, match="isn't empty"):
        restore(made.path, signs.store.workspace, open_store, now=NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_one_damaged_byte_is_found_and_nothing_is_left(signs, tmp_path, kind):
    path = backup_of(signs, tmp_path / kind).path
    file = next(path.rglob("*.safetensors")) if path.is_dir() else path
    written = file.read_bytes()
    at = written.index(b"content")
    file.write_bytes(written[:at] + b"C" + written[at + 1 :])
    with pytest.raises(UnreadableFile, match="Use another backup"):
        restore(path, tmp_path / "new", open_store, now=NOW)
    assert nothing_is_left(tmp_path)


def test_a_tampered_event_is_found_though_all_digests_are_made_to_fit(signs, tmp_path):
    path = backup_of(signs, tmp_path / "b").path
    engine = sa.create_engine(f"sqlite:///{path / 'collab.db'}")
    with engine.begin() as database:
        database.exec_driver_sql("DROP TRIGGER event_update")
        database.exec_driver_sql("UPDATE event SET at = at + 1 WHERE number = 2")
    engine.dispose()
    sealed(path)
    with pytest.raises(UnreadableFile, match="event 2 of project 1 was changed"):
        restore(path, tmp_path / "new", open_store, now=NOW)
    assert nothing_is_left(tmp_path)


def test_no_backup_is_made_of_a_broken_chain(signs, tmp_path):
    signs.store.write(sa.text("DROP TRIGGER event_update"))
    signs.store.write(sa.text("UPDATE event SET at = 1 WHERE number = 1"))
    with pytest.raises(StoreCorrupt, match=f"^{signs.store.url} is damaged .event 1 of project 1 was changed"):
        backup_of(signs, tmp_path / "b.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["workspace"]


def test_states_that_the_log_does_not_give_are_refused_or_made_anew(signs, tmp_path):
    (item, *_) = signs.store.annotated(signs.project.id)
    kept = outcomes(signs.store, signs.project.id)
    signs.store.settle_item(signs.project.id, item, "disputed", None, NOW)
    path = backup_of(signs, tmp_path / "b.zip").path
    with pytest.raises(UserError, match=r"aren't what its log gives.*--rebuild"):
        restore(path, tmp_path / "new", open_store, now=NOW)
    assert nothing_is_left(tmp_path)
    restore(path, tmp_path / "new", open_store, rebuild=True, now=NOW)
    with closing(open_store(tmp_path / "new")) as opened:
        assert outcomes(opened, signs.project.id) == kept


def test_a_manifest_of_endless_depth_or_length_is_refused(signs, tmp_path, monkeypatch):
    path = backup_of(signs, tmp_path / "b").path
    (path / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(UnreadableFile, match="is damaged"):
        restore(path, tmp_path / "new", open_store, now=NOW)
    monkeypatch.setattr("collab.loop.restoring.MANIFEST_BYTES", 99_999)
    with pytest.raises(UnreadableFile, match="as every backup of collab has"):
        restore(path, tmp_path / "new", open_store, now=NOW)


def test_a_backup_of_a_newer_version_is_refused(signs, tmp_path):
    signs.store.write(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    path = tmp_path / "b"
    path.mkdir()
    signs.store.copy_database(path / "collab.db")
    manifest = {"format": 1, "made_at": 1, "collab": "9", "schema": "9999", "database": "", "heads": [], "files": {}}
    (path / MANIFEST).write_text(json.dumps(manifest | {"files": {"collab.db": None}}))
    sealed(path)
    with pytest.raises(StoreNewer, match=r"^b was written by a newer collab \(schema 9999"):
        restore(path, tmp_path / "new", open_store, now=NOW)
    assert nothing_is_left(tmp_path)


def sealed(path: Path) -> None:
    """Make the manifest of a folder fit what is in it."""
    manifest = json.loads((path / MANIFEST).read_text())
    for name in manifest["files"]:
        content = (path / name).read_bytes()
        manifest["files"][name] = {"size": len(content), "sha256": sha256(content).hexdigest()}
    (path / MANIFEST).write_text(json.dumps(manifest))


def zip_that_leads_outside(made: Path, to: Path) -> None:
    shutil.copyfile(made, to)
    with zipfile.ZipFile(to, "a") as archive:
        archive.writestr("files/../../evil", b"evil")


def zip_with_a_link(made: Path, to: Path) -> None:
    shutil.copyfile(made, to)
    link = zipfile.ZipInfo("files/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(to, "a") as archive:
        archive.writestr(link, "/etc")


def zip_with_more_than_it_says(made: Path, to: Path) -> None:
    shutil.copyfile(made, to)
    with zipfile.ZipFile(to, "a") as archive:
        archive.writestr("files/more", b"more")


def tar_of(name: str, kind: bytes):
    def make(made: Path, to: Path) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        with tarfile.open(to, "w") as archive:
            archive.addfile(info, io.BytesIO(b""))

    return make


def folder_with_a_link(made: Path, to: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        archive.extractall(to)
    (to / "files" / "link").symlink_to("/etc")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (zip_that_leads_outside, "leads outside"),
        (zip_with_a_link, "is a link"),
        (zip_with_more_than_it_says, "differ at 'files/more'"),
        (tar_of("/evil", tarfile.REGTYPE), "leads outside"),
        (tar_of("files/link", tarfile.SYMTYPE), "is a link"),
        (tar_of("files/device", tarfile.CHRTYPE), "is a link or no ordinary file"),
        (folder_with_a_link, "is a link"),
        (lambda made, to: to.write_bytes(b"no archive"), "is no folder"),
    ],
)
def test_what_could_do_harm_is_refused_and_nothing_is_left(signs, tmp_path, make, says):
    made, path = backup_of(signs, tmp_path / "b.zip").path, tmp_path / "bad"
    make(made, path)
    with pytest.raises(UnreadableFile, match=says):
        restore(path, tmp_path / "new", open_store, now=NOW)
    assert nothing_is_left(tmp_path)
