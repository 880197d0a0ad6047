"""Fit pictures of any shape into the square that an image encoder reads."""

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
"""Red, green and blue, shape (height, width, 3)."""


def fitted(image: Pixels, side: int) -> Pixels:
    """Scale a picture into a square, whole and in its proportions; what is left over gets the color of its edge.

    Args:
        image: Shape (height, width, 3), of any size.
        side: Of the square, in pixels.

    Returns:
        Shape (side, side, 3).
    """
    height, width = image.shape[:2]
    share = side / max(height, width)
    inside = max(1, round(width * share)), max(1, round(height * share))
    scaled = Image.fromarray(image).resize(inside, Image.Resampling.BICUBIC)
    left, above = (side - inside[0]) // 2, (side - inside[1]) // 2
    right, below = side - inside[0] - left, side - inside[1] - above
    return np.pad(np.asarray(scaled), ((above, below), (left, right), (0, 0)), mode="edge")
