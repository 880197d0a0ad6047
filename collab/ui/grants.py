"""Signed, expiring notes that a page hands to a browser: who may sync a card, fetch a file, or is who they were."""

from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

CARD_SECONDS = 12 * 3600
DOWNLOAD_SECONDS = 3600


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


def issue_name(secret: bytes, annotator: str) -> str:
    """Sign a name for the browser to remember, in characters that a cookie may hold."""
    return URLSafeSerializer(secret, salt="who").dumps(annotator)


def read_name(secret: bytes, token: str) -> str | None:
    """The remembered name, or None where the note is not of this workspace."""
    try:
        return str(URLSafeSerializer(secret, salt="who").loads(token))
    except BadSignature:
        return None
