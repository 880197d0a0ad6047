"""Says in the language of the run what the floors below say in English: errors, and what a job or a file's row says.

The English stands where it is raised, so that logs, the command line and the store keep it. What it becomes in another
language stands in `catalogue/sentences/`, by the English with {} in place of each value. A sentence that isn't there
is said as it is.
"""

import re
import tomllib
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
"""For each language but English: by the English what is said instead, with {0}, {1} … for the values."""


def sentence(english: str) -> str:
    """A sentence of the floors below in the language of the run; its values are said anew too, where they are known.

    In Chinese "a.csv can't be read: it is empty" becomes "无法读取 a.csv：文件是空的".
    """
    return _said(english, words.language())


def told(error: BaseException) -> str:
    """The sentence of an error in the language of the run."""
    return sentence(str(error))


def _said(english: str, language: str) -> str:
    known = SENTENCES.get(language, {})
    if english in known and "{" not in english:
        return known[english]
    if len(english) > _LONGEST:
        return english
    for pattern, said in _patterns(language):
        if found := pattern.fullmatch(english):
            return said.format(*(_said(value, language) for value in found.groups()))
    return english


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Sentences with values, those that say most by themselves first: of two that fit, the other one is vaguer."""
    known = SENTENCES.get(language, {})
    open_ = sorted((each for each in known if "{}" in each), key=lambda each: -len(each.replace("{}", "")))
    return [(re.compile("(.+?)".join(map(re.escape, each.split("{}"))), re.DOTALL), known[each]) for each in open_]
