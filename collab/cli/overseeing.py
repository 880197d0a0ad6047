"""The commands of privacy: erase, log, retention, and projects that were deleted."""

import json
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer

from collab.cli.speaking import (
    HERE,
    AsJson,
    Database,
    Workspace,
    err,
    fail,
    me,
    now,
    open_workspace,
    out,
    project_named,
    say,
)
from collab.domain.access import AccessFilter, Act
from collab.errors import UnknownName

erase_app = typer.Typer(no_args_is_help=True, help="Erase what is known of a person, or what an item holds.")
ELSEWHERE = (
    "Backups made before still hold it, and so do files that were fetched; models keep what they have learned until "
    "they are trained anew."
)
Sure = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@erase_app.command("person")
def erase_person_(
    name: Annotated[str, typer.Argument(help="As they signed in, or as a file named them.")],
    yes: Sure = False, workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Put a pseudonym in the place of a person in all projects; their answers stay, their notes and sign-ins go."""
    from collab.loop.erasing import erase_person

    store = open_workspace(workspace, database, must_exist=True)
    _sure(yes, f"{name} will be a pseudonym in every project, and can't be had back.")
    with err.status("Erasing …"):
        made = erase_person(store, name, me(), now())
    mentions = f" In {made.mentions:,} notes of others the name still stands among words." if made.mentions else ""
    files = f" Deleted: {', '.join(made.files)}." if made.files else ""
    told = f"{name} is {made.name} now, in {made.events:,} events.{files}{mentions}{_unclean(made.clean)} {ELSEWHERE}"
    say(asdict(made), as_json, told)


@erase_app.command("item")
def erase_item_(
    project: Annotated[str, typer.Argument(help="Name of the project.")],
    item: Annotated[str, typer.Argument(help="The item's own id in its file; or #N, its number here.")],
    yes: Sure = False, workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Erase what an item holds and all that was made of it; nobody is asked it again, and no answer to it counts."""
    from collab.loop.erasing import erase_item, item_called

    store = open_workspace(workspace, database, must_exist=True)
    owner = project_named(store, project)
    number = item_called(store, owner, item)
    _sure(yes, f"What item {item} of {project} holds will be gone, and can't be had back.")
    with err.status("Erasing …"):
        made = erase_item(store, owner, number, me(), now())
    files = f" Deleted, or written anew without it: {', '.join(made.files)}." if made.files else ""
    told = f"Item {item} is {made.name} now.{files}{_unclean(made.clean)} {ELSEWHERE} The file it came with is yours."
    say(asdict(made), as_json, told)


def log(
    project: Annotated[str, typer.Option(help="Name of a project; else of all.")] = "",
    person: Annotated[str, typer.Option(help="Of this person alone.")] = "",
    act: Annotated[str, typer.Option(help="sign in, sign out, see, change, export or refused.")] = "",
    day: Annotated[str, typer.Option(help="Of this day alone, as 2026-01-31.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Latest entries.")] = 50,
    csv: Annotated[Path | None, typer.Option(help="Write all of them into a file.")] = None,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say who saw, changed or took away what; people's answers stand in each project's own log of events."""
    from collab.loop.overseeing import accesses, rows_of
    from collab.storage.failures import disk_errors

    store = open_workspace(workspace, database, must_exist=True)
    number = project_named(store, project).id if project else None
    wanted = AccessFilter(person, _act(act), *_day(day))
    if csv is not None:
        with disk_errors(csv):
            csv.write_bytes(b"".join(rows_of(store, number, wanted)))
        out.print(f"{csv} holds the access log.", highlight=False, markup=False, soft_wrap=True)
        return
    found = accesses(store, number, wanted, limit=limit)
    if as_json:
        told = [{"number": o.number, "log": "project" if o.event else "access", **asdict(o.entry)} for o in found]
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    names = {p.id: p.name for p in store.projects()}
    for e in (each.entry for each in reversed(found)):
        where = "" if e.project is None else f" in {names.get(e.project, f'project {e.project}')}"
        items = f", {len(e.items):,} items: {' '.join(map(str, e.items[:10]))}" if e.items else ""
        more = f" ({', '.join(f'{k}: {v}' for k, v in e.detail.items())})" if e.detail else ""
        line = f"{_moment(e.at)}  {e.person or 'collab'}: {e.act} {e.what}{where}{items}{more}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def retention(
    access_log: Annotated[int | None, typer.Option(min=0, help="Days that the access log goes back; 0: all.")] = None,
    deleted: Annotated[int | None, typer.Option(min=0, help="Days until a deleted project goes; 0: never.")] = None,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say how long what is kept is kept, and what goes when; with an option, change it. The worker deletes."""
    from collab.loop import overseeing

    store = open_workspace(workspace, database, must_exist=True)
    kept = store.retention()
    given = {name: n for name, n in (("access_log", access_log), ("deleted", deleted)) if n is not None}
    if given:
        overseeing.keep_for(store, replace(kept, **given), me(), now())
    due = overseeing.due(store, now())
    kept = due.retention
    days = f"kept for {kept.access_log:,} days; {due.entries:,} entries go within the hour"
    told = [
        f"Access log: {days if kept.access_log else 'kept for good'}.",
        f"Deleted projects: {f'purged after {kept.deleted:,} days' if kept.deleted else 'kept for good'}.",
    ]
    told += [
        f"  {each.name}, {each.items:,} items, deleted {_moment(each.at)}: "
        + (f"purged {_moment(at)}" if at is not None else "kept; `collab undelete` has it back")
        for each, at in due.deleted
    ]
    projects = [{**asdict(each), "purged": at} for each, at in due.deleted]
    say({**asdict(kept), "entries": due.entries, "projects": projects}, as_json, "\n".join(told))


def undelete(
    name: Annotated[str, typer.Argument(metavar="PROJECT", help="Name of a project that was deleted.")],
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Have a deleted project back, until it is purged."""
    from collab.loop import overseeing

    store = open_workspace(workspace, database, must_exist=True)
    found = overseeing.deleted_named(store, name)
    overseeing.restore_project(store, found.id, me(), now())
    say({"project": found.id}, as_json, f"{name} is there again, with {found.items:,} items.")


def purge(
    name: Annotated[str, typer.Argument(metavar="PROJECT", help="Name of a project that was deleted.")],
    yes: Sure = False, workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Erase now all that a deleted project holds; of its log the hashes stay."""
    from collab.loop import erasing, overseeing

    store = open_workspace(workspace, database, must_exist=True)
    found = overseeing.deleted_named(store, name)
    _sure(yes, f"All {found.items:,} items of {name} will be gone, and can't be had back.")
    erasing.purge_project(store, found.id, me(), now())
    say({"project": found.id}, as_json, f"{name} is purged. {ELSEWHERE}")


def _sure(yes: bool, what: str) -> None:
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"{what} Go on?")):
        fail("Nothing was erased. With --yes it is done without asking.")


def _unclean(clean: bool) -> str:
    return "" if clean else " Somebody is reading an older state: its bytes leave the disk when collab is stopped."


def _act(text: str) -> Act | Literal[""]:
    found = next((act for act in get_args(Act) if act == text), "")
    if text and not found:
        raise UnknownName("act", text, get_args(Act))
    return cast("Act | Literal['']", found)


def _day(text: str) -> tuple[int, int]:
    """The milliseconds at which a day of this clock begins and ends."""
    if not text:
        return 0, 0
    try:
        begins = datetime.strptime(text, "%Y-%m-%d").astimezone()
    except ValueError:
        raise UnknownName("day", text) from None
    start = int(begins.timestamp() * 1000)
    return start, start + 86_400_000


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1000))
