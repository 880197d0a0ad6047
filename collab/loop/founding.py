"""Make a project, delete one, and keep the files that are brought for them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from collab.domain.access import Access
from collab.domain.project import Field, LabelSchema, LoopPolicy, Project
from collab.domain.store import Store
from collab.errors import Forbidden
from collab.loop.permitting import needs, signed_in


@needs("administer", own="by", workspace=True)
def found(
    store: Store,
    name: str,
    fields: Sequence[Field],
    schema: LabelSchema,
    payload: Mapping[str, Any],
    by: str,
    now: int,
) -> Project:
    """Make a project and have its first file imported, both or neither. Raises `Conflict` where the name is taken.

    Args:
        payload: Of the import, as its job carries it.
    """
    with store.transaction():
        project = store.create_project(name, fields, schema, LoopPolicy(), now)
        store.submit_job("import", project.id, payload, by, now)
    return project


@needs("administer")
def delete(store: Store, project: int, now: int) -> None:
    """Hide a project from every list; it can be had back until it is purged, and its log stays for good."""
    store.delete_project(project, now)


@signed_in
def keep_upload(store: Store, access: Access, name: str, chunks: Iterator[bytes]) -> Path:
    """Write an upload into the workspace, under a name of ours and with the suffix that names its format.

    Raises:
        Forbidden: The person imports nowhere.
    """
    if not access.admin and not any(access.may("lead", project) for project in access.roles):
        raise Forbidden("lead")
    suffixes = PurePath(name.lower()).suffixes
    suffix = "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])
    return store.write_file(f"uploads/{uuid.uuid4().hex}{suffix}", chunks)


@signed_in
def is_upload(store: Store, _access: Access, path: Path) -> bool:
    """Whether a file is a copy in the workspace, without what lay beside the original."""
    return path.resolve().is_relative_to(store.workspace.resolve())
