"""Load encoders beside the worker's rounds, and keep them for all projects that have them."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar, final

from collab.domain.version import TUNED

LOAD_AGAIN = 300.0
"""Seconds until an encoder that couldn't be loaded is tried again."""


class _Sealed(Protocol):
    @property
    def digest(self) -> str: ...


E = TypeVar("E", bound=_Sealed)
_Key = tuple[int, str]
"""Project and name; 0 where all projects share the encoder of that name."""


@final
class Encoders(Generic[E]):
    """Loads each encoder in a thread of its own: a model hub may keep one project waiting, but none of the others."""

    def __init__(self, load: Callable[[int, str], E]) -> None:
        """Begin.

        Args:
            load: Loads an encoder by project and name; takes its time.
        """
        self._encoder_of = load
        self._found: dict[_Key, E | Exception | None] = {}
        self._again: dict[_Key, float] = {}

    def get(self, project: int, name: str) -> E | None:
        """The encoder, or None while it is being loaded; raises what hindered that, and tries again after a while."""
        key = _key(project, name)
        found = self._found.get(key)
        if key not in self._found or (isinstance(found, Exception) and time.monotonic() >= self._again[key]):
            found = self._found[key] = None
            threading.Thread(target=self._load, args=(project, name), daemon=True).start()
        if isinstance(found, Exception):
            raise found
        return found

    def keep(self, wanted: Iterable[tuple[int, str]]) -> None:
        """Let go of fine-tuned encoders other than these: each promotion would leave one more in memory."""
        kept = {_key(*each) for each in wanted}
        for key in [key for key in self._found if key[0] and key not in kept]:
            del self._found[key]

    def _load(self, project: int, name: str) -> None:
        key = _key(project, name)
        try:
            encoder = self._encoder_of(project, name)
            assert encoder.digest, "it names the weights"  # here, since to hash them may take seconds
            self._found[key] = encoder
        except Exception as error:
            self._again[key] = time.monotonic() + LOAD_AGAIN
            self._found[key] = error


def _key(project: int, name: str) -> _Key:
    return (project if name.startswith(TUNED) else 0, name)
