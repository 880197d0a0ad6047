"""What a bundle may not be: each of these is refused before anything of it is used."""

import json
import shutil
import zipfile
from dataclasses import asdict

import numpy as np
import pytest

from collab.domain.project import Field, LabelSchema, classes_from_names
from collab.engine.heads import FittedLinear
from collab.errors import UnreadableFile
from collab.loop.predicting import Model
from collab.loop.sealing import FORMAT, HEAD, NAME, Encoding, Manifest, seal

SCHEMA = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
EYE = Encoding("efficientnet-lite0", "efficientnet-lite0", "", 1280, 224)
LINK = 0o120777 << 16


def manifest(**more):
    given = {
        "format": FORMAT, "project": "Signs", "model": "1.1", "made_at": 0, "labels": 2, "fields": (Field("text"),),
        "schema": SCHEMA, "head": "logistic", "dim": 384, "temperature": 1.0,
        "text": Encoding("hashing", "hashing", "hashing-1", 384),
    }  # fmt: skip
    return Manifest(**{**given, **more})


def head(classes=2, dim=384, value=0.1):
    return FittedLinear(np.full((classes, dim), value, np.float32), np.zeros(classes, np.float32), 1.0, 2).to_bytes()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    made.mkdir()
    (made / HEAD).write_bytes(head())
    (made / "README.md").write_text("# Signs\n")
    seal(made, manifest())
    return made


def packed(folder, **more):
    """Pack a folder as a bundle is, with files of other names beside."""
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
        for name, content in more.items():
            archive.writestr(name, content)
    return file


def resealed(folder, **more):
    (folder / NAME).unlink()
    seal(folder, manifest(**more))


def test_the_folder_and_the_archive_are_the_same_model(folder):
    one, other = Model.load(folder), Model.load(packed(folder))
    assert (one.manifest, one.classes) == (other.manifest, ("plus", "minus"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../evil.json", "leads out of the bundle"),
        ("/etc/evil.json", "leads out of the bundle"),
        ("C:/evil.json", "leads out of the bundle"),
        ("text/..\\..\\evil.json", "leads out of the bundle"),
        ("text/pytorch_model.bin", "can run code when they are read"),
        ("weights.pkl", "can run code when they are read"),
        ("text/WEIGHTS.PT", "can run code when they are read"),
        ("a.pth", "can run code when they are read"),
        ("a.ckpt", "can run code when they are read"),
        ("text/modeling.py", "neither safetensors, JSON nor text"),
        ("notes.txt", "doesn't list"),
        (f"./{HEAD}", "no plain name"),
        ("text//vocab.json", "no plain name"),
        ("n" * 300 + ".json", "no plain name"),
        (f"{HEAD}/a.json", "is a file and a folder"),
        (HEAD, "comes twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")  # what this is about
def test_an_archive_with_anything_beside_is_refused(folder, tmp_path, name, says):
    with pytest.raises(UnreadableFile, match=says):
        Model.load(packed(folder, **{name: "x"}))
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.zip"}


def test_a_name_that_is_no_utf_8_is_refused(folder):
    file = packed(folder, **{"n\u00e4me.txt": "x"})
    file.write_bytes(file.read_bytes().replace("\u00e4".encode(), b"\xff\xff"))
    with pytest.raises(UnreadableFile, match="no ZIP archive, or damaged"):
        Model.load(file)


def test_links_are_refused(folder, tmp_path):
    link = zipfile.ZipInfo("text/vocab.txt")
    link.external_attr = LINK
    with pytest.raises(UnreadableFile, match="is a link"):
        Model.load(_with(folder, link))
    (tmp_path / "secret.txt").write_text("x")
    (folder / "vocab.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UnreadableFile, match=r"vocab\.txt is a link"):
        Model.load(folder)


def _with(folder, entry, content="/etc/passwd"):
    file = packed(folder)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry, content)
    return file


def test_what_unpacks_to_more_than_it_is_is_refused(folder):
    bomb = zipfile.ZipInfo("bomb.json")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    with pytest.raises(UnreadableFile, match="packed or encrypted"):
        Model.load(_with(folder, bomb, " " * 10_000_000))


def test_a_file_that_was_changed_or_is_missing_is_refused(folder):
    (folder / "README.md").write_text("# Sighs\n")
    for bundle in (folder, packed(folder)):
        with pytest.raises(UnreadableFile, match=r"README\.md is not what it was"):
            Model.load(bundle)
    (folder / "README.md").unlink()
    with pytest.raises(UnreadableFile, match=r"README\.md of it is missing"):
        Model.load(folder)


def test_a_newer_format_asks_for_an_update_and_a_damaged_one_says_so(folder):
    (folder / NAME).write_text(json.dumps({"format": FORMAT + 1, "what": "ever"}))
    with pytest.raises(UnreadableFile, match=r"newer collab .* Update collab"):
        Model.load(folder)
    for damaged in ("", "[]", '{"format": 1}', '{"format": "x"}', '{"format": 1, "schema": 3}', "[" * 100_000):
        (folder / NAME).write_text(damaged)
        with pytest.raises(UnreadableFile, match="is damaged"):
            Model.load(folder)
    (folder / NAME).unlink()
    with pytest.raises(UnreadableFile, match=r"it has no manifest\.json"):
        Model.load(folder)


@pytest.mark.parametrize(
    ("content", "more", "says"),
    [
        (head(3), {}, "tells 3 classes apart, and 2 are named"),
        (head(2, 100), {}, "don't fit together"),
        (head(value=np.nan), {}, "or hold NaN"),
        (b"no tensors", {}, "is no model"),
        (head(), {"dim": 100}, "make 384 features, not 100"),
        (head(), {"fields": (Field("a", "image"),)}, "encoders don't fit its fields"),
        (head(), {"fields": (Field("text"), Field("n", "number"))}, "table doesn't fit its fields"),
        (head(), {"head": "forest"}, "There is no head 'forest'"),
        (head(), {"temperature": 0.0}, "is damaged"),
        (head(), {"text": Encoding("minilm", "minilm", "", 384, 256)}, "tokenizer is damaged"),
        (head(), {"fields": (Field("a", "image"),), "text": None, "image": EYE, "dim": 1280}, "weights aren't those"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, content, more, says):
    (folder / HEAD).write_bytes(content)
    resealed(folder, **more)
    with pytest.raises(UnreadableFile, match=says):
        Model.load(folder)


def test_without_a_head_there_is_nothing_in_it(folder):
    (folder / HEAD).unlink()
    resealed(folder)
    with pytest.raises(UnreadableFile, match="it has no head"):
        Model.load(folder)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("config.json", {"model_type": "x", "auto_map": {"AutoModel": "evil/repo--modeling.Evil"}}),
        ("sentence_bert_config.json", {"model_args": {"trust_remote_code": True}}),
        ("modules.json", [{"idx": 0, "name": "0", "path": "", "type": "os.system"}]),
        ("modules.json", [{"idx": 0, "name": "0", "path": "../..", "type": "sentence_transformers.models.Pooling"}]),
    ],
)
def test_settings_that_ask_for_code_are_refused(folder, name, said):
    (folder / "text").mkdir()
    (folder / "text" / name).write_text(json.dumps(said))
    resealed(folder)
    with pytest.raises(UnreadableFile, match=r"asks for code of its own|names a path outside"):
        Model.load(folder)


def test_what_is_no_bundle_at_all_is_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no archive")
    shutil.make_archive(str(tmp_path / "empty"), "zip", str(tmp_path), "a.zip")
    for name, says in (("a.zip", "no ZIP archive"), ("b.zip", "isn't there"), ("empty.zip", "stored plainly")):
        with pytest.raises(UnreadableFile, match=says):
            Model.load(tmp_path / name)


def test_a_manifest_reads_back_as_it_was_written(folder):
    again = Model.load(folder).manifest
    assert asdict(again) | {"files": {}} == asdict(manifest())
