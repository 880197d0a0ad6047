import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from collab.engine.encoders.text import SentenceTransformerEncoder
from collab.engine.safe_folders import refuse_unsafe
from collab.engine.tuned import read_image, read_text, trainable_text
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


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.safetensors.index.json", {"weight_map": {"x": "../outside.safetensors"}}),
        ("adapter_config.json", {"base_model_name_or_path": "/elsewhere"}),
        ("router_config.json", {"types": {"query": "os.system"}}),
    ],
)
def test_files_that_name_other_files_to_load_are_refused(folder, name, says):
    (folder / name).write_text(json.dumps(says))
    with pytest.raises(UnreadableFile, match="names other files"):
        read_text(folder, "tuned:x")


def test_weights_that_are_missing_or_of_another_model_are_refused(folder):
    weights = load_file(folder / "model.safetensors")
    lacking = {name: weight for name, weight in weights.items() if "word_embeddings" not in name}
    for wrong in lacking, {**weights, "embeddings.word_embeddings.weight": torch.zeros(3, 16)}:
        save_file(wrong, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(UnreadableFile):
            read_text(folder, "tuned:x")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnreadableFile, match="holds no model"):
        read_text(folder, "tuned:x")


@pytest.mark.parametrize(
    ("kind", "read"), [("minilm", read_text), ("efficientnet-lite0", read_image), ("vision", read_image)]
)
def test_folders_of_another_kind_than_they_say_are_refused(folder, kind, read):
    (folder / "collab.json").write_text(json.dumps({"kind": kind, "max_tokens": 32}))
    with pytest.raises(UnreadableFile, match="of another model"):
        read(folder, "tuned:x")


def test_a_template_of_chats_is_left_out(tmp_path):
    text = trainable_text(SentenceTransformerEncoder(tiny_text(tmp_path / "tiny")))
    text.model.tokenizer.chat_template = "{{ messages }}"
    text.write(tmp_path / "text")
    refuse_unsafe(tmp_path / "text")


def test_models_that_ask_for_code_of_their_own_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    for more in {"auto_map": {"AutoModel": "modeling.Model"}}, {"transformers_weights": "../outside.safetensors"}:
        (folder / "config.json").write_text(json.dumps({**config, **more}))
        with pytest.raises(UnreadableFile, match="code of its own, or for weights that lie elsewhere"):
            read_text(folder, "tuned:x")
