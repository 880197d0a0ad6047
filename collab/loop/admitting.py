"""Admit people: accounts, passwords, sign-in and sign-out, and who is what in a project."""

import hashlib
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from collab.domain.access import ALIAS, Access, AccessEntry, Act, Attempts, Person, Role, SignIn
from collab.domain.project import folded
from collab.domain.store import Store
from collab.errors import Conflict, UnknownName, UserError, WaitFirst, WrongPassword
from collab.loop.permitting import needs, signed_in

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
SESSION, IDLE = 12 * HOUR, 2 * HOUR
"""After which a session ends: from its start, and without a sign of its owner."""
SHORTEST, LONGEST = 12, 200
"""Characters of a password."""
LONGEST_NAME = 60
AT_ONCE = 2
"""Passwords that are checked at the same time: each takes 64 MiB, so that guessing is dear."""
FORGET = 24 * HOUR
"""After which failed attempts are forgotten."""
_hashing = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts are free, and how long a wait becomes at most; milliseconds."""

    free: int
    most: int


BY_PLACE = Limit(5, 15 * MINUTE)
"""With one name from one address, or from a browser in which that person has signed in before."""
BY_ADDRESS = Limit(20, 15 * MINUTE)
"""From one address, whatever the names."""
BY_NAME = Limit(100, MINUTE)
"""With one name from anywhere: many addresses can't guess quickly, and can't keep its owner out for long. Browsers in
which that person has signed in before are not held up by what others do."""


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody who has signed in."""

    person: str
    session: str
    """What the store knows it by: the token's digest."""
    token: str
    """The secret that their browser keeps."""
    until: int


def digest(token: str) -> str:
    """What the store knows a session by: whoever reads the database can't sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def sign_in(store: Store, name: str, password: str, address: str, now: int, *, known: bool = False) -> Entered:
    """Begin a session for whoever knows the password.

    An attempt is counted before the password is looked at, so that many at once can't get round the wait. A name that
    isn't there takes as long, and gets the same words, as a wrong password.

    Args:
        address: Where the request comes from.
        known: Whether the browser proves that this person has signed in there before.

    Raises:
        WaitFirst: Too many attempts have failed.
        WrongPassword: They don't belong together.
    """
    name = clean(name)[:LONGEST_NAME]
    counted = _count(store, name, address, known, now)
    if not _right(store.password(name), password) or not _may_enter(store, name):
        _note(store, name, "refused", "sign in", now, address=address)
        raise WrongPassword
    with store.transaction():
        _succeeded(store, counted)
        entered = enter(store, name, now)
    if _hasher().check_needs_rehash(kept := store.password(name)) and kept:
        _keep(store, name, password, stay=True)
    return entered


def enter(store: Store, name: str, now: int, until: int | None = None) -> Entered:
    """Begin a session for somebody whose identity is proved.

    Args:
        until: When the proof runs out; no session lasts longer than `SESSION`.

    Raises:
        WrongPassword: Their account is disabled, or gone.
    """
    token = secrets.token_urlsafe(32)
    end = min(now + SESSION, until or now + SESSION)
    with store.transaction():
        if not any(person.name == name and not person.disabled for person in store.people()):  # since it was proved
            raise WrongPassword
        store.start_session(digest(token), name, now, end, IDLE)
        _note(store, name, "sign in", "session", now)
    return Entered(name, digest(token), token, end)


def vouched(store: Store, issuer: str, subject: str) -> Person | None:
    """Whom an identity provider's word lets in: those on the list alone, by what can't be chosen or passed on."""
    found = store.known_as(issuer, subject)
    return found if found is not None and not found.disabled and store.sign_in_way() == "oidc" else None


def turn_away(store: Store, issuer: str, subject: str, now: int) -> None:
    """Keep that somebody came who isn't on the list."""
    _note(store, "", "refused", "sign in", now, issuer=issuer, subject=subject)


def add_person(
    store: Store, name: str, *, password: str = "", issuer: str = "", subject: str = "", admin: bool, by: str, now: int
) -> SignIn | None:
    """Make an account, or give one to a name that is known from before; returns the way of signing in that begins.

    The first account ends names on trust, and is an administrator's: else nobody could make the next.

    Raises:
        UserError: The name or the password won't do.
        Conflict: There is such an account, people sign in here in another way, or it is an erased person's pseudonym.
    """
    name = checked_name(name)
    if folded(name).startswith(ALIAS):
        raise Conflict(f"{name} stands for somebody who was erased. Choose another name.")
    way: SignIn = "oidc" if issuer else "accounts"
    with store.transaction():
        here, there = store.sign_in_way(), store.accounts()
        if any(folded(p.name) == folded(name) for p in there):
            raise Conflict(f"There is an account {name!r} already.")
        if here not in ("none", way):
            raise Conflict(f"People sign in here by {_WAYS[here]}, not by {_WAYS[way]}.")
        if issuer and store.known_as(issuer, subject):
            raise Conflict(f"Subject {subject!r} of {issuer} has an account already.")
        if here == "none" and not admin:
            raise Conflict(
                "The first account must be an administrator's (--admin): with it, names are no longer taken on trust."
            )
        kept = next((p for p in store.people() if p.name == name), Person(name))
        store.save_person(replace(kept, admin=admin, disabled=False, issuer=issuer, subject=subject))
        if password:
            _keep(store, name, password)
        _note(store, by, "change", "account", now, account=name, done="add", admin=admin)
        if here == "none":
            store.set_sign_in_way(way)
            return way
    return None


@needs("administer", own="by", workspace=True)
def add_account(store: Store, name: str, password: str, admin: bool, by: str, now: int) -> None:
    """Make an account with a password. Raises as `add_person`."""
    add_person(store, name, password=checked_password(password, name), admin=admin, by=by, now=now)


@needs("administer", own="by", workspace=True)
def allow(store: Store, name: str, issuer: str, subject: str, admin: bool, by: str, now: int) -> None:
    """Let somebody in whom an identity provider vouches for. Raises as `add_person`."""
    add_person(store, name, issuer=issuer, subject=subject, admin=admin, by=by, now=now)


@needs("administer", own="by", workspace=True)
def give_password(store: Store, name: str, password: str, by: str, now: int) -> None:
    """Set somebody's password anew, and sign them out everywhere. Raises `UnknownName`."""
    account(store, name)
    with store.transaction():
        _keep(store, name, checked_password(password, name))
        _note(store, by, "change", "account", now, account=name, done="password")


@needs("administer", own="by", workspace=True)
def set_disabled(store: Store, name: str, disabled: bool, by: str, now: int) -> None:
    """Shut an account, which ends its sessions at once, or open it again. Raises `Conflict` for the last admin."""
    with store.transaction():
        person = account(store, name)
        if disabled:
            spare_the_last(store, person)
        store.save_person(replace(person, disabled=disabled))
        _note(store, by, "change", "account", now, account=name, done="disable" if disabled else "enable")


@needs("administer", own="by", workspace=True)
def set_admin(store: Store, name: str, admin: bool, by: str, now: int) -> None:
    """Make somebody an administrator of the workspace, or no longer. Raises `Conflict` for the last one."""
    with store.transaction():
        person = account(store, name)
        if not admin:
            spare_the_last(store, person)
        store.save_person(replace(person, admin=admin))
        _note(store, by, "change", "account", now, account=name, done="admin" if admin else "no admin")


@needs("administer", workspace=True)
def accounts(store: Store) -> tuple[Person, ...]:
    """Everybody who can sign in, or could if they weren't disabled."""
    return store.accounts()


@needs("administer")
def candidates(store: Store, project: int) -> tuple[str, ...]:
    """Names of accounts that aren't members of a project yet."""
    there = store.members(project)
    return tuple(p.name for p in store.accounts() if p.name not in there and not p.disabled)


@needs("administer")
def members(store: Store, project: int) -> Mapping[str, Role]:
    """Who is what in a project; administrators of the workspace aren't listed, they may do all everywhere."""
    return store.members(project)


@needs("administer", own="by")
def set_role(store: Store, project: int, person: str, role: Role | None, by: str, now: int) -> None:
    """Say what somebody is in a project; None: no longer a member. It counts with their next request.

    Raises:
        UnknownName: They have no account.
    """
    with store.transaction():
        if role is not None:
            account(store, person)
        store.set_role(store.project(project).id, person, role)
        _note(store, by, "change", "member", now, project, member=person, role=role)


@signed_in
def sign_in_way(store: Store, _access: Access) -> SignIn:
    """How people say here who they are."""
    return store.sign_in_way()


@signed_in
def change_password(store: Store, access: Access, old: str, new: str, now: int) -> None:
    """Set one's own password anew, and end all one's sessions. Raises `WrongPassword`, `WaitFirst`."""
    counted = _count(store, access.person, "", True, now)
    if not _right(store.password(access.person), old):
        raise WrongPassword
    with store.transaction():
        _succeeded(store, counted)
        _keep(store, access.person, checked_password(new, access.person))
        _note(store, access.person, "change", "account", now, account=access.person, done="password")


def account(store: Store, name: str) -> Person:
    """An account. Raises `UnknownName`."""
    found = {p.name: p for p in store.accounts()}
    if name not in found:
        raise UnknownName("account", name, tuple(found))
    return found[name]


def choose_way(store: Store, way: SignIn, now: int) -> None:
    """Change how people say who they are. Raises `Conflict` where no administrator could come in so."""
    with store.transaction():
        admins = [p for p in store.accounts() if p.admin and not p.disabled]
        able = [p for p in admins if (p.issuer if way == "oidc" else store.password(p.name))]
        if way != "none" and not able:
            raise Conflict(f"No administrator could sign in by {_WAYS[way]}. Add one first: collab member add --admin")
        store.set_sign_in_way(way)
        for person in store.accounts():
            store.end_sessions(person.name)
        _note(store, "", "change", "sign in", now, way=way)


def clean(name: str) -> str:
    """A name without what can't be seen: two that look alike shall not be two people."""
    seen = "".join(
        c if not unicodedata.category(c).startswith("C") else " " for c in unicodedata.normalize("NFC", name)
    )
    return " ".join(seen.split())


def checked_name(name: str) -> str:
    """A name as it is kept. Raises `UserError`."""
    kept = clean(name)
    if not 0 < len(kept) <= LONGEST_NAME:
        raise UserError(f"A name has 1 to {LONGEST_NAME} characters.")
    return kept


def checked_password(password: str, name: str) -> str:
    """A password that isn't guessed at once. Raises `UserError`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError(f"A password has {SHORTEST} to {LONGEST} characters; a few words in a row are easy to keep.")
    if len(set(password)) < 5 or (len(name) > 3 and name.casefold() in password.casefold()):
        raise UserError(
            "This password is guessed too easily. Take a few words in a row that have nothing to do with you."
        )
    return password


def new_password() -> str:
    """A password that nobody guesses, in groups that can be read out."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _may_enter(store: Store, name: str) -> bool:
    return store.sign_in_way() == "accounts" and not store.person(name).disabled


def _right(kept: str, password: str) -> bool:
    """Whether a password is the one of a digest; where there is none, after as long a time."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _hashing:
        try:
            return _hasher().verify(kept or _nobody(), password[: LONGEST + 1]) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def _keep(store: Store, name: str, password: str, *, stay: bool = False) -> None:
    with _hashing:
        kept = _hasher().hash(password)
    store.set_password(name, kept, stay=stay)


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    """A digest that no password belongs to."""
    return _hasher().hash(secrets.token_urlsafe(32))


def _count(store: Store, name: str, address: str, known: bool, now: int) -> dict[str, Attempts | None]:
    """Count an attempt everywhere it counts; returns those before it where success doesn't clear them, None where it
    does. Raises `WaitFirst`."""
    limits: dict[tuple[str, ...], Limit] = (
        {("known", name): BY_PLACE} if known else {("place", name, address): BY_PLACE, ("name", name): BY_NAME}
    )
    if address:
        limits["address", address] = BY_ADDRESS
    counted: dict[str, Attempts | None] = {}
    with store.transaction():
        store.forget_attempts(now - FORGET)
        for what, limit in limits.items():
            key = digest("\0".join(what))
            before = store.count_attempt(key, now)
            if wait := before.wait(now, limit.free, limit.most):
                raise WaitFirst(-(-wait // SECOND))
            counted[key] = before if what[0] == "address" else None  # else an account of one's own would clear it
    return counted


def _succeeded(store: Store, counted: Mapping[str, Attempts | None]) -> None:
    """Count an attempt as none that failed; others that failed meanwhile still count."""
    for what, before in counted.items():
        if before is None:
            store.clear_attempts(what)
        else:
            store.discount_attempt(what, before)


def spare_the_last(store: Store, person: Person) -> None:
    """Refuse to let the last administrator go. Raises `Conflict`."""
    others = [p for p in store.accounts() if p.admin and not p.disabled and p.name != person.name]
    if person.admin and not others:
        raise Conflict(f"{person.name} is the last administrator. Make somebody else one first.")


def _note(
    store: Store, person: str, act: Act, what: str, now: int, project: int | None = None, **detail: Any
) -> None:  # detail is JSON
    store.note(AccessEntry(now, person, act, what, project, detail=detail))


_WAYS: Mapping[SignIn, str] = {
    "none": "name alone", "accounts": "password", "oidc": "an identity provider",
}  # fmt: skip
