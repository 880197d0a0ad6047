"""Examine a workspace: its database and event chains, and each project's counters, encoder and features."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collab.domain.project import Item, Project
from collab.domain.store import Store
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.text import Encoder
from collab.errors import CollabError
from collab.loop.encoding import blocks_of, image_encoder_of, stamp, text_encoder_of
from collab.loop.measuring import image_fields, measured, reads_text, table_fields

_ROWS = 10_000
"""Items, or rows of features, looked at together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, and what was found."""

    name: str
    says: str
    fine: bool = True


def examine(store: Store) -> Iterator[Finding]:
    """Look at everything, project by project; what follows from a damaged database isn't looked at."""
    try:
        store.check(deep=True)
    except CollabError as error:
        yield Finding("database", str(error), fine=False)
        return
    yield Finding("database", f"{store.url} is sound, every event chain unbroken")
    encoders: dict[str, Encoder] = {}
    image_encoders: dict[str, ImageEncoder] = {}
    for project in store.projects():
        done, name, sees = store.progress(project.id), project.policy.encoder, project.policy.image_encoder
        yield Finding(
            f"project {project.name}", f"{done.items:,} items, {done.decided:,} decided, {done.events:,} events"
        )
        if reads_text(project) and name not in encoders:
            try:
                encoders[name] = text_encoder_of(store, project.id, name)
            except CollabError as error:
                yield Finding(f"encoder {name}", str(error), fine=False)
                continue
            yield Finding(f"encoder {name}", _encoder(encoders[name]))
        if image_fields(project) and sees not in image_encoders:
            try:
                image_encoders[sees] = image_encoder_of(store, project.id, sees)
            except CollabError as error:
                yield Finding(f"image encoder {sees}", str(error), fine=False)
                continue
            found = image_encoders[sees]
            yield Finding(f"image encoder {sees}", f"{found.dim} features, pictures of {found.size} pixels")
        yield _features(store, project, encoders.get(name) if reads_text(project) else None, image_encoders.get(sees))


def _encoder(encoder: Encoder) -> str:
    length = "texts of any length" if encoder.max_tokens is None else f"at most {encoder.max_tokens} tokens"
    return f"{encoder.dim} features, {length}"


def _features(store: Store, project: Project, encoder: Encoder | None, images: ImageEncoder | None) -> Finding:
    """Compare the feature cache with the items; it can always be made anew, so that rows which lack are no fault."""
    name = f"features of {project.name}"
    if table_fields(project) and measured(store, project) is None:
        return Finding(name, "its numbers and categories have not been measured yet")
    try:
        blocks = blocks_of(store, project, encoder, images)
        file = store.features(project.id, blocks.digest, blocks.dim)
        stamps = dict(zip(file.ids().tolist(), file.stamps().tolist(), strict=True))
        rows = file.rows()
        finite = all(np.isfinite(rows[at : at + _ROWS]).all() for at in range(0, len(rows), _ROWS))
    except (CollabError, ValueError, KeyError) as error:  # cut short, or a manifest that isn't one
        finite, reason = False, str(error)
    else:
        reason = "some are no numbers"
    if not finite:
        folder = store.workspace / "features" / str(project.id)
        return Finding(name, f"damaged ({reason}); stop collab and delete {folder}: they are made anew", fine=False)
    fit = sum(stamps.get(item.id) == stamp(item.digest) for item in _items(store, project))
    return Finding(name, f"{fit:,} of {store.progress(project.id).items:,} items have them")


def _items(store: Store, project: Project) -> Iterator[Item]:
    after = 0
    while page := store.stream_items(project.id, after, _ROWS):
        yield from page
        after = page[-1].id
