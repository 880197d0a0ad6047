"""What models are called where people read: encoders as words, a fine-tuned one by the version that it was made for."""

from collections.abc import Mapping

from collab.domain.version import TUNED
from collab.loop.measuring import JOINED
from collab.ui.words import WORDS, language, word

TABLE = "table-"
"""What the name of a table's measurement begins with."""


def encoder_words(names: str, makers: Mapping[str, int]) -> str:
    """Encoders in words, each once; of those from elsewhere there is only their name.

    Args:
        names: Of one encoder as a policy has it, or of all of a version.
        makers: Fine-tuned ones by name, with the version that each was made for.
    """
    return word("naming.and").join(dict.fromkeys(_words(name, makers) for name in names.split(JOINED)))


def head_words(name: str) -> str:
    """What learns from the answers, in two words; another one has only its name."""
    key = f"naming.{name}"
    return word(key) if key in WORDS[language()] else name


def _words(name: str, makers: Mapping[str, int]) -> str:
    if name.startswith(TABLE):
        return word("naming.table")
    if not name.startswith(TUNED):
        return name
    return word("naming.tuned", n=makers[name]) if name in makers else word("naming.tuned_unknown")
