"""Address people in the language that they chose; which languages there are, the pages know."""

from collab.domain.access import Access
from collab.domain.store import Store
from collab.loop.permitting import signed_in

LONGEST = 16
"""Characters of the name of a language."""


@signed_in
def language(store: Store, access: Access) -> str:
    """The language that somebody chose; "": none yet. Raises `UnknownName`."""
    return store.person(access.person).language


@signed_in
def choose_language(store: Store, access: Access, language: str) -> None:
    """Remember the language that somebody chose, wherever they come from next time."""
    store.set_language(access.person, language[:LONGEST])
