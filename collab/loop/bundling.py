"""Write a project's model into one file that runs elsewhere: weights, what they need, and what is to be known of them.

No pickle goes in: safetensors, JSON and text. What was written is read back once before anybody gets it.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collab.domain.project import Project
from collab.domain.run import Round
from collab.domain.store import Store
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.keeping import keep_image, keep_text, precision_of
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder
from collab.engine.heads import head_of
from collab.errors import Conflict, JobCancelled, UnknownName, UserError
from collab.loop.describing import card
from collab.loop.encoding import blocks_of, image_encoder, text_encoder
from collab.loop.exporting import slug
from collab.loop.measuring import measured, model_name
from collab.loop.predicting import Model
from collab.loop.retraining import head_file
from collab.loop.sealing import CARD, FORMAT, HEAD, NAME, TABLE, Encoding, Manifest, seal
from collab.loop.summarizing import summary, versions
from collab.storage.failures import disk_errors

Report = Callable[[float, str], bool]
"""Told the share done; returns True to cancel."""

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Of each entry: the same model makes the same file."""


PROBE = "Nobody wrote this; it is read to see whether an encoder came through whole."
SAME = 0.999
"""Cosine of the features of two copies of an encoder, one of which may multiply in bfloat16."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was written."""

    path: Path
    name: str
    """Its name in the store."""
    model: str
    bytes: int
    new: bool = True
    """Whether it wasn't there already."""


def bundle(
    store: Store, project: Project, *, now: int, report: Report, lasting: bool = True, personal: bool = False
) -> Bundled:
    """Write the model that suggests today as a bundle, and store it under `exports/`.

    Args:
        store: The workspace.
        project: Whose model.
        now: Milliseconds.
        report: Called now and then.
        personal: Whether it may hold what its personal columns say.
        lasting: Whether it is to be fetched from there, in the place of older ones; else the caller takes it away.

    Raises:
        UserError: There is no model yet, its encoder can't be taken away, or it holds values of personal columns.
        Conflict: Encoder, head or classes were changed, and the model hasn't learned since.
        JobCancelled: `report` said so.
    """
    _refuse_personal(store, project, personal)
    last, head = _head(store, project)
    text, images = text_encoder(store, project), image_encoder(store, project)
    with tempfile.TemporaryDirectory(prefix="collab-bundle-") as temporary:
        folder = Path(temporary) / "model"
        folder.mkdir()
        with disk_errors(folder):
            (folder / HEAD).write_bytes(head)
            manifest = _manifest(store, project, last, text, images, folder, now)
            (folder / CARD).write_text(
                card(summary(store, project.id, now), manifest, store.models(project.id)), encoding="utf-8"
            )
        manifest = seal(folder, manifest)
        if report(0.4, ""):
            raise JobCancelled("The export was cancelled.")
        _compare(blocks_of(store, project, text, images), Model.load(folder).blocks)
        if report(0.7, ""):
            raise JobCancelled("The export was cancelled.")
        packed = Path(temporary) / "model.zip"
        with disk_errors(packed):
            _pack(folder, packed, [NAME, *manifest.files])
        start = f"exports/{project.id}-{slug(project.name)}-model-"
        name = f"{start}{last.revision}.zip"
        there = {f"exports/{path.name}" for path in store.folder("exports").glob("*.zip")}
        path = store.write_file(name, _chunks(packed))
        for old in there - {name} if lasting else ():
            if old.startswith(start) and old.removeprefix(start).removesuffix(".zip").isdecimal():
                store.delete_files(old)  # whole weights each; who wants an older one has fetched it
    report(1.0, "")
    return Bundled(path, name, manifest.model, path.stat().st_size, name not in there)


def _refuse_personal(store: Store, project: Project, personal: bool) -> None:
    """Refuse to hand out a table of values, as names or places, that stand in a personal column."""
    written = measured(store, project)
    if personal or written is None:
        return
    columns = Table.from_json(written).columns
    if named := [c.name for c in columns if c.name in project.personal and c.values]:
        raise UserError(
            f"The model has learned the values of {', '.join(named)} by name, which is personal. Take it away with "
            "personal columns, or make a project in which the model doesn't read them."
        )


def _head(store: Store, project: Project) -> tuple[Round, bytes]:
    """The last round and its head."""
    last = store.last_round(project.id)
    try:
        if last is None:
            raise UnknownName("round of", project.name)
        written = store.file(head_file(project.id, last.revision)).read_bytes()
    except UnknownName:
        raise UserError(
            "There is nothing to take away yet: label at least two classes, and wait for the model to learn from them."
        ) from None
    made = next((model for model in store.models(project.id) if model.id == last.model), None)
    stands = made is not None and (made.encoder, made.head) == (model_name(store, project), project.policy.head)
    if not stands or head_of(project.policy.head).read(written).n_classes != len(project.schema.classes):
        raise Conflict(
            "Encoder, head or classes were changed and the model hasn't learned since. Wait for its next round."
        )
    return last, written


def _manifest(
    store: Store, project: Project, last: Round, text: Encoder | None, images: ImageEncoder | None, folder: Path,
    now: int,
) -> Manifest:  # fmt: skip
    """Write encoders and table into a folder, and say what all of it is."""
    blocks, table = blocks_of(store, project, text, images), measured(store, project)
    if table is not None:
        (folder / TABLE).write_bytes(Table.from_json(table).bare(project.personal).to_json())
    reads = sees = None
    if text is not None:
        kind = keep_text(text, folder / "text")
        reads = Encoding(kind, text.name, text.digest, text.dim, text.max_tokens, precision_of(text))
    if images is not None:
        kind = keep_image(images, folder / "image")
        sees = Encoding(kind, images.name, images.digest, images.dim, images.size, precision_of(images))
    return Manifest(
        format=FORMAT,
        project=project.name,
        model=f"{last.model}.{last.revision}",
        made_at=now,
        labels=last.labels,
        fields=tuple(f for f in project.fields if f.encoded),
        schema=project.schema,
        head=project.policy.head,
        dim=blocks.dim,
        temperature=last.temperature,
        set_threshold=last.set_threshold,
        set_level=last.set_level,
        text=reads,
        image=sees,
        table="" if blocks.table is None else blocks.table.digest,
        image_pixels=project.policy.image_pixels,
        image_bytes=project.policy.image_bytes,
        versions=versions(),
    )


def _compare(ours: Blocks, theirs: Blocks) -> None:
    """Refuse to hand out encoders that, read back, make other features than those that the head learned from."""
    dots = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
    told, read = (each.encode([PROBE], [{}], [[dots]] * len(each.images))[0] for each in (ours, theirs))
    if told.shape != read.shape or told @ read < SAME * np.linalg.norm(told) * np.linalg.norm(read):
        raise UserError("The encoder of this project can't be taken away: read back, it makes other features.")


def _pack(folder: Path, packed: Path, names: list[str]) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = 0o644 << 16
            with (folder / name).open("rb") as file, archive.open(entry, "w", force_zip64=True) as out:
                while piece := file.read(1 << 20):
                    out.write(piece)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")
