from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.domain.store import Store
from collab.errors import UnknownName
from collab.storage.database import open_store


def test_a_file_is_written_whole_and_found_again(store: Store) -> None:
    path = store.write_file("exports/a.csv", iter([b"one\n", b"two\n"]))

    assert path == store.file("exports/a.csv")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_file_that_fails_half_way_leaves_the_old_one(store: Store) -> None:
    path = store.write_file("a.csv", iter([b"old"]))

    def failing() -> Iterator[bytes]:
        yield b"new"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write_file("a.csv", failing())

    assert [(p.name, p.read_bytes()) for p in path.parent.iterdir()] == [("a.csv", b"old")]


@pytest.mark.parametrize("name", ["../collab.db", "/etc/passwd", "a/../../x", "", ".", "a\0b", "missing"])
def test_files_outside_the_folder_are_unknown(store: Store, name: str) -> None:
    with pytest.raises(UnknownName):
        store.file(name)


def test_nothing_is_written_outside_the_folder(store: Store) -> None:
    with pytest.raises(UnknownName):
        store.write_file("../stray", iter([b"x"]))


def test_a_link_that_leads_outside_is_unknown(store: Store, tmp_path: Path) -> None:
    inside = store.write_file("a", iter([b"x"])).parent
    (tmp_path / "outside").write_text("x")
    (inside / "link").symlink_to(tmp_path / "outside")

    with pytest.raises(UnknownName):
        store.file("link")


def test_the_signing_key_is_made_once(tmp_path: Path) -> None:
    first, second = open_store(tmp_path), open_store(tmp_path)
    keys = {first.secret(), second.secret(), first.secret()}
    first.close()
    second.close()

    assert [len(key) for key in keys] == [32]


def test_a_folder_is_made_and_deleted_with_what_is_in_it(store: Store) -> None:
    path = store.folder("models/1/ab")
    store.write_file("models/1/ab/text/config.json", iter([b"{}"]))
    store.delete_files("models/1/ab")
    store.delete_files("models/1/ab")
    assert [p.name for p in path.parent.iterdir()] == []


def test_a_deletion_that_is_cut_off_leaves_nothing_under_its_name(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.write_file("models/1/ab/text/config.json", iter([b"{}"])).parents[1]

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        store.delete_files("models/1/ab")
    assert not path.exists()


@pytest.mark.parametrize("name", ["../collab.db", "", "a/../.."])
def test_nothing_outside_the_folder_is_deleted(store: Store, name: str) -> None:
    store.write_file("kept", iter([b"here"]))
    before = sorted(store.workspace.rglob("*"))
    with pytest.raises(UnknownName):
        store.delete_files(name)
    assert sorted(store.workspace.rglob("*")) == before
