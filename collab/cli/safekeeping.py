"""The commands that keep a workspace safe: backup, restore, doctor."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from collab.cli.speaking import HERE, AsJson, Database, Workspace, err, now, open_workspace, out, say
from collab.errors import CollabError
from collab.storage.database import fill_store, open_store

NICENESS = 10
"""How far a backup stands back for people who answer meanwhile."""


def backup(
    to: Annotated[Path | None, typer.Option(help="A new folder, .zip or .tar; else a .zip in this folder.")] = None,
    exports: Annotated[bool, typer.Option(help="Also what people have exported.")] = False,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write database and files into a backup while people go on, and read it back."""
    from collab.loop.backing_up import back_up

    os.nice(NICENESS)
    store = open_workspace(workspace, database, must_exist=True)
    place = to or Path(f"collab-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    with err.status("Backing up …") as status:
        made = back_up(
            store, place, open_store, now=now(), exports=exports,
            tell=lambda share, what: status.update(f"{share:.0%} {what}"),
        )  # fmt: skip
    lost = f" The workspace itself has lost {', '.join(made.missing)}." if made.missing else ""
    told = (
        f"{made.path} holds {made.projects:,} projects with {made.events:,} events and {made.files:,} files: "
        f"{made.content / 1e6:,.1f} MB in {made.size / 1e6:,.1f} MB, written and read back in {made.seconds:,.1f} s. "
        f"Left out: {', '.join(made.left_out)}.{lost}"
    )
    say({**asdict(made), "path": str(made.path)}, as_json, told)


def restore(
    backup: Annotated[Path, typer.Argument(help="What `collab backup` wrote.")],
    workspace: Annotated[Path, typer.Option(help="A folder that isn't there yet, or is empty.")],
    database: Annotated[
        str, typer.Option(help="An empty database, postgresql://… ; else SQLite in the workspace.")
    ] = "",
    rebuild: Annotated[bool, typer.Option(help="Make states and decisions anew from the event log.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Bring a workspace back from a backup, into an empty place: all of it, checked, or nothing."""
    from collab.loop import restoring

    filled = (lambda folder, copy: fill_store(folder, database, copy)) if database else None
    with err.status("Restoring …") as status:
        made = restoring.restore(
            backup, workspace, open_store, filled=filled, rebuild=rebuild, now=now(),
            tell=lambda share, what: status.update(f"{share:.0%} {what}"),
        )  # fmt: skip
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.made_at / 1000))
    ended = f" Jobs that were under way then and ended: {made.jobs_ended:,}." if made.jobs_ended else ""
    told = (
        f"{workspace} is as it was on {day}: {made.projects:,} projects with {made.events:,} events, "
        f"{made.files:,} files.{ended} Features are made anew when the app runs."
    )
    say({**asdict(made), "workspace": str(workspace)}, as_json, told)


def doctor(
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
    rebuild: Annotated[bool, typer.Option(help="Make states and decisions anew from the event log first.")] = False,
    quick: Annotated[bool, typer.Option(help="Neither play the log once more nor read all pictures.")] = False,
) -> None:  # fmt: skip
    """Check the workspace: database, event chains and what follows from them, files, worker, disk, features."""
    from collab.loop.examining import Finding, examine
    from collab.loop.rebuilding import rebuild as play_again
    from collab.loop.summarizing import versions

    found = [Finding("versions", ", ".join(f"{name} {number}" for name, number in versions().items()))]
    try:
        store = open_workspace(workspace, database, must_exist=True)
        if rebuild:
            for project in store.projects():
                play_again(store, project.id)
        found += examine(store, open_store, now(), quick=quick)
    except CollabError as error:
        found.append(Finding("database", str(error), fine=False))
    fine = all(each.fine for each in found)
    if as_json:
        problems = {each.name: each.do or each.says for each in found if not each.fine}
        say({"fine": fine, "checks": {each.name: each.says for each in found}, "problems": problems}, True, "")
    else:
        for each in found:
            mark = "[green]ok     [/green]" if each.fine else "[red]problem[/red]"
            told = f"{each.says.rstrip('.')}. {each.do}" if each.do else each.says
            out.print(f"{mark}  [bold]{escape(each.name)}[/bold]  {escape(told)}", highlight=False, soft_wrap=True)
    if not fine:
        raise typer.Exit(1)
