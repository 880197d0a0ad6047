"""The command that lets an oracle label a file."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from collab.cli.speaking import AsJson, Fields, Texts, err, fail, fields_of, out, say
from collab.storage.database import open_store


def simulate(
    file: Annotated[
        Path, typer.Argument(help="A table with the true class of every row, or .npz with X, y, X_test, y_test.")
    ],
    label: Annotated[str, typer.Option(help="Of a table: column with the true class.")] = "",
    many: Annotated[
        bool, typer.Option("--many", help='Of a table: a cell names any number of classes: "a; b", none, …')
    ] = False,
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

    fields = fields_of(field, text)
    if any(f.kind == "image" for f in fields):
        fail("Images can't be simulated from a table; make features of them first, and give these as an .npz file.")
    ready = file.suffix.lower() == ".npz"
    if ready and (fields or label or many):
        raise typer.BadParameter(
            "Features of an .npz file come with the one class of each row: no --text, --field, --label or --many."
        )
    if not ready and not (fields and label):
        raise typer.BadParameter("A table needs --label, and at least one --text or --field.")
    strategies = tuple(strategy or ["default"])
    task = Task(file, fields, label, many, _share_or_file(test), strategies, budget, batch, seeds, encoder, kind)

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
        fail(
            f"stopped. The runs that ended are in {keep}; the same command goes on from there." if keep else "stopped."
        )
    if keep:
        from collab.loop.picturing import draw

        draw(result, keep)
    if as_json:
        say(result.as_dict(), as_json, "")
    else:
        out.print(*tables_of(result))


def _share_or_file(text: str) -> float | Path:
    try:
        share = float(text)
    except ValueError:
        return Path(text)
    if not 0 < share < 1:
        raise typer.BadParameter(f"--test is {text}; a share lies between 0 and 1.")
    return share
