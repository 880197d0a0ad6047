"""What a text is found by: words without case, accents and width, and pairs of letters where a script has no spaces.

Both databases are handed the same tokens, so that a search finds the same in both, in every language.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 64
"""Letters of a word that count; a longer one is no word of any language."""
MOST = 50_000
"""Words of an item that are kept: those that begin it. PostgreSQL can't hold the index of a whole book."""
PREFIX_FROM = 3
"""Letters of a word from which its beginning finds it: shorter ones begin too many words."""

# Thai, Lao, Burmese, Khmer; then kana, Chinese characters of all planes, and Hangul, whose words grow endings.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Signs of vowels stand in the middle of words of Hebrew, Arabic and the scripts of India, and count as no letters.
_SIGNS = "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0dff"
_RUNS = re.compile(rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])(?:[^\W_]|[{_SIGNS}]))+")
_ASCII = re.compile("[0-9a-z]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_ACCENTS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand one after the other."""

    words: tuple[str, ...]
    prefix: bool = False
    """Whether the last of them may go on."""


def tokens(text: str) -> list[str]:
    """The words of a text in their order, then each letter of scripts without spaces, once.

    >>> tokens("Café 手机!")
    ['cafe', '手机', '手', '机']
    """
    found: list[str] = []
    single: dict[str, None] = {}
    for run, unspaced in _runs(text):
        if unspaced:
            found += _pairs(run)
            single |= dict.fromkeys(run)
        else:
            found.append(run)
        if len(found) >= MOST:
            break
    return [*found[:MOST], *single]


def phrases(typed: str) -> list[Phrase]:
    """What to look for where a person typed this: all of it, each word as a beginning.

    >>> phrases("co-worker 手机")
    [Phrase(words=('co', 'worker'), prefix=True), Phrase(words=('手机',), prefix=False)]
    """
    wanted: dict[Phrase, None] = {}
    for group in typed.split():
        together: list[str] = []
        prefix = False
        for run, unspaced in _runs(group):
            if unspaced and len(run) == 1:  # among the pairs it has no place
                wanted[Phrase((run,))] = None
                continue
            together += _pairs(run) if unspaced else [run]
            prefix = not unspaced and len(run) >= PREFIX_FROM
        if together:
            wanted[Phrase(tuple(together), prefix)] = None
    return list(wanted)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and runs of letters of scripts without spaces (True), folded."""
    if text.isascii():
        for run in _ASCII.findall(text.lower()):
            yield run[:LONGEST], False
        return
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    for run in _RUNS.findall(unicodedata.normalize("NFC", bare)):
        unspaced = _IS_UNSPACED.match(run) is not None
        yield run if unspaced else run[:LONGEST], unspaced


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]
