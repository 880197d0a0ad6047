"""What all commands share: how they name a workspace, a project and its columns, and how they say what came of it."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast, get_args

import typer
from rich.console import Console

from collab.domain.project import Field, FieldKind, Project
from collab.domain.store import Store
from collab.errors import UnknownName
from collab.storage.database import open_store

out, err = Console(), Console(stderr=True)

Workspace = Annotated[
    Path, typer.Option(envvar="COLLAB_DATA", help="Folder of the workspace; made where it isn't there.")
]
Database = Annotated[
    str, typer.Option(envvar="COLLAB_DATABASE", help="postgresql://… ; empty: SQLite in the workspace.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.")]
Fields = Annotated[list[str] | None, typer.Option(help="NAME:KIND of a column to show and learn from; repeat.")]
Texts = Annotated[list[str] | None, typer.Option(help="Short for --field NAME:text.")]
Images = Annotated[list[str] | None, typer.Option(help="Short for --field NAME:image; the column holds paths.")]
HERE = Path("workspace")

opened = contextlib.ExitStack()
"""What is closed when the command ends."""


def open_workspace(workspace: Path, database: str, *, must_exist: bool = False) -> Store:
    """Open a workspace until the command ends.

    Raises:
        UnknownName: It `must_exist`, and nothing is there: a misspelled one would be made, empty and in good health.
    """
    if must_exist and not database and not (workspace.is_dir() and any(workspace.iterdir())):
        raise UnknownName("workspace", str(workspace))
    store = open_store(workspace, database or None)
    opened.callback(store.close)
    return store


def project_named(store: Store, name: str) -> Project:
    """The project of that name. Raises `UnknownName`."""
    projects = store.projects()
    found = next((p for p in projects if p.name == name), None)
    if found is None:
        raise UnknownName("project", name, tuple(p.name for p in projects))
    return found


def fields_of(field: list[str] | None, text: list[str] | None, image: list[str] | None = None) -> tuple[Field, ...]:
    """Read NAME:KIND of columns."""
    fields = []
    short = [f"{name}:{kind}" for kind, names in (("image", image), ("text", text)) for name in names or ()]
    for each in (*short, *(field or ())):
        name, _, kind = each.rpartition(":")
        if not name or kind not in get_args(FieldKind):
            raise typer.BadParameter(f"{each!r} is not NAME:KIND; kinds are {', '.join(get_args(FieldKind))}.")
        fields.append(Field(name, cast("FieldKind", kind)))
    return tuple(fields)


def say(values: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    """Say what came of it, as JSON or as a sentence."""
    if as_json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False) + "\n")
    else:
        out.print(sentence, highlight=False, markup=False, soft_wrap=True)


def fail(sentence: str) -> NoReturn:
    """End with a sentence on standard error."""
    err.print(f"collab: {sentence}", highlight=False, markup=False)
    raise typer.Exit(1)


def me() -> str:
    """Who gave the command, as this machine calls them."""
    return os.environ.get("USER", "") or "command line"


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
