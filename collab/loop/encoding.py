"""Turn the items of a project into features, batch by batch, and keep them in the feature cache."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from collab.domain.media import THUMB_SIDE, thumb_of, view_of
from collab.domain.project import Field, Item, Project
from collab.domain.store import Store
from collab.domain.version import TUNED
from collab.engine.arrays import refuse_nan
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.fitting import Pixels
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.image import image_encoder_of as pretrained_image_encoder
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder, encoder_of
from collab.engine.pictures import prepare
from collab.engine.tuned import digest_of, read_image, read_text
from collab.errors import JobCancelled, UnknownName, UnreadableFile
from collab.loop.measuring import image_fields, measure, measured, reads_text, table_fields, tuned_folder

CHUNK, CHUNK_OF_PICTURES = 512, 32
"""Items that are encoded at a time; pictures take a second for so many."""
PAGE = 4096
TOLD_EVERY = 0.5


def encode_items(
    store: Store,
    project: Project,
    encoder: Encoder | None,
    report: Callable[[float, str], bool],
    images: ImageEncoder | None = None,
) -> int:
    """Encode every visible item that has no features of its present content; a killed run goes on where it was.

    Numbers and categories are measured first: where the pool has become another one, all features are made anew.

    Args:
        store: The workspace.
        project: Whose items.
        encoder: Reads their texts; None where they have none.
        report: Told the share done; returns True to cancel.
        images: Reads their pictures; None where they have none.

    Returns:
        How many were encoded.

    Raises:
        JobCancelled: `report` said so; what was encoded stays.
        InvalidSchema: Nothing can be learned from any column.
    """
    if not store.progress(project.id).items:
        store.set_worker(project.id, "idle", time.time_ns() // 1_000_000, 1.0)
        return 0  # nothing to measure either

    def tell(share: float) -> bool:
        store.set_worker(project.id, "reading", time.time_ns() // 1_000_000, share)
        return report(share, "")

    done = encode_with(store, project, _blocks(project, encoder, measure(store, project), images), tell)
    store.set_worker(project.id, "idle", time.time_ns() // 1_000_000, 1.0)
    return done


def encode_with(store: Store, project: Project, blocks: Blocks, tell: Callable[[float], bool]) -> int:
    """Encode every visible item that has no features of its present content under these blocks; as `encode_items`.

    Args:
        store: The workspace.
        project: Whose items.
        blocks: What reads them; they need not be what the policy names.
        tell: Told the share done; returns True to cancel.
    """
    file = store.features(project.id, blocks.digest, blocks.dim)
    have = dict(zip(file.ids().tolist(), file.stamps().tolist(), strict=True))
    total = max(1, store.progress(project.id).items)
    done, after, told = 0, 0, 0.0
    size = CHUNK_OF_PICTURES if blocks.images else CHUNK
    while page := store.stream_items(project.id, after, PAGE):
        after = page[-1].id
        missing = (item for item in page if have.get(item.id) != stamp(item.digest))
        while batch := list(islice(missing, size)):
            _encode(store, project, blocks, batch)
            have.update((item.id, stamp(item.digest)) for item in batch)
            done += len(batch)
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                if tell(min(1.0, len(have) / total)):
                    raise JobCancelled
    return done


def stamp(digest: str) -> int:
    """A digest as a number that fits into 63 bits."""
    return int(digest[:15], 16)


def text_of(fields: Sequence[Field], values: Mapping[str, Any]) -> str:
    """The text that the encoder reads: the encoded texts, one after the other."""
    return "\n".join(str(values[f.name]) for f in fields if f.encoded and f.kind == "text" and values.get(f.name))


def text_encoder(store: Store, project: Project) -> Encoder | None:
    """Load the encoder of a project's texts; None where it has none.

    Raises:
        UnknownName: There is no such encoder.
        UnreadableFile: It was fine-tuned, and its folder holds something else than what was written.
    """
    return text_encoder_of(store, project.id, project.policy.encoder) if reads_text(project) else None


def image_encoder(store: Store, project: Project) -> ImageEncoder | None:
    """Load the encoder of a project's pictures; None where it has none.

    Raises:
        UnknownName: There is no such encoder.
        NotInstalled: It needs packages that aren't there.
        UnreadableFile: As `text_encoder`.
    """
    return image_encoder_of(store, project.id, project.policy.image_encoder) if image_fields(project) else None


def text_encoder_of(store: Store, project: int, name: str) -> Encoder:
    """Load a text encoder by the name that the policy of a project has; errors as in `text_encoder`."""
    if not name.startswith(TUNED):
        return encoder_of(name)
    return read_text(_weights(store, project, name, "text"), name)


def image_encoder_of(store: Store, project: int, name: str) -> ImageEncoder:
    """Load an image encoder by the name that the policy of a project has; errors as in `image_encoder`."""
    if not name.startswith(TUNED):
        return pretrained_image_encoder(name)
    return read_image(_weights(store, project, name, "image"), name)


def _weights(store: Store, project: int, name: str, part: str) -> Path:
    folder = store.folder(tuned_folder(project, name))
    if not (folder / part).is_dir():
        raise UnknownName("fine-tuned encoder", name)
    if TUNED + digest_of(folder, ("text", "image")) != name:
        raise UnreadableFile(name, "its weights are damaged. Use another version, or train anew.")
    return folder / part


def blocks_of(store: Store, project: Project, encoder: Encoder | None, images: ImageEncoder | None = None) -> Blocks:
    """What makes the features of a project today.

    Raises:
        UnknownName: Its numbers and categories were never measured; `encode_items` does.
    """
    written = measured(store, project)
    if written is None and table_fields(project):
        raise UnknownName("measurement of the columns of", project.name)
    return _blocks(project, encoder, None if written is None else Table.from_json(written), images)


def picture_of(store: Store, name: str, side: int) -> Pixels | None:
    """Read a stored picture for an encoder that sees a square of that side; None where there is none, or no more.

    What was made of the original is made once more where it is gone or damaged.
    """
    if not name:
        return None
    smaller = thumb_of(name) if side <= THUMB_SIDE else view_of(name)
    try:
        return _pixels(store, smaller, side)
    except (UnknownName, OSError):
        return _pixels(store, smaller, side) if _made_again(store, name) else None


def _pixels(store: Store, name: str, side: int) -> Pixels:
    with Image.open(store.file(name)) as file:
        picture = file.convert("RGB")
    picture.thumbnail((2 * side, 2 * side))  # a view may have 4096 pixels a side, and many are held at a time
    return np.asarray(picture)


def _made_again(store: Store, name: str) -> bool:
    """Make what is shown of a picture anew from its original; False where that is gone or damaged too."""
    try:
        made = prepare(name, store.file(name).read_bytes(), sys.maxsize)
    except (UnknownName, UnreadableFile, OSError):
        return False
    for of, content in ((view_of(name), made.view), (thumb_of(name), made.thumb)):
        store.write_file(of, iter([content]))
    return True


def _blocks(project: Project, text: Encoder | None, table: Table | None, images: ImageEncoder | None) -> Blocks:
    fields = image_fields(project)
    assert images is not None or not fields, "who has pictures has what reads them"
    return Blocks(text, table, () if images is None else (images,) * len(fields))


def _encode(store: Store, project: Project, blocks: Blocks, batch: list[Item]) -> None:
    texts = [text_of(project.fields, item.fields) for item in batch]
    fields, cells = image_fields(project), [item.fields for item in batch]
    pictures = [
        [picture_of(store, row.get(field.name) or "", encoder.size) for row in cells]
        for field, encoder in zip(fields, blocks.images, strict=True)
    ]
    rows = blocks.encode(texts, cells, pictures)
    refuse_nan("Features", rows)
    if blocks.text is not None:
        stops = {item.id: blocks.text.read_until(text) for item, text in zip(batch, texts, strict=True)}
        store.set_read_until({item: at for item, at in stops.items() if at is not None})
    stamps = [stamp(item.digest) for item in batch]
    store.features(project.id, blocks.digest, blocks.dim).append([item.id for item in batch], stamps, rows)
    now = store.items([item.id for item in batch])
    # Last: what is erased from now on is blanked by the erasure itself.
    if gone := [item.id for item in batch if not item.erased and item.id in now and now[item.id].erased]:
        store.erase_features(project.id, gone)
