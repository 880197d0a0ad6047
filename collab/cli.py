"""The command line: one of the two doors. It opens the store, calls a verb, and says what came of it.

Exit status: 0 done, 1 it could not be done (the reason is on standard error), 2 the command was not understood.
"""

import contextlib
import dataclasses
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, get_args

import typer
from rich.console import Console
from rich.markup import escape

from collab.domain.project import Field, FieldKind, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Store
from collab.errors import CollabError, JobLost, UnknownName
from collab.storage.database import open_store

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Experts and a model label data together.",
    pretty_exceptions_enable=False,
)
export_app = typer.Typer(no_args_is_help=True, help="Take away what was labeled.")
app.add_typer(export_app, name="export")
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
What = Literal["mine", "decisions", "annotations"]
Become = Literal["decisions", "annotations", "truth"]
HERE = Path("workspace")


@app.command()
def run(workspace: Workspace = HERE, database: Database = "", host: Host = "127.0.0.1", port: Port = 8501) -> None:
    """Start the app and its worker."""
    _serve(_open(workspace, database), workspace, database, host, port)


@app.command()
def demo(
    workspace: Workspace = HERE, database: Database = "", host: Host = "127.0.0.1", port: Port = 8501,
    serve: Annotated[bool, typer.Option(help="Start the app afterwards.")] = True,
) -> None:  # fmt: skip
    """Make a project with 4,200 tweets, then start the app."""
    from collab.loop.demonstrating import load_demo

    store = _open(workspace, database)
    project = load_demo(store, now=_now())
    out.print(
        f"Project {project.name} holds {store.progress(project.id).items:,} items.", markup=False, highlight=False
    )
    if serve:
        _serve(store, workspace, database, host, port)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet or Excel; text formats also as .gz.")],
    project: Annotated[str, typer.Option(help="Name of the project; made where it isn't there.")],
    field: Fields = None,
    text: Texts = None,
    id_column: Annotated[str, typer.Option("--id", help="Column that names each row.")] = "",
    label: Annotated[str, typer.Option(help="Column with answers that came along.")] = "",
    answers: Annotated[Become, typer.Option(help="What they become.")] = "decisions",
    annotator: Annotated[str, typer.Option(help="Column that names who gave each answer.")] = "",
    question: Annotated[str, typer.Option(help="For a new project: what people are asked.")] = "Which class is it?",
    classes: Annotated[list[str] | None, typer.Option("--class", help="Of a new project; repeat.")] = None,
    encoder: Annotated[str, typer.Option(help="For a new project: what turns its texts into features.")] = "minilm",
    unescape: Annotated[bool, typer.Option(help="Decode HTML entities.")] = False,
    on_change: Annotated[Literal["keep", "replace", "add"], typer.Option(help="For rows that changed.")] = "keep",
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Bring a table into a project."""
    from collab.loop.importing import run_import
    from collab.loop.planning import ImportPlan

    fields = _fields(field, text)
    store = _open(workspace, database)
    there = next((p for p in store.projects() if p.name == project), None)
    made = there or _create(store, project, file, fields, label, tuple(classes or ()), question, encoder)
    plan = ImportPlan(
        fields=made.fields, id_column=id_column, answer_column=label, annotator_column=annotator,
        answers=answers if label else "nothing", unescape=unescape, on_change=on_change,
    )  # fmt: skip
    with err.status("Reading …") as status:

        def progress(share: float, message: str) -> bool:
            status.update(f"{share:.0%} {message}")
            return False

        try:
            report = run_import(store, made, file, plan, now=_now(), progress=progress, by=_me())
        except BaseException:
            if there is None:
                store.delete_project(made.id)
            raise
    left = f", {report.answers_left:,} answers not taken" if report.answers_left else ""
    told = f"{report.added:,} items added, {report.duplicates:,} duplicates, {report.rejected:,} rejected{left}"
    _say(dataclasses.asdict(report), as_json, told)


@export_app.command("data")
def export_data_(
    project: Annotated[str, typer.Option(help="Name of the project.")],
    output: Annotated[Path, typer.Option(help="File to write: .csv, .jsonl, .parquet or .xlsx.")],
    what: Annotated[What, typer.Option(help="mine: your rows with their answers.")] = "mine",
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write every decision and annotation, with who and when."""
    from collab.loop.exporting import export_data

    store = _open(workspace, database)
    form = output.suffix.lstrip(".")
    made = export_data(store, _project(store, project), what, form, progress=lambda *_: False)  # type: ignore[arg-type]  # it is checked there
    shutil.copyfile(made.path, output)
    counts = {"guarded_cells": made.guarded_cells, "altered_cells": made.altered_cells, "left_out": made.left_out}
    words = {
        "guarded_cells": "cells that could run as formulas were guarded with '",
        "altered_cells": "cells were cut or changed because Excel can't hold them",
        "left_out": "rows of your files are not among them: duplicates, and rejected ones",
    }
    told = "; ".join([f"{made.rows:,} rows in {output}", *(f"{n:,} {words[name]}" for name, n in counts.items() if n)])
    _say({"file": str(output), "rows": made.rows, **counts}, as_json, told)


@app.command()
def simulate(
    file: Annotated[
        Path, typer.Argument(help="A table with the true class of every row, or .npz with X, y, X_test, y_test.")
    ],
    label: Annotated[str, typer.Option(help="Of a table: column with the true class.")] = "",
    field: Fields = None,
    text: Texts = None,
    strategy: Annotated[list[str] | None, typer.Option(help="Query strategy; may be repeated.")] = None,
    budget: Annotated[int, typer.Option(help="Answers in all.", min=1)] = 200,
    batch: Annotated[int, typer.Option(help="Answers between two refits.", min=1)] = 10,
    seeds: Annotated[int, typer.Option(help="Runs with seeds 0, 1, …", min=1)] = 3,
    test: Annotated[str, typer.Option(help="Of a table: share to test on, or a file.")] = "0.25",
    encoder: Annotated[str, typer.Option(help="Of a table: what turns texts into features.")] = "minilm",
    kind: Annotated[Literal["auto", "embedding", "table"], typer.Option(help="Of .npz: what its rows are.")] = "auto",
    jobs: Annotated[int, typer.Option(help="Runs at the same time; 0: one for each core.", min=0)] = 0,
    keep: Annotated[
        Path | None, typer.Option("--out", help="Folder for results and curves; what it has isn't run again.")
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let an oracle label a file through the same loop as people, and see how fast the model learns."""
    from collab.loop.comparing import Point
    from collab.loop.preparing import Task
    from collab.loop.simulating import simulate
    from collab.loop.spreading import cores
    from collab.loop.tabulating import tables_of

    fields = _fields(field, text)
    ready = file.suffix.lower() == ".npz"
    if ready and (fields or label):
        raise typer.BadParameter("Features of an .npz file come with their classes: no --text, --field or --label.")
    if not ready and not (fields and label):
        raise typer.BadParameter("A table needs --label, and at least one --text or --field.")
    strategies = tuple(strategy or ["default"])
    task = Task(file, fields, label, _share_or_file(test), strategies, budget, batch, seeds, encoder, kind)

    def tell(point: Point) -> None:
        err.print(
            f"{point.strategy} seed {point.seed} round {point.round}: {point.labels} labels, "
            f"accuracy {point.accuracy:.3f}, macro-F1 {point.macro_f1:.3f}, "
            f"query {point.query_seconds:.3f} s, refit {point.refit_seconds:.3f} s",
            soft_wrap=True,
        )

    try:
        result = simulate(task, open_store, out=keep, jobs=jobs or cores(), tell=tell)
    except KeyboardInterrupt:
        _fail(
            f"stopped. The runs that ended are in {keep}; the same command goes on from there." if keep else "stopped."
        )
    if keep:
        from collab.loop.picturing import draw

        draw(result, keep)
    if as_json:
        _say(result.as_dict(), as_json, "")
    else:
        out.print(*tables_of(result))


@app.command()
def worker(
    workspace: Workspace = HERE, database: Database = "",
    supervised: Annotated[bool, typer.Option(hidden=True)] = False,
    job: Annotated[int, typer.Option(hidden=True)] = 0,
    attempt: Annotated[int, typer.Option(hidden=True)] = 0,
) -> None:  # fmt: skip
    """Run the worker alone, for an app that was started without one."""
    from collab.jobs.supervisor import JOB_NICENESS, NICENESS

    os.nice(JOB_NICENESS if job else NICENESS)  # before torch is loaded: the app that starts beside it comes first
    from collab.jobs import running
    from collab.jobs import worker as working

    os.environ["COLLAB_DATABASE"] = database  # for the children; an argument would show the password to everyone
    store = _open(workspace, database)
    if job:
        working.die_with_parent()
        claimed = dataclasses.replace(store.job(job), attempt=attempt)
        try:
            running.run(store, claimed)
        except JobLost as error:
            _fail(str(error))
        return
    raise typer.Exit(working.main(store, supervised=supervised))


@app.command()
def doctor(
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
    rebuild: Annotated[bool, typer.Option(help="Make states and decisions anew from the event log first.")] = False,
) -> None:  # fmt: skip
    """Check the workspace: database and event chains, encoders, features, versions."""
    from collab.loop import annotating
    from collab.loop.examining import Finding, examine

    found = [Finding("versions", _versions())]
    try:
        store = _open(workspace, database)
        if rebuild:
            for project in store.projects():
                annotating.rebuild(store, project.id)
        found += examine(store)
    except CollabError as error:
        found.append(Finding("database", str(error), fine=False))
    fine = all(f.fine for f in found)
    if as_json:
        _say({"fine": fine, "checks": {f.name: f.says for f in found}}, True, "")
    else:
        for each in found:
            out.print(f"[bold]{escape(each.name)}[/bold]  {escape(each.says)}", highlight=False)
    if not fine:
        raise typer.Exit(1)


def main() -> None:
    """Run the command; errors that collab raises on purpose end as one sentence."""
    try:
        app(prog_name="collab")
    except CollabError as error:
        err.print(f"collab: {error}", highlight=False, markup=False)
        sys.exit(1)
    finally:
        _opened.close()


_opened = contextlib.ExitStack()


def _open(workspace: Path, database: str) -> Store:
    """Open a workspace until the command ends."""
    store = open_store(workspace, database or None)
    _opened.callback(store.close)
    return store


def _serve(store: Store, workspace: Path, database: str, host: str, port: int) -> None:
    from collab.jobs.supervisor import supervise
    from collab.ui.server import serve

    out.print(f"Open http://{host}:{port} (Ctrl+C ends it)", highlight=False, markup=False)
    out.print(f"Your work is kept in {workspace.resolve()}", highlight=False, markup=False, soft_wrap=True)
    serve(store, host, port, worker=lambda: supervise(workspace, database))


def _create(
    store: Store, name: str, file: Path, fields: tuple[Field, ...], label: str, classes: tuple[str, ...], question: str,
    encoder: str,
) -> Project:  # fmt: skip
    from collab.loop.guessing import classes_in
    from collab.loop.reading import sniff

    if not fields:
        raise typer.BadParameter("A new project needs at least one --text or --field.")
    table = sniff(file)
    for column in (*(f.name for f in fields), *filter(None, [label])):
        if column not in table.columns:
            raise UnknownName("column", column, table.columns)
    if not classes and label:
        classes = tuple(sorted(classes_in(table, label)))
    if len(classes) < 2:
        raise typer.BadParameter(
            "A new project needs its classes: --class A --class B, or a --label column of answers."
        )
    schema = LabelSchema(question, classes_from_names(classes))
    return store.create_project(name, fields, schema, LoopPolicy(encoder=encoder), _now())


def _fields(field: list[str] | None, text: list[str] | None) -> tuple[Field, ...]:
    fields = []
    for each in (*(f"{name}:text" for name in text or ()), *(field or ())):
        name, _, kind = each.rpartition(":")
        if not name or kind not in get_args(FieldKind):
            raise typer.BadParameter(f"{each!r} is not NAME:KIND; kinds are {', '.join(get_args(FieldKind))}.")
        if kind != "text":
            raise typer.BadParameter(f"{kind} fields can't be encoded yet; only text fields can.")
        fields.append(Field(name))
    return tuple(fields)


def _project(store: Store, name: str) -> Project:
    projects = store.projects()
    found = next((p for p in projects if p.name == name), None)
    if found is None:
        raise UnknownName("project", name, tuple(p.name for p in projects))
    return found


def _versions() -> str:
    libraries = ("collab", "numpy", "torch", "sentence-transformers", "sqlalchemy", "streamlit")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in libraries)])


def _share_or_file(text: str) -> float | Path:
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if not 0 < share < 1:
        raise typer.BadParameter(f"--test is {text}; a share lies between 0 and 1.")
    return share


def _say(values: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        sys.stdout.write(json.dumps(values, ensure_ascii=False) + "\n")
    else:
        out.print(sentence, highlight=False, markup=False)


def _fail(sentence: str) -> NoReturn:
    err.print(f"collab: {sentence}", highlight=False, markup=False)
    raise typer.Exit(1)


def _me() -> str:
    return os.environ.get("USER", "") or "command line"


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main()
