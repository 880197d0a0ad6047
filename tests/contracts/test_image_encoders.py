"""Every registered image encoder, through the same cases."""

import numpy as np
import pytest

from collab.engine.encoders.image import IMAGE_ENCODERS
from tests.pictures import disc, stripes

PICTURES = [disc(60, 40), None, stripes(300, 10), disc(60, 40), np.zeros((1, 1, 3), np.uint8), stripes(7, 900)]


@pytest.fixture(scope="module", params=IMAGE_ENCODERS)
def encoder(request):
    return IMAGE_ENCODERS[request.param]()


def test_rows_are_unit_vectors_in_the_order_of_the_pictures(encoder):
    rows = encoder.encode(PICTURES)
    assert (rows.shape, rows.dtype) == ((len(PICTURES), encoder.dim), np.float32)
    assert np.linalg.norm(np.delete(rows, 1, axis=0), axis=1) == pytest.approx(np.ones(len(PICTURES) - 1), abs=1e-5)
    assert rows[0] == pytest.approx(rows[3], abs=1e-5)


def test_a_missing_picture_is_a_row_of_zeros(encoder):
    assert not encoder.encode([None, None]).any()


def test_a_picture_gets_the_same_row_whatever_is_encoded_beside_it(encoder):
    alone = np.concatenate([encoder.encode([picture]) for picture in PICTURES])
    assert encoder.encode(PICTURES) == pytest.approx(alone, abs=2e-3)


def test_no_pictures_give_no_rows(encoder):
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_like_pictures_lie_nearer_than_unlike_ones(encoder):
    small, large, other = encoder.encode([disc(200, 60), disc(200, 80), stripes(200, 200)])
    assert small @ large > small @ other


def test_the_digest_says_which_encoder_it_was(encoder):
    assert encoder.digest == type(encoder)().digest
    assert encoder.digest.startswith(encoder.name)
