"""Signed, expiring notes that a page hands to a browser: who may sync a card, fetch a file, see an image, or is
who they were."""

import hmac
import re
from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

CARD_SECONDS = 12 * 3600
DOWNLOAD_SECONDS = 3600
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


def issue_grant(secret: bytes, grant: Grant) -> str:
    """Sign a grant for a card."""
    return URLSafeTimedSerializer(secret, salt="card").dumps(asdict(grant))


def read_grant(secret: bytes, token: str) -> Grant | None:
    """The grant, or None where it was forged or has run out."""
    try:
        return Grant(**URLSafeTimedSerializer(secret, salt="card").loads(token, max_age=CARD_SECONDS))
    except BadSignature:
        return None


def issue_download(secret: bytes, name: str) -> str:
    """Sign the right to fetch one file."""
    return URLSafeTimedSerializer(secret, salt="download").dumps(name)


def may_download(secret: bytes, token: str, name: str) -> bool:
    """Whether the token is for this file and still good."""
    try:
        return bool(URLSafeTimedSerializer(secret, salt="download").loads(token, max_age=DOWNLOAD_SECONDS) == name)
    except BadSignature:
        return False


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
