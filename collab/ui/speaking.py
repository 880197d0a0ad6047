"""Which language a person reads: what they chose, here or last time, else what their browser asks for."""

from contextlib import suppress

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from collab.errors import CollabError
from collab.loop import addressing
from collab.ui import session, words
from collab.ui.words import WORDS

COOKIE = "collab_language"


def language() -> str:
    """The language of who is here."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return words.FALLBACK
    who = session.annotator()
    if st.session_state.get("language_of") != who:  # who comes in reads as they did last time
        st.session_state["language_of"] = who
        remembered = _remembered() if who else ""
        if remembered or "language" not in st.session_state:
            st.session_state["language"] = remembered or _of_browser()
    return str(st.session_state["language"])


def offer_languages() -> None:
    """Offer the other languages, each in its own words; what a person chooses stays theirs."""
    for code in sorted(WORDS.keys() - {words.language()}):
        if st.button(WORDS[code]["nav.this_language"], type="tertiary", icon=":material/translate:", key=f"say-{code}"):
            st.session_state["language"] = code
            if session.annotator():
                addressing.choose_language(session.desk(), code)
            st.rerun()


def _remembered() -> str:
    with suppress(CollabError):  # what is wrong there, the page tells; in which language is no reason to fail
        return addressing.language(session.desk())
    return ""


def _of_browser() -> str:
    kept = st.context.cookies.get(COOKIE, "")
    return kept if kept in WORDS else words.heard(st.context.locale or "") or words.FALLBACK
