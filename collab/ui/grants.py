"""Signed, expiring notes that a page hands to a browser: who may sync a card, fetch a file, see an image, or is
who they were.

Where people sign in, no note opens anything by itself: the browser must also hold the session that it was made in.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from collab.domain.access import Right

CARD_SECONDS = 12 * 3600
DOWNLOAD_SECONDS = 3600
TICKET_SECONDS = 60
MOST_KNOWN = 8
"""People whom one browser is known to have let in."""
DAY = 86_400
_SHOWN = re.compile(r"media/[0-9a-f]{2}/[0-9a-f]+\.(view|thumb)\.webp")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a card may do: answer for one person in one project."""

    annotator: str
    project: int
    chosen: bool = False
    """Only the items that this person picked."""
    utc_offset: int = 0
    """Minutes that the person's clock is ahead of UTC: says when their day begins."""
    session: str = ""
    """In which it was given; "" where names are taken on trust."""


def issue_grant(secret: bytes, grant: Grant) -> str:
    """Sign a grant for a card."""
    return URLSafeTimedSerializer(secret, salt="card").dumps(asdict(grant))


def read_grant(secret: bytes, token: str) -> Grant | None:
    """The grant, or None where it was forged or has run out."""
    try:
        return Grant(**URLSafeTimedSerializer(secret, salt="card").loads(token, max_age=CARD_SECONDS))
    except (BadSignature, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Download:
    """What a link may do: fetch one file for one person, who must still have the right when they follow it."""

    name: str
    project: int | None
    right: Right
    person: str
    session: str = ""


def issue_download(secret: bytes, download: Download) -> str:
    """Sign the right to fetch one file."""
    return URLSafeTimedSerializer(secret, salt="download").dumps(asdict(download))


def read_download(secret: bytes, token: str, name: str) -> Download | None:
    """What the token allows; None where it is for another file, was forged or has run out."""
    try:
        found = Download(**URLSafeTimedSerializer(secret, salt="download").loads(token, max_age=DOWNLOAD_SECONDS))
    except (BadSignature, TypeError):
        return None
    return found if found.name == name else None


def issue_media(secret: bytes, project: int, name: str, now: float) -> str:
    """Sign the right to see an image of a project: the same note all day, so that a browser keeps what it has fetched.

    Args:
        name: Of the stored view or thumbnail; no other file is ever shown.
        now: Seconds since 1970. The note is good for one to two days.
    """
    return _media_note(secret, project, name, int(now // DAY) + 2)


def may_see(secret: bytes, token: str, name: str, now: float, *, late: bool = False) -> int | None:
    """The project in which the token shows this image; None where it was forged or has run out.

    Args:
        late: Whether one that has run out counts: it still says that the image was handed out once.
    """
    told = re.fullmatch(r"(\d{1,18})\.(\d{1,9})\.[0-9a-f]{32}", token, re.ASCII)
    if told is None or not _SHOWN.fullmatch(name):
        return None
    project, until = int(told[1]), int(told[2])
    if not hmac.compare_digest(token, _media_note(secret, project, name, until)):
        return None
    return project if late or now < until * DAY else None


def _media_note(secret: bytes, project: int, name: str, until: int) -> str:
    words = f"media {project} {until} {name}"
    return f"{project}.{until}.{hmac.digest(secret, words.encode(), 'sha256')[:16].hex()}"


def issue_name(secret: bytes, annotator: str) -> str:
    """Sign a name for the browser to remember, in characters that a cookie may hold."""
    return URLSafeSerializer(secret, salt="who").dumps(annotator)


def read_name(secret: bytes, token: str) -> str | None:
    """The remembered name, or None where the note is not of this workspace."""
    try:
        return str(URLSafeSerializer(secret, salt="who").loads(token))
    except BadSignature:
        return None


def session_cookie(secret: bytes) -> str:
    """Name of the cookie that holds a session; of this workspace alone, for ports of one host share their cookies."""
    return f"collab_session_{_of_workspace(secret)}"


def known_cookie(secret: bytes) -> str:
    """Name of the cookie that says who has signed in in a browser."""
    return f"collab_known_{_of_workspace(secret)}"


def _of_workspace(secret: bytes) -> str:
    return hmac.digest(secret, b"cookies", "sha256")[:4].hex()


def issue_session(secret: bytes, token: str) -> str:
    """Sign a session's token for a cookie, so that what was made up is refused without asking the database."""
    return URLSafeSerializer(secret, salt="session").dumps(token)


def session_of(secret: bytes, cookies: Mapping[str, str]) -> str:
    """The session that a browser holds, as the store knows it; "" for none. Whether it still lasts the store says."""
    try:
        token = str(URLSafeSerializer(secret, salt="session").loads(cookies.get(session_cookie(secret), "")))
    except BadSignature:
        return ""
    return hashlib.sha256(token.encode()).hexdigest()


def issue_known(secret: bytes, cookies: Mapping[str, str], name: str) -> str:
    """Sign for a browser that somebody has signed in there, beside those who have before."""
    names = [name, *(n for n in _known(secret, cookies) if n != name)][:MOST_KNOWN]
    return URLSafeSerializer(secret, salt="known").dumps(names)


def is_known(secret: bytes, cookies: Mapping[str, str], name: str) -> bool:
    """Whether somebody has signed in in this browser before: then others' failed attempts don't hold them up."""
    return name in _known(secret, cookies)


def _known(secret: bytes, cookies: Mapping[str, str]) -> list[str]:
    try:
        return cast("list[str]", URLSafeSerializer(secret, salt="known").loads(cookies.get(known_cookie(secret), "")))
    except BadSignature:
        return []


def issue_ticket(secret: bytes, person: str, until: int) -> str:
    """Sign that an identity provider vouches for a person until then; good for a minute, to begin a session."""
    return URLSafeTimedSerializer(secret, salt="ticket").dumps([person, until])


def read_ticket(secret: bytes, token: str) -> tuple[str, int] | None:
    """The person and until when; None where it was forged or has run out."""
    try:
        person, until = URLSafeTimedSerializer(secret, salt="ticket").loads(token, max_age=TICKET_SECONDS)
    except BadSignature:
        return None
    return str(person), int(until)
