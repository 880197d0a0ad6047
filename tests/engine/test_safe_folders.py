import json
from pathlib import Path

import pytest

from collab.engine.encoders.text import SentenceTransformerEncoder
from collab.engine.safe_folders import refuse_unsafe
from collab.engine.tuned import read_text, trainable_text
from collab.errors import UnreadableFile
from tests.tiny import tiny_text


@pytest.fixture
def folder(tmp_path):
    trainable_text(SentenceTransformerEncoder(tiny_text(tmp_path / "tiny"))).write(tmp_path / "text")
    return tmp_path / "text"


def test_what_was_written_is_safe_and_says_what_the_encoder_said(folder, tmp_path):
    refuse_unsafe(folder)
    texts = ["it is good", "", "bad " * 100]
    before = SentenceTransformerEncoder(str(tmp_path / "tiny" / "whole")).encode(texts)
    assert read_text(folder, "tuned:x").encode(texts) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "training_args.pt", "modeling.py", "1_Pooling/rows.npy", "x.pkl"]
)
def test_files_that_could_run_are_refused(folder, name):
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UnreadableFile, match="only weights and settings"):
        read_text(folder, "tuned:x")


def test_links_are_refused(folder, tmp_path):
    (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(UnreadableFile, match="link"):
        read_text(folder, "tuned:x")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [("path", "../1_Pooling", "outside"), ("path", "/etc", "outside"), ("type", "os.system", "code")],
)
def test_modules_that_lie_elsewhere_are_refused(folder: Path, key, value, says):
    modules = json.loads((folder / "modules.json").read_text())
    modules[1][key] = value
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnreadableFile, match=says):
        read_text(folder, "tuned:x")


def test_models_that_ask_for_code_of_their_own_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "modeling.Model"}}))
    with pytest.raises(UnreadableFile, match="code of its own"):
        read_text(folder, "tuned:x")
