"""Names of stored images: an item's field holds that of the original; what people and models see is made of it once."""

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
