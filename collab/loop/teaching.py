"""Train a small network on the decisions of a project, once and plainly, and judge it by decisions held out.

Audits and labels of the model are never in it. Nothing is chosen by what is held out.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from safetensors.numpy import save

from collab.domain.project import Project
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.text import Encoder
from collab.engine.heads import Standard
from collab.engine.training import Epoch, Network, fit
from collab.errors import JobCancelled, NothingToLearn
from collab.loop.encoding import blocks_of
from collab.loop.grading import judge_classes, plain
from collab.loop.lessons import Lesson, lesson_file
from collab.loop.pooling import decided
from collab.loop.splitting import check, split

FEWEST = 2
"""Decisions of a class, so that one of them can be held out."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """Features and classes of the items that people have decided."""

    features: Floats
    classes: Ints
    """Columns of the schema."""
    widths: tuple[int, ...]
    standard: Standard
    """Of all items: measured without a look at any answer."""
    digest: str


def teach(
    store: Store,
    project: Project,
    encoder: Encoder | None,
    images: ImageEncoder | None,
    lesson: Lesson,
    number: int,
    tell: Callable[[tuple[Epoch, ...]], bool],
) -> dict[str, Any]:
    """Train, judge once, and keep the weights for raw features.

    Args:
        store: The workspace.
        project: Whose decisions.
        encoder: Reads its texts; None where it has none.
        images: Reads its pictures, likewise.
        lesson: How to train.
        number: Of the job; names the file of the weights.
        tell: Told all epochs so far; returns True to cancel.

    Returns:
        What it came to, as JSON can hold it.

    Raises:
        InvalidPolicy: The recipe can't be trained by.
        NothingToLearn: Too few decisions, or of one class alone; or any number of classes may apply.
        Diverged: The learning rate is too large.
        JobCancelled: `tell` said so.
    """
    recipe = lesson.recipe
    check(recipe, lesson.held_out)
    if project.schema.many:
        raise NothingToLearn(project.name, "any number of classes may apply, and networks learn exactly one so far.")
    found, left_out = _of_several(_decided(store, project, encoder, images), project)
    known, classes = np.unique(found.classes, return_inverse=True)
    learn, held = split(classes, lesson.held_out, np.random.default_rng([recipe.seed, 2]))
    rows = ((found.features - found.standard.mean) / found.standard.scale).astype(np.float32)
    targets = classes if recipe.loss == "cross-entropy" else np.eye(len(known), dtype=np.float32)[classes]
    epochs: list[Epoch] = []

    def note(epoch: Epoch) -> None:
        epochs.append(epoch)
        if tell(tuple(epochs)):
            raise JobCancelled

    fitted = fit(rows[learn], targets[learn], len(known), recipe, note, (rows[held], targets[held]))
    said = fitted.network.outputs(rows[held]).argmax(axis=1)
    names = [project.schema.classes[column].name for column in known]
    file = lesson_file(project.id, number)
    about = {"classes": json.dumps(names), "features": found.digest, "recipe": json.dumps(asdict(recipe))}
    store.write_file(file, iter([_written(fitted.network, found.standard, about)]))
    told: dict[str, Any] = plain(
        {
            "file": file,
            "classes": names,
            "learned": len(learn),
            "held_out": len(held),
            "left_out": left_out,
            "inputs": rows.shape[1],
            "epochs": [asdict(epoch) for epoch in fitted.epochs],
            "quality": asdict(judge_classes(classes[held], said, classes[learn], len(known))),
        }
    )
    return told


def _decided(store: Store, project: Project, encoder: Encoder | None, images: ImageEncoder | None) -> _Decided:
    """Collect what a head may learn from: decisions of people on items that have features, no audit among them."""
    blocks = blocks_of(store, project, encoder, images)
    file = store.features(project.id, blocks.digest, blocks.dim)
    row = {item: at for at, item in enumerate(file.ids().tolist())}  # the latest row of an item counts
    known = [(row[item], column) for item, (column,) in decided(store, project) if item in row]
    if not known:
        raise NothingToLearn(project.name, "nobody has answered any of it yet. Label some items first.")
    at, classes = np.array(known, np.int64).T
    standard = Standard.of(file.rows()).balanced(blocks.widths)
    return _Decided(np.asarray(file.rows()[at]), classes, blocks.widths, standard, blocks.digest)


def _of_several(found: _Decided, project: Project) -> tuple[_Decided, int]:
    """Leave out classes with a single decision; also returns how many decisions that were."""
    counts = np.bincount(found.classes)
    kept = counts[found.classes] >= FEWEST
    if len(np.unique(found.classes[kept])) < 2:
        raise NothingToLearn(
            project.name, f"of two classes at least {FEWEST} answers each are needed. Label some more items first."
        )
    part = _Decided(found.features[kept], found.classes[kept], found.widths, found.standard, found.digest)
    return part, int((~kept).sum())


def _written(network: Network, standard: Standard, about: dict[str, str]) -> bytes:
    """The weights as safetensors, for raw features: the standard goes into the first layer."""
    parts: dict[str, Floats] = {}
    for number, layer in enumerate(network.layers):
        weight, bias = layer.weight, layer.bias
        if not number:
            weight = (weight / standard.scale).astype(np.float32)
            bias = (bias - weight @ standard.mean).astype(np.float32)
        parts |= {f"{number}.weight": np.ascontiguousarray(weight), f"{number}.bias": np.ascontiguousarray(bias)}
    return save(parts, about)
