"""Who may do what: roles, the rights that they carry, people, and entries of the access log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from collab.errors import InvalidPolicy

Role = Literal["annotator", "adjudicator", "lead", "admin"]
"""What somebody is in one project; each role has all the rights of those before it."""

Right = Literal["see", "annotate", "review", "lead", "export", "see personal", "administer"]
"""see: the project, one's own answers, figures of quality. annotate: give answers. review: look at others' answers once
one's own is given, and settle. lead: settings, classes, imports, models, certificates, what each annotator does, and
answers for many items at once. export: take data and models away. see personal: fields that tell who somebody is.
administer: members, erasing, the access log, deleting the project."""

ROLES: tuple[Role, ...] = get_args(Role)

_ANNOTATOR: frozenset[Right] = frozenset({"see", "annotate"})
_ADJUDICATOR: frozenset[Right] = _ANNOTATOR | {"review"}
_LEAD: frozenset[Right] = _ADJUDICATOR | {"lead", "export", "see personal"}

RIGHTS: Mapping[Role, frozenset[Right]] = {
    "annotator": _ANNOTATOR,
    "adjudicator": _ADJUDICATOR,
    "lead": _LEAD,
    "admin": _LEAD | {"administer"},
}

SignIn = Literal["none", "accounts", "oidc"]
"""How people say who they are: by a name, on this machine alone; by a password; through an identity provider."""

ALIAS = "erased "
"""Names of erased people begin so, and no other account's does."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known here; the name is what the log holds, and never changes."""

    name: str
    admin: bool = False
    """Administrator of the workspace: has the role admin in every project, makes projects and accounts."""
    disabled: bool = False
    language: str = ""
    """In which they are spoken to; "": not chosen yet."""
    issuer: str = ""
    """The identity provider that vouches for them, and what it calls them; "" for an account of our own."""
    subject: str = ""
    erased: bool = False
    """Whether the name is a pseudonym, because their data were deleted."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one person may do, as the store says it at this moment."""

    person: str
    admin: bool = False
    roles: Mapping[int, Role] = field(default_factory=dict)
    """By project."""

    def role(self, project: int) -> Role | None:
        """The role in a project; None: not a member."""
        return "admin" if self.admin else self.roles.get(project)

    def rights(self, project: int | None) -> frozenset[Right]:
        """All rights in a project; None: in the workspace, where administrators have all and others none."""
        role = ("admin" if self.admin else None) if project is None else self.role(project)
        return RIGHTS[role] if role else frozenset()

    def may(self, right: Right, project: int | None) -> bool:
        """Whether they have a right in a project; None: in the workspace, whose administrators alone have any.

        >>> Access("Ana", roles={1: "adjudicator"}).may("review", 1), Access("Ana").may("see", 1)
        (True, False)
        """
        return right in self.rights(project)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed attempts to sign in that are counted together: with one name, or from one address."""

    failed: int = 0
    last: int = 0
    """When the last one was; milliseconds since 1970."""

    def wait(self, now: int, free: int, most: int) -> int:
        """Milliseconds until the next one is heard: none after `free` of them, then a second, doubled each time.

        >>> [Attempts(n, 0).wait(0, 3, 60_000) for n in (2, 3, 4, 5, 99)]
        [0, 1000, 2000, 4000, 60000]
        """
        if self.failed < free:
            return 0
        return max(0, self.last + min(most, 1000 << min(self.failed - free, 20)) - now)


Act = Literal["sign in", "sign out", "see", "change", "export", "refused"]


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """Who saw, changed or took away what. Answers and other events are in the log of the project, and not repeated."""

    at: int
    """Milliseconds since 1970."""
    person: str
    act: Act
    what: str
    """A short key, as "items", "list", "report", "annotating.submit"."""
    project: int | None = None
    items: tuple[int, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which entries of the access log somebody wants; empty means all."""

    person: str = ""
    act: Act | Literal[""] = ""
    since: int = 0
    until: int = 0
    """Milliseconds since 1970; entries at this moment are out. 0: up to now."""


@dataclass(frozen=True, slots=True)
class Retention:
    """After how many days what is kept goes by itself; 0: never."""

    access_log: int = 0
    """Entries of the access log."""
    deleted: int = 0
    """Deleted projects, until then they can be had back."""

    def __post_init__(self) -> None:
        if self.access_log < 0 or self.deleted < 0:
            raise InvalidPolicy("retention", (self.access_log, self.deleted), "0 days or more")
