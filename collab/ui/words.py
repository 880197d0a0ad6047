"""Says every string that a person reads, in the language of the run; the strings stand in `catalogue/`.

A key is `place.name`. Add a string to its place in every language; `word` refuses a key that isn't there.
"""

import tomllib
from contextvars import ContextVar
from pathlib import Path

from collab.errors import UnknownName


def _read(path: Path) -> dict[str, str]:
    places: dict[str, dict[str, str]] = tomllib.loads(path.read_text("utf-8"))
    return {f"{place}.{name}": text for place, words in places.items() for name, text in words.items()}


WORDS: dict[str, dict[str, str]] = {
    path.stem: _read(path) for path in sorted(Path(__file__).with_name("catalogue").glob("*.toml"))
}
"""Every string by language and key."""

_language: ContextVar[str] = ContextVar("language", default="en")


def speak(language: str) -> None:
    """Set the language of the strings that follow in this run; one that isn't there becomes English."""
    _language.set(language if language in WORDS else "en")


def language() -> str:
    """The language of this run."""
    return _language.get()


def word(key: str, /, **values: object) -> str:
    """Say a string in the language of this run, with its values filled in.

    >>> word("card.today", n=18, goal=200)
    '18 of 200 today'

    Raises:
        UnknownName: No string has this key.
        KeyError: A value is missing.
    """
    words = WORDS[_language.get()]
    if key not in words:
        raise UnknownName("string", key)
    return words[key].format(**values)


def words_of(place: str) -> dict[str, str]:
    """All strings of a place, without its name before their keys and with their values still open."""
    start = f"{place}."
    return {key.removeprefix(start): text for key, text in WORDS[_language.get()].items() if key.startswith(start)}
