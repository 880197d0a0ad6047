"""Measure the numbers and categories of a project's pool, and keep what was measured.

Free of torch: pages ask here which model a project has.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from collab.domain.project import Field, Project
from collab.domain.store import Store
from collab.domain.version import TUNED
from collab.engine.encoders.table import Table
from collab.engine.scaling import SAMPLE
from collab.errors import InvalidSchema, UnknownName
from collab.loop.permitting import needs

PAGE = 4096
JOINED = " + "
"""Between the names of what a model reads with."""


def table_fields(project: Project) -> tuple[Field, ...]:
    """The encoded fields that are numbers or categories."""
    return tuple(f for f in project.fields if f.encoded and f.kind in ("number", "category"))


def image_fields(project: Project) -> tuple[Field, ...]:
    """The encoded fields that are pictures."""
    return tuple(f for f in project.fields if f.encoded and f.kind == "image")


def reads_text(project: Project) -> bool:
    """Whether the encoder that the policy names has something to read."""
    return any(f.encoded and f.kind == "text" for f in project.fields)


def tuned_folder(project: int, name: str) -> str:
    """Name of the folder that holds a fine-tuned model, by the name that a policy carries."""
    return f"models/{project}/{name.removeprefix(TUNED)}"


@needs("see")
def measured(store: Store, project: Project) -> bytes | None:
    """What was last measured, as JSON; None where nothing was, or nothing is to be."""
    if not table_fields(project):
        return None
    try:
        return store.file(_file(project.id)).read_bytes()
    except UnknownName:
        return None


def measure(store: Store, project: Project) -> Table | None:
    """Measure the pool, or keep what was measured before; None where the project has no table.

    It is measured when items are first encoded, and with every import looked at again: where a median has moved by half
    a spread, a spread has changed by half, more than a twentieth of a category is of values that weren't there, or
    cells are empty that never were, the new measurement takes the old one's place. All features are made anew then, and
    the model that learns on them is another version.

    Raises:
        InvalidSchema: No column of it says anything, and there is neither text nor picture.
    """
    fields = table_fields(project)
    if not fields:
        return None
    found = Table.fit(_kinds(project), _sample(store, project))
    if not found.dim and not reads_text(project) and not image_fields(project):
        names = ", ".join(f.name for f in fields)
        raise InvalidSchema(
            f"The model can learn nothing from {names}: nearly every row has a value of its own, or none has one. "
            "Make a new project in which it reads other columns."
        )
    written = measured(store, project)
    if written is not None and not (before := Table.from_json(written)).moved(found):
        found = before.placing(found)  # features stay; where values stand among all is said by all that are here
        if found == before:
            return before
    store.write_file(_file(project.id), iter([found.to_json()]))
    return found


def remeasured(store: Store, project: Project, erased: Mapping[str, Any] | None) -> bool:
    """Take what was erased out of what was measured; True where all features have to be made anew for it.

    Args:
        store: The workspace.
        project: Whose item was erased.
        erased: What its fields held; None: nobody knows any more, so that any value that is gone may be its.
    """
    if (written := measured(store, project)) is None:
        return False
    before, now = Table.from_json(written), Table.fit(_kinds(project), _sample(store, project))
    words = None if erased is None else {name: str(v).strip() for name, v in erased.items() if v is not None}
    gone = [(old.name, set(old.values) - set(new.values)) for old, new in zip(before.columns, now.columns, strict=True)]
    # A value that no other item has named a column of its features.
    alone = any(values if words is None else words.get(name) in values for name, values in gone)
    found = now if alone else before.placing(now)
    store.write_file(_file(project.id), iter([found.to_json()]))
    return alone


def model_name(store: Store, project: Project) -> str:
    """What a model version of today calls its encoders: the policy's, and for a table what was measured of it.

    By it a head is known that was fitted on other features.
    """
    names = [project.policy.encoder] if reads_text(project) else []
    if image_fields(project):
        names.append(project.policy.image_encoder)
    if (written := measured(store, project)) is not None:
        names.append(_digest(written))
    return JOINED.join(names) or project.policy.encoder


@lru_cache(maxsize=32)
def _digest(written: bytes) -> str:
    """The worker asks at each look, and parsing takes long where columns are many."""
    return Table.from_json(written).digest


def _sample(store: Store, project: Project) -> list[dict[str, object]]:
    """Cells of at most `SAMPLE` items, evenly spread over the pool."""
    names = [f.name for f in table_fields(project)]
    step, seen, after = max(1, -(-store.progress(project.id).items // SAMPLE)), 0, 0
    rows: list[dict[str, object]] = []
    while page := store.stream_items(project.id, after, PAGE):
        after = page[-1].id
        chosen = [item for item in page[-seen % step :: step] if not item.erased]
        rows += [{name: item.fields.get(name) for name in names} for item in chosen]
        seen += len(page)
    return rows


def _kinds(project: Project) -> list[tuple[str, str]]:
    return [(f.name, f.kind) for f in table_fields(project)]


def _file(project: int) -> str:
    return f"tables/{project}.json"
