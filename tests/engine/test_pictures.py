import io
import struct

import numpy as np
import pytest
from PIL import Image, WebPImagePlugin

from collab.engine.pictures import identify, prepare
from collab.errors import UnreadableFile

MOST = 1_000_000
GREY = np.tile(np.linspace(20, 230, 64).astype(np.uint8), (48, 1))
COLOR = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 90)], axis=2)


def written(picture: Image.Image, form: str, **more: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **more)
    return out.getvalue()


def pixels_of(webp: bytes) -> np.ndarray:
    """What `prepare` made, decoded; shape (height, width, 3)."""
    with WebPImagePlugin.WebPImageFile(io.BytesIO(webp)) as picture:
        return np.asarray(picture.convert("RGB"))


def seen(name: str, data: bytes) -> np.ndarray:
    return pixels_of(prepare(name, data, MOST).view)


FORMS = {"a.jpg": "JPEG", "a.png": "PNG", "a.webp": "WEBP", "a.tiff": "TIFF", "a.BMP": "BMP", "a.gif": "GIF"}


@pytest.mark.parametrize(("name", "form"), FORMS.items())
def test_every_format_shows_what_was_drawn(name, form):
    made = seen(name, written(Image.fromarray(COLOR), form)).astype(int)
    assert made.shape == COLOR.shape
    assert np.abs(made - COLOR).mean() < 12  # a GIF has 256 colors


@pytest.mark.parametrize(("name", "form"), FORMS.items())
def test_a_truncated_picture_is_refused(name, form):
    data = written(Image.fromarray(COLOR), form)
    with pytest.raises(UnreadableFile, match="damaged"):
        prepare(name, data[: len(data) // 2], MOST)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG"])
def test_exif_turns_a_picture_and_is_gone_from_what_is_shown(form):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Somebody's camera"
    exif.get_ifd(0x8825)[1] = "N"
    name = {"JPEG": "a.jpg", "TIFF": "a.tif", "PNG": "a.png"}[form]
    prepared = prepare(name, written(Image.fromarray(COLOR), form, exif=exif), MOST)
    assert pixels_of(prepared.view).shape == (64, 48, 3)
    assert all(b"EXIF" not in data and b"camera" not in data for data in (prepared.view, prepared.thumb))


@pytest.mark.parametrize("scale", [1, 16, 250])
def test_sixteen_bits_are_spread_over_their_own_range(scale):
    made = seen("a.png", written(Image.fromarray(GREY.astype(np.uint16) * scale), "PNG"))
    assert (made.min(), made.max()) == (0, 255)
    assert (np.diff(made[0, :, 0].astype(int)) >= 0).all()


def test_floats_that_are_no_numbers_are_black():
    values = GREY.astype(np.float32)
    values[0, :5] = np.nan
    assert seen("a.tif", written(Image.fromarray(values), "TIFF"))[0, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("how", ["RGBA", "LA", "palette"])
def test_what_is_transparent_is_white(how):
    if how == "palette":
        data = written(Image.fromarray(GREY * 0).convert("P"), "PNG", transparency=0)
    else:
        data = written(Image.new(how, (8, 8), (0, 0, 0, 0) if how == "RGBA" else (0, 0)), "PNG")
    assert seen("a.png", data)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB"])
def test_other_kinds_of_color_become_rgb(mode):
    made = seen("a.tif", written(Image.fromarray(COLOR).convert(mode), "TIFF"))
    assert made.shape == COLOR.shape
    assert made.std() > 10


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP"])
def test_of_several_frames_the_first_is_taken(form):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    made = seen(f"a.{form.lower()}", written(frames[0], form, save_all=True, append_images=frames[1:], lossless=True))
    assert (made[0, 0] // 250).tolist() == [1, 0, 0]


def test_a_large_picture_is_shrunk_for_the_view_and_again_for_the_thumbnail():
    data = written(Image.new("L", (5000, 10), 200), "JPEG")
    prepared = prepare("a.jpg", data, MOST)
    assert pixels_of(prepared.view).shape[1] == 4096
    assert pixels_of(prepared.thumb).shape[1] == 256


def refused(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        prepare(name, data, MOST)


PNG = written(Image.fromarray(COLOR), "PNG")
REFUSED = [
    ("a.jpg", PNG, "it is a PNG image, not what .jpg says"),
    ("a", PNG, "it is a PNG image, not what"),
    ("a.svg", b"<svg onload='alert(1)'></svg>", "SVG, which may carry scripts"),
    ("a.png", b"<?xml version='1.0'?>\n<!-- hi -->\n<svg/>", "SVG, which may carry scripts"),
    ("a.png", b"PK\x03\x04rest", "it is an archive"),
    ("a.png", b"hello", "it is no JPEG"),
    ("a.png", b"", "it is empty"),
]


@pytest.mark.parametrize(("name", "data", "reason"), REFUSED)
def test_what_is_no_picture_or_lies_about_its_type_is_refused_with_the_reason(name, data, reason):
    refused(name, data, reason)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded():
    header_only = written(Image.new("1", (20_000, 20_000)), "PNG")[:60]
    refused("a.png", header_only, "400,000,000 pixels; at most 1,000,000 are taken")


def test_a_tile_that_is_larger_than_its_picture_is_refused_before_it_is_decoded():
    entries = [
        (256, 4, 1),
        (257, 4, 1),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (277, 3, 1),
        (322, 4, 40_000),
        (323, 4, 40_000),
    ]
    tags = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in entries)
    tiles = struct.pack("<HHLL", 324, 4, 1, 8) + struct.pack("<HHLL", 325, 4, 1, 1)
    data = b"II*\0" + struct.pack("<LH", 8, len(entries) + 2) + tags + tiles + bytes(4)
    refused("a.tif", data, "1,600,000,000 pixels; at most 1,000,000 are taken")


def test_a_webp_whose_header_claims_a_huge_canvas_is_refused():
    body = written(Image.new("RGB", (8, 8)), "WEBP", lossless=True)[12:]
    claim = b"VP8X" + (10).to_bytes(4, "little") + bytes(4) + 2 * (16_000).to_bytes(3, "little")
    data = b"RIFF" + (4 + len(claim) + len(body)).to_bytes(4, "little") + b"WEBP" + claim + body
    refused("a.webp", data, "pixels|damaged")


def test_pictures_in_the_range_that_pillow_warns_of_are_taken_where_the_policy_allows_it(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # a warning would fail this test
    assert identify("a.png", PNG[:512]).name == "PNG"
    assert pixels_of(prepare("a.png", PNG, MOST).view).shape == COLOR.shape
