"""Says in the language of the run what the floors below say in English: errors, and what a job or a file's row says.

The English stands where it is raised, so that logs, the command line and the store keep it. What it becomes in another
language stands in `catalogue/sentences/`, by the English with {} in place of each value. A sentence that isn't there
is said as it is.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from collab.ui import words

_LONGEST = 1000
"""More characters than any sentence of ours has; whatever is longer is a stranger's."""

SENTENCES: dict[str, dict[str, str]] = {
    path.stem: {
        english: said for place in tomllib.loads(path.read_text("utf-8")).values() for english, said in place.items()
    }
    for path in sorted(Path(__file__).with_name("catalogue").glob("sentences/*.toml"))
}
"""For each language but English: by the English what is said instead, with {0}, {1} … for the values as they are, and
{0:said} for one that is said in that language too. So what a person wrote is never taken for a sentence of ours."""


def sentence(english: str) -> str:
    """A sentence of the floors below in the language of the run.

    In Chinese "a.csv can't be read: it is empty" becomes "无法读取 a.csv：文件是空的".
    """
    return _said(english, words.language())


def told(error: BaseException) -> str:
    """The sentence of an error in the language of the run."""
    return sentence(str(error))


def _said(english: str, language: str) -> str:
    if found := _known(english, language):
        return found
    what, _, why = english.partition(": ")  # a field of a row, and what is wrong with its file
    found = _known(why, language) if why else None
    return f"{what}：{found}" if found else english


def _known(english: str, language: str) -> str | None:
    known = SENTENCES.get(language, {})
    if english in known and "{" not in english:
        return known[english]
    if not known or len(english) > _LONGEST:
        return None
    fits = [(found, said) for pattern, said in _patterns(language) if (found := pattern.fullmatch(english))]
    # A sentence that begins with a value would take another one, in which it stands at the end, for that value.
    found, said = min(fits, key=lambda fit: fit[0].end(1) if fit[0].start(1) == 0 else 0, default=(None, ""))
    return _filled(said, found.groups(), language) if found else None


def _filled(said: str, values: Sequence[str], language: str) -> str:
    def value(place: re.Match[str]) -> str:
        given = values[int(place[1])]
        return _said(given, language) if place[2] else given

    return re.sub(r"\{(\d)(:said)?\}", value, said)


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Sentences with values, those that say most by themselves first: of two that fit, the other one is vaguer."""
    known = SENTENCES.get(language, {})
    open_ = sorted((each for each in known if "{}" in each), key=lambda each: -len(each.replace("{}", "")))
    return [(re.compile("(.+?)".join(map(re.escape, each.split("{}"))), re.DOTALL), known[each]) for each in open_]
