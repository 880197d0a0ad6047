"""Check rights: what a page holds is a desk, and only a verb that says which right it needs can open it.

Whoever can open the database needs no permission: the worker, the commands and the tests hand in the store itself.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from collab.domain.access import Access, AccessEntry, Act, Right
from collab.domain.annotation import Annotation
from collab.domain.project import Item, Project
from collab.domain.store import Store
from collab.errors import AccountShut, Forbidden, SignedOut, UnknownName
from collab.loop.withholding import seen_by

AGAIN_MS = 600_000
"""Until the same look by the same person is a new one."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Desk:
    """The store on one person's behalf. It has no verbs of its own: a page that holds it can't go round a check."""

    _store: Store
    person: str
    session: str = ""
    """Of a person who signed in; "" where names are taken on trust, which the store allows on its own machine alone."""


def needs(
    right: Right,
    *,
    own: str = "",
    workspace: bool = False,
    everybody: bool = False,
    alone: str = "",
    noted: tuple[Act, str] | None = None,
) -> Callable[[Callable[Concatenate[Store, P], R]], Callable[Concatenate[Store | Desk, P], R]]:
    """Have a verb check that the person at the desk has a right in the project that its arguments name.

    The project is the argument called `project`, `project_id` or `annotation`. The check comes before anything else,
    anew with each call, so that a role that was taken away, or a session that has ended, counts at once.

    Args:
        right: What the verb needs.
        own: Name of the argument that must be the person themselves, if any.
        everybody: Whether that argument may also be "", where it stands for all people together.
        alone: Name of an argument that becomes the person themselves where they haven't the right "review", whatever
            the caller said: then the verb tells nothing that others answered.
        noted: What the access log says of somebody whose desk this was, with the items that they got; no entry where
            they got nothing, or the very same as a moment ago: a page asks for it again at each click.
        workspace: Whether the verb is about the workspace, not about one project; the right is its administrators'.

    Raises:
        Forbidden: The person hasn't the right; the attempt is in the access log.
        SignedOut: Their session has ended, or their account is disabled.
    """

    def decorate(verb: Callable[Concatenate[Store, P], R]) -> Callable[Concatenate[Store | Desk, P], R]:
        signature = inspect.signature(verb)
        named = next((n for n in ("project", "project_id", "annotation") if n in signature.parameters), None)
        assert workspace or named, f"{verb.__qualname__} names no project"

        @functools.wraps(verb)
        def checked(store: Store | Desk, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not isinstance(store, Desk):
                return verb(store, *args, **kwargs)
            given = signature.bind_partial(store, *args, **kwargs).arguments
            project = None if workspace or named is None else _number(given.get(named))
            access = access_of(store)
            meant = getattr(given.get(own), "annotator", given.get(own)) if own else access.person
            if not access.may(right, project) or not (meant == access.person or (everybody and not meant)):
                refuse(store, f"{verb.__module__.rpartition('.')[2]}.{verb.__name__}", right, project)
            if alone and not access.may("review", project):
                kwargs[alone] = access.person
            result = verb(seen_by(store._store, access), *args, **kwargs)
            if noted is not None and result is not None:
                _note(store, *noted, project, result)
            return result

        for name, value in (("right", right), ("own", own), ("alone", alone)):  # for the test that walks all of them
            setattr(checked, name, value)
        return checked

    return decorate


def access_of(desk: Desk) -> Access:
    """What the person at the desk may do now.

    Raises:
        SignedOut: Their session has ended.
        AccountShut: It has, for their account is disabled or erased. A desk with a session is opened for nobody but
            whom it was given to, so no stranger learns from this who has an account.
    """
    found = desk._store.access(desk.person, desk.session, _now())
    if found is None:
        raise AccountShut if desk.session and _shut(desk) else SignedOut
    return found


def _shut(desk: Desk) -> bool:
    try:
        person = desk._store.person(desk.person)
    except UnknownName:  # who was erased is known under another name
        return True
    return person.disabled or person.erased


def may(desk: Desk, right: Right, project: int | None) -> bool:
    """Whether the person has a right, for a page to draw only what they can do; the verbs check it again."""
    return access_of(desk).may(right, project)


def refuse(desk: Desk, what: str, right: Right, project: int | None) -> None:
    """Put the attempt into the access log, and raise `Forbidden`."""
    desk._store.note(AccessEntry(_now(), desk.person, "refused", what, project, detail={"right": right}))
    raise Forbidden(right)


def _note(desk: Desk, act: Act, what: str, project: int | None, result: object) -> None:
    entry = AccessEntry(_now(), desk.person, act, what, project, tuple(dict.fromkeys(_items_of(result))))
    if act != "see":
        desk._store.note(entry)
    elif entry.items:
        note_once(desk._store, entry)


def note_once(store: Store, entry: AccessEntry) -> None:
    """Put something into the access log that a page repeats at each click, unless it was the same a moment ago."""
    key = store.workspace, entry.person, entry.project, entry.act, entry.what
    last = _told.get(key)
    if last is None or last.items != entry.items or entry.at - last.at > AGAIN_MS:
        store.note(entry)
        _told[key] = entry


def note_again(project: int) -> None:
    """Forget what was noted once of a project: some of it was undone with a transaction."""
    for key in [key for key in _told if key[2] == project]:
        _told.pop(key, None)


def _items_of(result: object) -> Iterator[int]:
    """Ids of the items in what a verb returns."""
    if isinstance(result, Item):
        yield result.id
    elif isinstance(result, Mapping):
        yield from _items_of(list(result.values()))
    elif isinstance(result, list | tuple):
        for each in result:
            yield from _items_of(each)
    else:
        for name in ("item", "near", "items", "rows"):
            if (inside := getattr(result, name, None)) is not None:
                yield from _items_of(inside)


_told: dict[tuple[Path, str, int | None, Act, str], AccessEntry] = {}
"""The last entry of each kind that this process has made for a person."""


def signed_in(verb: Callable[Concatenate[Store, Access, P], R]) -> Callable[Concatenate[Desk, P], R]:
    """Have a verb get what the person may do, to answer with no more than that; nothing but a session is needed."""

    @functools.wraps(verb)
    def checked(desk: Desk, /, *args: P.args, **kwargs: P.kwargs) -> R:
        access = access_of(desk)
        return verb(seen_by(desk._store, access), access, *args, **kwargs)

    checked.right, checked.own = None, ""  # type: ignore[attr-defined]  # for the test that walks all of them
    return checked


def require(desk: Desk, right: Right, project: int | None, what: str) -> Store:
    """The store, once a right is checked that only the moment tells. Raises `Forbidden`, `SignedOut`."""
    access = access_of(desk)
    if not access.may(right, project):
        refuse(desk, what, right, project)
    return seen_by(desk._store, access)


def leave(desk: Desk) -> None:
    """End the session of who is at the desk."""
    if desk.session and desk._store.signed_in(desk.session, _now()) == desk.person:
        desk._store.end_session(desk.session)
        desk._store.note(AccessEntry(_now(), desk.person, "sign out", "session"))


def refused(desk: Desk, what: str, why: str, project: int | None = None) -> None:
    """Put into the access log that a request was turned away before it came to a verb."""
    desk._store.note(AccessEntry(_now(), desk.person, "refused", what, project, detail={"why": why}))


def _number(named: Any) -> int | None:  # a project, its number, or an annotation in it
    if isinstance(named, Project):
        return named.id
    if isinstance(named, Annotation):
        return named.project
    return named if isinstance(named, int) else -1


def _now() -> int:
    return int(time.time() * 1000)
