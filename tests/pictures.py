"""Small pictures for tests: arrays, and stored as an import stores them."""

import io
from hashlib import blake2b

import numpy as np
from PIL import Image

from collab.domain.media import media_name, thumb_of, view_of
from collab.domain.store import Store
from collab.engine.encoders.fitting import Pixels


def disc(side: int, radius: int) -> Pixels:
    """A red disc on white."""
    at = np.arange(side) - side / 2
    inside = at[:, None] ** 2 + at**2 < radius**2
    return np.where(inside[..., None], np.uint8([200, 30, 30]), np.uint8(255))


def stripes(height: int, width: int) -> Pixels:
    """Blue and white stripes, upright."""
    blue = (np.arange(width) // 4 % 2 == 0)[None, :, None]
    return np.repeat(np.where(blue, np.uint8([20, 40, 180]), np.uint8(255)), height, axis=0)


def stored(store: Store, picture: Pixels) -> str:
    """Keep a picture, what people see and the thumbnail; returns its name."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "webp", lossless=True)
    name = media_name(blake2b(file.getvalue(), digest_size=16).hexdigest(), ".webp")
    for each in (name, view_of(name), thumb_of(name)):
        store.write_file(each, iter([file.getvalue()]))
    return name
