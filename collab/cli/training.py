"""The command that trains a small network on a labeled table, plainly."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from collab.cli.speaking import AsJson, err, out, say

if TYPE_CHECKING:  # torch takes seconds to load, and the other commands don't need it
    from collab.engine.assurance import Estimate
    from collab.engine.training import Epoch
    from collab.loop.training import ClassQuality, NumberQuality

BAR = 30


def train(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet or Excel; text formats also as .gz.")],
    label: Annotated[str, typer.Option(help="Column to learn: classes; under mse also a number.")],
    column: Annotated[
        list[str] | None, typer.Option(help="To learn from; repeat. Else all columns that tell something.")
    ] = None,
    hidden: Annotated[str, typer.Option(help="Units of the hidden layers, such as 10 or 10,10; 0: none.")] = "10",
    optimizer: Annotated[Literal["sgd", "adam", "adamw"], typer.Option(help="sgd: without momentum.")] = "adam",
    loss: Annotated[
        Literal["cross-entropy", "mse"], typer.Option(help="mse: of classes as 1 and 0, or of a label of many numbers.")
    ] = "cross-entropy",
    epochs: Annotated[int, typer.Option(help="Passes over all rows that are learned from.")] = 10,
    batch: Annotated[int, typer.Option(help="Rows for one step.")] = 64,
    rate: Annotated[float | None, typer.Option(help="Learning rate; else .01, for sgd .1.")] = None,
    held_out: Annotated[float, typer.Option(help="Share of the rows to judge by.")] = 0.25,
    seed: Annotated[int, typer.Option(help="Of the split, the first weights and the order of rows.")] = 0,
    comma: Annotated[
        Literal["", "point", "thousands"], typer.Option(help="What it is in numbers as 3,5.")
    ] = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Clean a table, train a small network on a part of it, and judge it by the rest."""
    from collab.engine.training import Recipe
    from collab.loop.splitting import Training, prepare
    from collab.loop.training import ClassQuality, train

    layers = _layers(hidden)
    recipe = Recipe(layers, optimizer, loss, epochs, batch, rate, seed)
    prepared = prepare(Training(file, label, tuple(column or ()), recipe, held_out, comma))
    where = err if as_json else out
    for sentence in prepared.sentences():
        where.print(sentence, highlight=False, markup=False, soft_wrap=True)
    trained = train(prepared, _teller(where, epochs))
    if as_json:
        say(trained.as_dict(), as_json, "")
    elif isinstance(trained.quality, ClassQuality):
        _print_classes(trained.quality, prepared.classes)
    else:
        _print_numbers(trained.quality, label)


def _layers(text: str) -> tuple[int, ...]:
    try:
        units = tuple(int(each) for each in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--hidden is {text!r}; write units such as 10, or 10,10 for two layers.") from None
    return () if units == (0,) else units


def _teller(where: Console, epochs: int) -> Callable[["Epoch"], None]:
    """Print each epoch as it comes; a terminal also sees its loss as a bar, the first one as long as it gets."""
    first: list[float] = []
    width = len(str(epochs))

    def tell(epoch: "Epoch") -> None:
        first.append(epoch.loss)
        share = min(epoch.loss / first[0], 1.0) if first[0] else 0.0
        bar = f"  [blue]{'━' * round(BAR * share)}[/blue]" if where.is_terminal else ""
        where.print(f"epoch {epoch.number:{width}}/{epochs}  loss {epoch.loss:.4f}{bar}", highlight=False)

    return tell


def _print_classes(quality: "ClassQuality", classes: tuple[str, ...]) -> None:
    right = quality.accuracy
    table = Table(
        "class", "precision", "recall", "F1", "rows", box=SIMPLE_HEAD, padding=(0, 2, 0, 0), title_justify="left",
        title=f"In % of the {right.n:,} rows held out, with 95 % intervals",
    )  # fmt: skip
    figures = quality.by_class
    for name, precision, recall, f1 in zip(classes, figures.precision, figures.recall, figures.f1, strict=True):
        table.add_row(escape(name), *map(_percent, (precision, recall, f1)), f"{recall.n:,}")
    means = (f"{100 * mean:.1f}" for mean in (quality.precision, quality.recall, quality.f1))
    table.add_section()
    table.add_row("mean (macro)", *means, f"{right.n:,}")
    out.print(table)
    out.print(
        f"accuracy {_percent(right)} on {right.n:,} rows; always the most frequent class: {100 * quality.baseline:.1f}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _print_numbers(quality: "NumberQuality", label: str) -> None:
    error = quality.absolute_error
    explained = "-" if math.isnan(quality.explained) else f"{quality.explained:.3f}"
    between = "" if math.isnan(error.low) else f" ({error.low:.4g} to {error.high:.4g})"
    out.print(
        f"{label}: mean absolute error {error.value:.4g}{between} on {error.n:,} rows held out; "
        f"always the median: {quality.baseline:.4g}\n"
        f"mean squared error {quality.squared_error:.4g}, explained variance (R²) {explained}",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip


def _percent(share: "Estimate") -> str:
    """A share with its interval; "-" where there is nothing that it could be a share of."""
    return f"{100 * share.value:.1f} ({100 * share.low:.0f}-{100 * share.high:.0f})" if share.n else "-"
