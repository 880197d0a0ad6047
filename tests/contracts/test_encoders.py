"""Every registered encoder, through the same cases."""

import numpy as np
import pytest

from collab.engine.encoders.text import ENCODERS

TEXTS = ["A fine day.", "今天天气很好", "", "a" * 5_000, "tea, " * 400, "A fine day.", "\x00\ud7ff <b>&amp;</b> 🙂"]


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request):
    return ENCODERS[request.param]()


def test_rows_are_unit_vectors_in_the_order_of_the_texts(encoder):
    rows = encoder.encode(TEXTS)
    assert (rows.shape, rows.dtype) == ((len(TEXTS), encoder.dim), np.float32)
    assert np.isfinite(rows).all()
    assert np.linalg.norm(np.delete(rows, 2, axis=0), axis=1) == pytest.approx(np.ones(len(TEXTS) - 1), abs=1e-5)
    assert rows[0] == pytest.approx(rows[5], abs=1e-5)


def test_a_text_gets_the_same_row_whatever_is_encoded_beside_it(encoder):
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert encoder.encode(TEXTS) == pytest.approx(alone, abs=2e-3)


def test_no_texts_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_like_texts_lie_nearer_than_unlike_ones(encoder):
    cat, cats, shares = encoder.encode(["the cat sleeps", "a cat that sleeps", "share prices fell on Monday"])
    assert cat @ cats > cat @ shares


def test_it_stops_inside_a_text_only_where_it_has_a_limit(encoder):
    assert encoder.read_until("A short text.") is None
    stopped = encoder.read_until("word " * 2_000)
    assert (stopped is None) == (encoder.max_tokens is None)


def test_the_digest_says_which_encoder_it_was(encoder):
    assert encoder.digest == type(encoder)().digest
    assert encoder.digest.startswith(encoder.name)
