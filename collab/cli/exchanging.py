"""The commands that bring data in and take it out: import, export, report."""

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from collab.cli.speaking import (
    HERE,
    AsJson,
    Database,
    Fields,
    Images,
    Texts,
    Workspace,
    err,
    fields_of,
    me,
    now,
    open_workspace,
    out,
    project_named,
    say,
)
from collab.domain.access import AccessEntry
from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Store
from collab.domain.table import PICTURE_COLUMNS, PICTURES
from collab.errors import UnknownName
from collab.storage.failures import disk_errors

FIRST = 5
"""Rejected rows that are said with their reason; all of them are in the list."""
What = Literal["mine", "decisions", "annotations"]
Become = Literal["decisions", "annotations", "truth"]


def import_(
    file: Annotated[Path, typer.Argument(
        help="CSV, TSV, JSONL, Parquet or Excel; text formats also as .gz. Or a folder or .zip of pictures."
    )],
    project: Annotated[str, typer.Option(help="Name of the project; made where it isn't there.")],
    field: Fields = None,
    text: Texts = None,
    image: Images = None,
    id_column: Annotated[str, typer.Option("--id", help="Column that names each row.")] = "",
    label: Annotated[str, typer.Option(help="Column with answers that came along.")] = "",
    answers: Annotated[Become, typer.Option(help="What they become.")] = "decisions",
    annotator: Annotated[str, typer.Option(help="Column that names who gave each answer.")] = "",
    question: Annotated[str, typer.Option(help="For a new project: what people are asked.")] = "Which class is it?",
    classes: Annotated[list[str] | None, typer.Option("--class", help="Of a new project; repeat.")] = None,
    encoder: Annotated[str, typer.Option(help="For a new project: what turns its texts into features.")] = "minilm",
    comma: Annotated[Literal["", "point", "thousands"], typer.Option(help="What it is in numbers as 3,5.")] = "",
    unescape: Annotated[bool, typer.Option(help="Decode HTML entities.")] = False,
    personal: Annotated[list[str] | None, typer.Option(
        help="Column that may tell who somebody is: withheld from those without the right, and from exports; repeat."
    )] = None,
    on_change: Annotated[Literal["keep", "replace", "add"], typer.Option(help="For rows that changed.")] = "keep",
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Bring a table, or pictures, into a project.

    A folder or a .zip of pictures has the columns image, folder and file; --label folder takes the folders' names for
    answers. With one table at its top that names the pictures by their paths, it has that table's columns.
    """
    from collab.loop.annotating import new_id
    from collab.loop.importing import run_import
    from collab.loop.planning import ImportPlan, naming_rows
    from collab.loop.reading import sniff
    from collab.loop.rejecting import first_rejected
    from collab.loop.reshaping import mark_personal

    fields = fields_of(field, text, image)
    store = open_workspace(workspace, database)
    if unknown := [name for name in personal or () if name not in sniff(file).columns]:
        raise UnknownName("column", unknown[0], sniff(file).columns)
    there = next((p for p in store.projects() if p.name == project), None)
    made = there or _create(store, project, file, fields, label, tuple(classes or ()), question, encoder)
    plan = ImportPlan(
        fields=made.fields, id_column=id_column, answer_column=label, annotator_column=annotator,
        answers=answers if label else "nothing", comma=comma, unescape=unescape, on_change=on_change,
    )  # fmt: skip
    with err.status("Reading …") as status:

        def progress(share: float, message: str) -> bool:
            status.update(f"{share:.0%} {message}")
            return False

        try:
            report = run_import(store, made, file, plan, now=now(), progress=progress, by=me())
        except BaseException:
            if there is None:
                store.delete_project(made.id, now())
            raise
    if personal:
        names = sorted({*personal, *made.personal})
        mark_personal(store, made.id, names, me(), new_id(), now(), named_by=id_column)
    for name in naming_rows(plan.fields, sniff(file)):
        err.print(
            f"{name}: nearly every row has its own value; it is shown, but the model leaves it out.", markup=False
        )
    left = f", {report.answers_left:,} answers not taken" if report.answers_left else ""
    told = [f"{report.added:,} items added, {report.duplicates:,} duplicates, {report.rejected:,} rejected{left}"]
    values = dataclasses.asdict(report)
    if report.rejected_file:
        first, path = first_rejected(store, made.id, report, FIRST), store.file(report.rejected_file)
        values |= {
            "rejected_path": str(path), "rejected_first": [{"place": r.place, "reason": r.reason} for r in first],
        }  # fmt: skip
        told += [f"  {'' if r.named else 'line '}{r.place}: {r.reason}" for r in first]
        told.append(f"{'All of them are' if report.rejected > len(first) else 'They are'} listed in {path}")
    say(values, as_json, "\n".join(told))


def export_data_(
    project: Annotated[str, typer.Option(help="Name of the project.")],
    output: Annotated[Path, typer.Option(help="File to write: .csv, .jsonl, .parquet or .xlsx.")],
    what: Annotated[What, typer.Option(help="mine: your rows with their answers.")] = "mine",
    with_personal: Annotated[bool, typer.Option(
        "--with-personal", help="Also the columns that are marked as personal."
    )] = False,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write every decision and annotation, with who and when."""
    from collab.loop.exporting import export_data

    store = open_workspace(workspace, database, must_exist=True)
    form = output.suffix.lstrip(".")
    owner = project_named(store, project)
    store.note(AccessEntry(now(), me(), "export", "data", owner.id, detail={"what": what, "personal": with_personal}))
    made = export_data(store, owner, what, form, progress=lambda *_: False, personal=with_personal)  # type: ignore[arg-type]  # it is checked there
    with disk_errors(output):
        shutil.copyfile(made.path, output)
    counts = {"guarded_cells": made.guarded_cells, "altered_cells": made.altered_cells, "left_out": made.left_out}
    words = {
        "guarded_cells": "cells that could run as formulas were guarded with '",
        "altered_cells": "cells were cut or changed because Excel can't hold them",
        "left_out": "rows of your files are not among them: duplicates, and rejected ones",
    }
    told = "; ".join([f"{made.rows:,} rows in {output}", *(f"{n:,} {words[name]}" for name, n in counts.items() if n)])
    if owner.personal and not with_personal:
        told += f"; without {', '.join(sorted(owner.personal))}, which is personal: --with-personal brings it along"
    say({"file": str(output), "rows": made.rows, **counts}, as_json, told)


def report(
    project: Annotated[str, typer.Argument(help="Name of the project.")],
    output: Annotated[Path | None, typer.Option(help="File to write; else its name is made of the project's.")] = None,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Sum a project up on one page to print or to send, or as JSON."""
    from collab.loop.exporting import slug
    from collab.loop.summarizing import summary
    from collab.ui.report.document import document

    store = open_workspace(workspace, database, must_exist=True)
    owner = project_named(store, project)
    store.note(AccessEntry(now(), me(), "export", "report", owner.id))
    made = summary(store, owner.id, now())
    if as_json and output is None:
        sys.stdout.write(made.as_json())
        return
    file = output or Path(f"{slug(project)}-report.html")
    with disk_errors(file):
        file.write_text(made.as_json() if as_json else document(made), encoding="utf-8")
    out.print(f"{file} holds the report.", highlight=False, markup=False, soft_wrap=True)


def _create(
    store: Store, name: str, file: Path, fields: tuple[Field, ...], label: str, classes: tuple[str, ...], question: str,
    encoder: str,
) -> Project:  # fmt: skip
    from collab.loop.guessing import classes_in, spelled_once
    from collab.loop.reading import sniff

    table = sniff(file)
    if not fields and table.format == PICTURES:
        fields = (Field(PICTURE_COLUMNS[0], "image"),)
    if not fields:
        raise typer.BadParameter("A new project needs at least one --text, --image or --field.")
    for column in (*(f.name for f in fields), *filter(None, [label])):
        if column not in table.columns:
            raise UnknownName("column", column, table.columns)
    if not classes and label:
        classes = tuple(sorted(spelled_once(classes_in(table, label))))
    if len(classes) < 2:
        raise typer.BadParameter(
            "A new project needs its classes: --class A --class B, or a --label column of answers."
        )
    schema = LabelSchema(question, classes_from_names(classes))
    return store.create_project(name, fields, schema, LoopPolicy(encoder=encoder), now())
