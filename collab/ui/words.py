"""Says every string that a person reads, in the language of the run; the strings stand in `catalogue/`.

A key is `place.name`. Add a string to its place in every language; `word` refuses a key that isn't there. The language
is that of the thread or request alone, so people at the same time each have their own.
"""

import re
import tomllib
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from collab.errors import UnknownName

FALLBACK = "en"


def _read(path: Path) -> dict[str, str]:
    places: dict[str, dict[str, str]] = tomllib.loads(path.read_text("utf-8"))
    return {f"{place}.{name}": text for place, words in places.items() for name, text in words.items()}


WORDS: dict[str, dict[str, str]] = {
    path.stem: _read(path) for path in sorted(Path(__file__).with_name("catalogue").glob("*.toml"))
}
"""Every string by language and key."""

_language: ContextVar[str] = ContextVar("language")
_else: list[Callable[[], str]] = []


def speak(language: str) -> None:
    """Set the language of the strings that follow in this thread or request; one that isn't there becomes English."""
    _language.set(language if language in WORDS else FALLBACK)


def speak_else(language: Callable[[], str]) -> None:
    """Say where the language is found in a thread for which nobody has set one.

    Streamlit runs a fragment, and whatever a widget calls, in a thread of its own: the script hasn't spoken there.
    """
    _else[:] = [language]


def language() -> str:
    """The language of this thread or request."""
    found = _language.get("") or (_else[0]() if _else else FALLBACK)
    return found if found in WORDS else FALLBACK


def heard(asked: str) -> str:
    """The first language that a browser asks for and that is spoken here; "" for none.

    >>> heard("de-CH, zh-TW;q=0.8, en;q=0.5")
    'zh'
    """
    wanted = re.findall(r"([a-z]{2,3})\b[^,;]*(?:;\s*q=(\d(?:\.\d+)?))?", asked.lower())
    ordered = sorted(wanted, key=lambda each: -float(each[1] or 1))  # equals keep their order
    return next((code for code, _ in ordered if code in WORDS), "")


def word(key: str, /, **values: object) -> str:
    """Say a string in the language of this run, with its values filled in.

    >>> word("card.today", n=18, goal=200)
    '18 of 200 today'

    Raises:
        UnknownName: No string has this key.
        KeyError: A value is missing.
    """
    words = WORDS[language()]
    if key not in words:
        raise UnknownName("string", key)
    return words[key].format(**values)


def words_of(place: str) -> dict[str, str]:
    """All strings of a place, without its name before their keys and with their values still open."""
    start = f"{place}."
    return {key.removeprefix(start): text for key, text in WORDS[language()].items() if key.startswith(start)}
