"""The commands that take a model away, and that have it say something elsewhere: export model, predict."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from collab.cli.speaking import HERE, AsJson, Database, Workspace, err, me, now, open_workspace, project_named, say
from collab.domain.access import AccessEntry
from collab.storage.failures import disk_errors


def export_model(
    project: Annotated[str, typer.Argument(help="Name of the project.")],
    to: Annotated[Path | None, typer.Option(help="File to write; else its name is made of the project's.")] = None,
    with_personal: Annotated[bool, typer.Option(
        "--with-personal", help="Also where the model holds values of a column marked as personal."
    )] = False,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write the model that suggests today as one .zip that runs elsewhere: weights, classes, and a model card.

    It holds safetensors, JSON and text alone. “collab predict” reads it, and so does Model.load in Python.
    """
    from collab.loop.bundling import bundle
    from collab.loop.exporting import slug

    store = open_workspace(workspace, database, must_exist=True)
    file = to or Path(f"{slug(project)}-model.zip")
    owner = project_named(store, project)
    with err.status("Writing …"):
        store.note(AccessEntry(now(), me(), "export", "model", owner.id, detail={"personal": with_personal}))
        made = bundle(
            store, owner, now=now(), report=lambda *_: False, lasting=False,
            personal=with_personal,
        )  # fmt: skip
        with disk_errors(file):
            shutil.copyfile(made.path, file)
        if made.new and file.resolve() != made.path.resolve():  # else somebody fetches it on a page
            store.delete_files(made.name)
    told = f"Model {made.model} is in {file}, {made.bytes / 1e6:,.1f} MB; its README.md says what it is good for."
    say({"file": str(file), "model": made.model, "bytes": made.bytes}, as_json, told)


def predict(
    bundle: Annotated[Path, typer.Argument(help="The .zip that “collab export model” wrote, or the folder in it.")],
    file: Annotated[Path, typer.Argument(help="What an import reads: a table, or a folder or .zip of pictures.")],
    to: Annotated[Path | None, typer.Option(
        help="File to write: .csv, .jsonl or .parquet; else its name is made of the table's."
    )] = None,
    comma: Annotated[Literal["", "point", "thousands"], typer.Option(help="What it is in numbers as 3,5.")] = "",
    unescape: Annotated[bool, typer.Option(help="Decode HTML entities, as the import of the project did.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Have a model that was taken away say something of each row of a file; no workspace is needed.

    The file must have the columns that the model reads, under the same names. Each row comes back with the answer, its
    probability, the probability of each class, and the set of classes where the model makes sets; or with an error.
    """
    from collab.loop.telling import predict_file

    with err.status("Loading …") as status:
        made = predict_file(
            bundle, file, to, comma=comma, unescape=unescape, tell=lambda rows: status.update(f"{rows:,} rows …")
        )
    failed = f"; {made.errors:,} can't be read, the column error says why" if made.errors else ""
    differs = "" if made.as_in_the_app else (
        " The model learned on a processor that rounds to bfloat16, as this one can't: it computes in float32, and "
        "probabilities are a little off those in the app."
    )  # fmt: skip
    say({**asdict(made), "file": str(made.file)}, as_json, f"{made.rows:,} rows in {made.file}{failed}.{differs}")
