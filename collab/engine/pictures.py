"""Turn the bytes of a picture into what people and models see of it; bytes in, bytes or arrays out.

The type is what the bytes say. What is refused is an `UnreadableFile` whose reason can be shown beside a row. Nothing
is decoded before its size is known; Pillow's own limits, which hold for the whole process, are left as they are.
"""

import io
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from collab.domain.media import THUMB_SIDE, VIEW_SIDE
from collab.errors import UnreadableFile

SNIFFED = 512
"""First bytes that tell the type."""
SMALL = 512 * 512
"""Pixels up to which a lossless picture is shown without loss."""
TILE_WIDTH, TILE_LENGTH = 322, 323
"""Tags of a TIFF."""
LARGE = 16_000_000
"""Pixels from which one picture is decoded at a time, so that threads don't fill the memory together."""
DEEP = (0.1, 99.9)
"""Percentiles of more than 8 bits that become black and white: a few hot pixels must not darken the rest."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A format of pictures."""

    name: str
    suffixes: tuple[str, ...]
    """The first one is ours."""
    open: Callable[[Any], ImageFile.ImageFile]
    lossless: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is made of a picture once, both as WebP without metadata."""

    view: bytes
    thumb: bytes


_JPEG = Kind("JPEG", (".jpg", ".jpeg"), JpegImagePlugin.JpegImageFile, lossless=False)
_WEBP = Kind("WebP", (".webp",), WebPImagePlugin.WebPImageFile, lossless=False)
_PNG = Kind("PNG", (".png",), PngImagePlugin.PngImageFile)
_TIFF = Kind("TIFF", (".tif", ".tiff"), TiffImagePlugin.TiffImageFile)
_BMP = Kind("BMP", (".bmp",), BmpImagePlugin.BmpImageFile)
_GIF = Kind("GIF", (".gif",), GifImagePlugin.GifImageFile)
_MAGIC = (
    (b"\xff\xd8\xff", _JPEG), (b"\x89PNG\r\n\x1a\n", _PNG), (b"GIF87a", _GIF), (b"GIF89a", _GIF), (b"BM", _BMP),
    (b"II*\0", _TIFF), (b"MM\0*", _TIFF), (b"II+\0", _TIFF), (b"MM\0+", _TIFF),
)  # fmt: skip
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Sizes of the header that comes next in a BMP."""
_one_large = threading.Lock()


def identify(name: str, head: bytes) -> Kind:
    """Say what the first `SNIFFED` bytes of a picture are.

    Raises:
        UnreadableFile: It is no picture that is read here, or its suffix says that it is another one.
    """
    if not head:
        raise UnreadableFile(name, "it is empty")
    kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if kind is _BMP and int.from_bytes(head[14:18], "little") not in _BMP_HEADERS:
        kind = None  # two letters with which a text may begin as well
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        kind = _WEBP
    if kind is None:
        raise UnreadableFile(name, _no_picture(name, head))
    suffix = "." + name.lower().rpartition(".")[2]
    if suffix not in kind.suffixes:
        raise UnreadableFile(name, f"it is a {kind.name} image, not what {suffix} says; rename it")
    return kind


def prepare(name: str, data: bytes, most_pixels: int) -> Prepared:
    """Decode a picture whole and make what is shown of it.

    It is turned right by its EXIF. Of several frames it is the first; what is transparent becomes white; grey of more
    than 8 bits is spread from its own darkest to its own brightest (`DEEP`), so that two such pictures can't be
    compared by their brightness; colors of 16 bits keep their upper 8.

    Args:
        name: What the person calls it.
        data: The whole file.
        most_pixels: A picture with more is refused before it is decoded.

    Raises:
        UnreadableFile: `identify` refuses it, it is too large, or damaged.
    """
    kind = identify(name, data[:SNIFFED])
    try:
        with kind.open(io.BytesIO(data)) as picture:
            pixels = _pixels(picture)
            if pixels > most_pixels:
                raise UnreadableFile(name, f"it has {pixels:,} pixels; at most {most_pixels:,} are taken")
            if not pixels:
                raise UnreadableFile(name, "it has no pixels")
            lossless = (kind.lossless or data[12:16] == b"VP8L") and pixels <= SMALL
            with _one_large if pixels > LARGE else nullcontext():
                shown = _upright(_shown(picture))
    except UnreadableFile:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadableFile(name, "it has more pixels than can be decoded safely") from error
    except Exception as error:  # a decoder raises whatever it likes on a damaged file
        raise UnreadableFile(name, "it is damaged, or part of it is missing; copy or save it again") from error
    view = _webp(shown, lossless=lossless)
    if max(shown.size) <= THUMB_SIDE:
        return Prepared(view, view)
    shown.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    return Prepared(view, _webp(shown, lossless=False))


def _pixels(picture: Image.Image) -> int:
    """How many pixels a decoder would hold: a tile of a TIFF may be larger than all of what it says to be."""
    tile = picture.tag_v2 if isinstance(picture, TiffImagePlugin.TiffImageFile) else {}
    return max(picture.width * picture.height, int(tile.get(TILE_WIDTH, 0)) * int(tile.get(TILE_LENGTH, 0)))


def _no_picture(name: str, head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head.lower() or (start.startswith((b"<?xml", b"<!doctype")) and name.lower().endswith(".svg")):
        return "it is an SVG, which may carry scripts; save it as PNG"
    if head.startswith(b"PK\x03\x04"):
        return "it is an archive, not an image"
    return "it is no JPEG, PNG, WebP, TIFF, BMP or GIF image"


def _shown(picture: ImageFile.ImageFile) -> Image.Image:
    """At most `VIEW_SIDE` long, RGB, not yet turned; its EXIF stays with it."""
    if picture.format == "JPEG":
        picture.draft(None, (VIEW_SIDE, VIEW_SIDE))  # large ones are decoded at a half, a quarter or an eighth
    picture.load()
    turned = picture.getexif().get(_ORIENTATION)
    made: Image.Image = picture
    if made.mode.startswith(("I", "F")):
        made = _spread(made)
    elif made.has_transparency_data:
        made = made.convert("RGBA")
    if made.mode not in ("L", "RGBA", "RGBa", "CMYK"):
        made = made.convert("RGB")  # a palette can't be shrunk
    if max(made.size) > VIEW_SIDE:
        made = made.copy() if made is picture else made
        made.thumbnail((VIEW_SIDE, VIEW_SIDE), Image.Resampling.LANCZOS)
    if made.mode in ("RGBA", "RGBa"):
        made = made.convert("RGBA")
        ground = Image.new("RGB", made.size, "white")
        ground.paste(made, mask=made.getchannel("A"))
        made = ground
    made = made.convert("RGB")
    made.info = {}
    if turned:
        made.getexif()[_ORIENTATION] = turned
    return made


_ORIENTATION = 0x0112


def _upright(picture: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(picture)


def _spread(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or of floats, in 8 bits."""
    values = np.asarray(picture)
    step = max(1, values.size // 4_000_000)
    some = values.reshape(-1)[::step].astype(np.float64)
    some = some[np.isfinite(some)]
    low, high = np.percentile(some, DEEP) if len(some) else (0.0, 0.0)
    if high <= low and len(some):
        low, high = float(some.min()), float(some.max())
    made = np.empty(values.shape, np.uint8)
    scale = 255 / (high - low) if high > low else 0.0
    for start in range(0, len(values), 256):  # by bands: floats of the whole would take eight times its memory
        band = (np.nan_to_num(values[start : start + 256].astype(np.float64), nan=low) - low) * scale
        made[start : start + 256] = np.rint(band.clip(0, 255))
    return Image.fromarray(made)


def _webp(picture: Image.Image, *, lossless: bool) -> bytes:
    out = io.BytesIO()
    quality = {"lossless": True, "quality": 20, "method": 1} if lossless else {"quality": 92, "method": 2}
    picture.save(out, "WEBP", **quality)
    return out.getvalue()
