"""The command line: one of the two doors. It opens the store, calls a verb, and says what came of it.

Exit status: 0 done, 1 it could not be done (the reason is on standard error), 2 the command was not understood.
"""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from collab.cli.exchanging import export_data_, import_, report
from collab.cli.members import member
from collab.cli.overseeing import erase_app, log, purge, retention, undelete
from collab.cli.safekeeping import backup, doctor, restore
from collab.cli.simulating import simulate
from collab.cli.speaking import (
    HERE,
    Database,
    Host,
    Port,
    Workspace,
    err,
    fail,
    now,
    open_workspace,
    opened,
    out,
)
from collab.cli.taking_away import export_model, predict
from collab.cli.training import train
from collab.cli.tuning import tune
from collab.domain.store import Store
from collab.errors import CollabError, JobLost

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Experts and a model label data together.",
    pretty_exceptions_enable=False,
)
export_app = typer.Typer(no_args_is_help=True, help="Take away what was labeled, or the model.")


@app.command()
def run(workspace: Workspace = HERE, database: Database = "", host: Host = "127.0.0.1", port: Port = 8501) -> None:
    """Start the app and its worker."""
    _serve(open_workspace(workspace, database), workspace, database, host, port)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="Which one; --list names them.")] = "tweets",
    list_: Annotated[bool, typer.Option("--list", help="Say which demos there are, and make none.")] = False,
    workspace: Workspace = HERE, database: Database = "", host: Host = "127.0.0.1", port: Port = 8501,
    serve: Annotated[bool, typer.Option(help="Start the app afterwards.")] = True,
) -> None:  # fmt: skip
    """Make a project with data that come with collab, tweets or another, then start the app."""
    from collab.loop.demonstrating import DEMOS, load_demo

    if list_:
        for known, each in DEMOS.items():
            out.print(f"{known}: {each.about}", markup=False, highlight=False)
        return
    store = open_workspace(workspace, database)
    project = load_demo(store, demo=name, now=now())
    out.print(
        f"Project {project.name} holds {store.progress(project.id).items:,} items.", markup=False, highlight=False
    )
    if serve:
        _serve(store, workspace, database, host, port)


app.command(name="import")(import_)
app.add_typer(export_app, name="export")
export_app.command("data")(export_data_)
export_app.command("model")(export_model)
app.add_typer(member, name="member")
app.command()(predict)
app.command()(report)
app.command()(simulate)
app.command()(train)
app.command()(tune)
app.command()(backup)
app.command()(restore)


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
    store = open_workspace(workspace, database)
    if job:
        working.die_with_parent()
        claimed = dataclasses.replace(store.job(job), attempt=attempt)
        if claimed.kind in working.TUNING:
            running.stand_back()
            if (launch := running.launch()) is not None:
                opened.close()
                os.execv(launch[0], [*launch, *sys.argv[1:]])
        try:
            running.run(store, claimed)
        except JobLost as error:
            fail(str(error))
        return
    raise typer.Exit(working.main(store, supervised=supervised))


app.command()(doctor)
app.add_typer(erase_app, name="erase")
app.command()(log)
app.command()(retention)
app.command()(undelete)
app.command()(purge)


def main() -> None:
    """Run the command; errors that collab raises on purpose end as one sentence."""
    try:
        app(prog_name="collab")
    except CollabError as error:
        err.print(f"collab: {error}", highlight=False, markup=False)
        sys.exit(1)
    finally:
        opened.close()


def _serve(store: Store, workspace: Path, database: str, host: str, port: int) -> None:
    from collab.jobs.supervisor import supervise
    from collab.ui.server import check_host, serve

    check_host(store, host)
    out.print(f"Open http://{host}:{port} (Ctrl+C ends it)", highlight=False, markup=False)
    out.print(f"Your work is kept in {workspace.resolve()}", highlight=False, markup=False, soft_wrap=True)
    serve(store, host, port, worker=lambda: supervise(workspace, database))


if __name__ == "__main__":
    main()
