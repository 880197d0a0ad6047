"""Names of stored images: an item's field holds that of the original; what people and models see is made of it once."""

import re

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""Of the files that are read as images; what is in them decides, not the suffix."""
THUMB_SIDE = 256
"""Pixels of the longer side of a thumbnail, unless the image is smaller."""
VIEW_SIDE = 4096
"""Pixels of the longer side of what a person sees, unless the image is smaller."""


def media_name(digest: str, suffix: str) -> str:
    """Where the bytes of that digest lie below the workspace's files.

    >>> media_name("3f9a" + 28 * "0", ".png")
    'media/3f/3f9a0000000000000000000000000000.png'
    """
    return f"media/{digest[:2]}/{digest}{suffix}"


def view_of(name: str) -> str:
    """The image as it is shown: turned right, 8 bits, in a format that every browser shows."""
    return f"{name.rpartition('.')[0]}.view.webp"


def thumb_of(name: str) -> str:
    """The same, small."""
    return f"{name.rpartition('.')[0]}.thumb.webp"


def is_media_name(value: object) -> bool:
    """Whether a value is the name of a stored image, not text.

    >>> is_media_name(media_name(32 * "0", ".png")), is_media_name("media/cat.png")
    (True, False)
    """
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


_NAME = re.compile(r"media/[0-9a-f]{2}/[0-9a-f]{32}\.[a-z]+")
