"""The commands that say who may come in, and what they may do: collab member."""

import getpass
import os
import sys
from typing import Annotated, Any, cast, get_args

import typer
from rich.table import Table

from collab.cli.speaking import HERE, AsJson, Database, Workspace, fail, now, open_workspace, out, project_named, say
from collab.domain.access import Role, SignIn
from collab.loop import admitting

member = typer.Typer(no_args_is_help=True, help="Say who may sign in, and what they may do.")

Name = Annotated[str, typer.Argument(help="What their answers are kept under; it never changes.")]
Of = Annotated[str, typer.Option("--project", help="Name of the project.")]
Piped = Annotated[bool, typer.Option(help="Read the password from standard input, one line.")]
Generate = Annotated[bool, typer.Option(help="Make a password up, and print it once.")]


@member.command("add")
def add(
    name: Name,
    project: Annotated[str, typer.Option(help="Make them a member of this project at once.")] = "",
    role: Annotated[str, typer.Option(help="annotator, adjudicator, lead or admin, of that project.")] = "annotator",
    admin: Annotated[bool, typer.Option(help="Administrator of the workspace: may do all in every project.")] = False,
    issuer: Annotated[str, typer.Option(help="Address of the identity provider that vouches for them.")] = "",
    subject: Annotated[str, typer.Option(help="What the provider calls them (“sub”).")] = "",
    password_stdin: Piped = False, generate: Generate = False,
    workspace: Workspace = HERE, database: Database = "",
) -> None:  # fmt: skip
    """Let somebody sign in: with a password, or with --issuer and --subject through an identity provider.

    The first one ends the time in which names were taken on trust, and must be an administrator. A name under which
    answers were given before is given to its owner this way, with all its answers.
    """
    if bool(issuer) != bool(subject):
        raise typer.BadParameter("--issuer and --subject belong together.")
    chosen = _role(role)
    store = open_workspace(workspace, database)
    there = project_named(store, project) if project else None
    kept = admitting.checked_name(name)
    password = "" if issuer else _password(kept, piped=password_stdin, generate=generate)
    way = admitting.add_person(
        store, kept, password=password, issuer=issuer, subject=subject, admin=admin, by=_me(), now=now()
    )
    if there is not None and chosen is not None:
        admitting.set_role(store, there.id, kept, chosen, _me(), now())
    _tell(f"{kept} can sign in.")
    if generate and not issuer:
        _tell(f"Password: {password}")
    if way is not None:
        how = "a password" if way == "accounts" else "the identity provider"
        _tell(f"From now on everybody signs in with {how}; names are no longer taken on trust.")


@member.command("list")
def list_(project: Of = "", workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False) -> None:
    """Say who can sign in, and who is what in each project, or in one."""
    store = open_workspace(workspace, database, must_exist=True)
    projects = [project_named(store, project)] if project else list(store.projects())
    roles = {p.name: store.members(p.id) for p in projects}
    people = [
        {
            "name": person.name, "admin": person.admin, "disabled": person.disabled, "issuer": person.issuer,
            "subject": person.subject,
            "roles": {name: each[person.name] for name, each in roles.items() if person.name in each},
        }
        for person in store.accounts()
        if not project or person.admin or person.name in roles[project]
    ]  # fmt: skip
    if as_json:
        say({"sign_in": store.sign_in_way(), "people": people}, True, "")
        return
    if not people:
        _tell("Nobody has an account: names are taken on trust, on this machine alone.")
        return
    table = Table("name", "workspace", "projects", "known by")
    for each in people:
        table.add_row(*map(_plainly, _row(each)))
    out.print(table)


@member.command("role")
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="annotator, adjudicator, lead or admin; none: no longer.")],
    project: Annotated[str, typer.Option(help="Of which project; without one, admin or none of the workspace.")] = "",
    workspace: Workspace = HERE, database: Database = "",
) -> None:  # fmt: skip
    """Say what somebody is in a project, or make them an administrator of the workspace. It counts at once."""
    chosen = _role(role)
    store = open_workspace(workspace, database, must_exist=True)
    if project:
        admitting.set_role(store, project_named(store, project).id, name, chosen, _me(), now())
    elif chosen in ("admin", None):
        admitting.set_admin(store, name, chosen == "admin", _me(), now())
    else:
        raise typer.BadParameter(f"{role} is a role in a project; name it with --project.")
    _tell(f"{name} is {role if chosen else 'no longer anything'} in {project or 'the workspace'}.")


@member.command("remove")
def remove(
    name: Name,
    project: Annotated[str, typer.Option(help="Name of the project.")],
    workspace: Workspace = HERE, database: Database = "",
) -> None:  # fmt: skip
    """Take somebody out of a project; their answers stay. “disable” shuts an account altogether."""
    store = open_workspace(workspace, database, must_exist=True)
    admitting.account(store, name)
    admitting.set_role(store, project_named(store, project).id, name, None, _me(), now())
    _tell(f"{name} is no longer in {project}.")


@member.command("disable")
def disable(name: Name, workspace: Workspace = HERE, database: Database = "") -> None:
    """Shut an account; whoever is signed in with it is out at once. Its answers stay."""
    admitting.set_disabled(open_workspace(workspace, database, must_exist=True), name, True, _me(), now())
    _tell(f"{name} can't sign in any more.")


@member.command("enable")
def enable(name: Name, workspace: Workspace = HERE, database: Database = "") -> None:
    """Open an account again."""
    admitting.set_disabled(open_workspace(workspace, database, must_exist=True), name, False, _me(), now())
    _tell(f"{name} can sign in again.")


@member.command("password")
def password(
    name: Name, password_stdin: Piped = False, generate: Generate = False,
    workspace: Workspace = HERE, database: Database = "",
) -> None:  # fmt: skip
    """Set somebody's password anew; they are signed out everywhere."""
    store = open_workspace(workspace, database, must_exist=True)
    admitting.account(store, name)
    new = _password(name, piped=password_stdin, generate=generate)
    admitting.give_password(store, name, new, _me(), now())
    _tell(f"Password: {new}" if generate else f"{name} has a new password.")


@member.command("sign-in")
def sign_in(
    way: Annotated[str, typer.Argument(help="none: names on trust, on this machine alone; accounts; oidc.")],
    workspace: Workspace = HERE, database: Database = "",
) -> None:  # fmt: skip
    """Change how everybody signs in; all who are signed in are out at once."""
    if way not in get_args(SignIn):
        raise typer.BadParameter(f"{way!r} is none of {', '.join(get_args(SignIn))}.")
    admitting.choose_way(open_workspace(workspace, database, must_exist=True), cast("SignIn", way), now())
    _tell(f"Sign-in: {way}")


def _role(word: str) -> Role | None:
    if word != "none" and word not in get_args(Role):
        raise typer.BadParameter(f"{word!r} is none of {', '.join(get_args(Role))}.")
    return None if word == "none" else cast("Role", word)


def _password(name: str, *, piped: bool, generate: bool) -> str:
    if generate:
        return admitting.new_password()
    if piped:
        return admitting.checked_password(sys.stdin.readline().rstrip("\r\n"), name)
    if not sys.stdin.isatty():
        fail("nobody is there to type a password; use --password-stdin or --generate.")
    first = admitting.checked_password(getpass.getpass("Password: "), name)
    if getpass.getpass("Once more: ") != first:
        fail("the two are not the same.")
    return first


def _row(person: dict[str, Any]) -> list[str]:  # what "list --json" says of one
    state = "disabled" if person["disabled"] else "admin" if person["admin"] else ""
    roles = ", ".join(f"{project}: {role}" for project, role in person["roles"].items())
    return [person["name"], state, roles, f"{person['issuer']} {person['subject']}".strip() or "password"]


def _plainly(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _tell(sentence: str) -> None:
    out.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _me() -> str:
    return f"{os.environ.get('USER', '') or 'somebody'} (command line)"
