"""Small pictures in a store, each with its own colours and number, as an import leaves them."""

import hashlib
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw

from collab.domain.media import THUMB_SIDE, media_name, thumb_of, view_of
from collab.domain.project import Field, LabelSchema, LoopPolicy, Project
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from tests.samples import YES_NO

IMAGE = (Field("picture", "image"),)


def webp(number: int, width: int = 640, height: int = 480) -> bytes:
    """A picture that tells which one it is, and where its corners are."""
    picture = Image.new("RGB", (width, height), f"hsl({number * 47 % 360}, 45%, 62%)")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, width - 1, height - 1), outline="black", width=max(1, width // 80))
    pen.ellipse((width // 4, height // 4, 3 * width // 4, 3 * height // 4), fill=f"hsl({number * 91 % 360}, 70%, 35%)")
    pen.text((width / 2, height / 2), str(number), fill="white", anchor="mm", font_size=max(10, height // 4))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return out.getvalue()


def keep(store: Store, number: int, width: int = 640, height: int = 480) -> str:
    """Store a picture with its view and thumbnail; returns its name."""
    view = webp(number, width, height)
    name = media_name(hashlib.blake2b(view, digest_size=16).hexdigest(), ".png")
    thumb = Image.open(io.BytesIO(view))
    thumb.thumbnail((THUMB_SIDE, THUMB_SIDE))
    small = io.BytesIO()
    thumb.save(small, "WEBP")
    store.write_file(view_of(name), iter([view]))
    store.write_file(thumb_of(name), iter([small.getvalue()]))
    return name


def picture_row(number: int, fields: dict[str, Any]) -> NewItem:
    """A row as an import makes it: it keeps the path that the file gave."""
    meta = {"picture": f"cats/{number:04d}.png"}
    digest = hashlib.sha256(repr((number, sorted(fields.items()))).encode()).hexdigest()
    return NewItem(f"P-{number:04d}", fields, digest, number * 0.61803398875 % 1, meta)


def picture_project(
    store: Store,
    items: Sequence[NewItem],
    fields: tuple[Field, ...] = IMAGE,
    schema: LabelSchema = YES_NO,
    policy: LoopPolicy | None = None,
) -> Project:
    """A project with these items in it."""
    made = store.create_project("Pictures", fields, schema, policy or LoopPolicy(), 1)
    opened = store.begin_import(made.id, "pictures.zip", "nothing", 1)
    added = store.add_items(opened, items).added
    store.finish_import(opened, ImportReport(added=added), 0.0, 500, 2)
    return made
