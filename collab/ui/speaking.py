"""Which language a person reads: the one that they chose, here or last time, else the one that their browser asks for."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from collab.ui import session, words
from collab.ui.words import WORDS

COOKIE = "collab_language"


def language() -> str:
    """The language of who is here."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return words.FALLBACK
    if "language" not in st.session_state:
        kept = st.context.cookies.get(COOKIE, "")
        st.session_state["language"] = kept if kept in WORDS else words.heard(st.context.locale or "") or words.FALLBACK
    return str(st.session_state["language"])


def choose_language() -> None:
    """Offer the other languages, each in its own words; what a person chooses stays theirs."""
    for code in sorted(WORDS.keys() - {words.language()}):
        # its name differs in each language, so without a key of its own the button would be another one
        if st.button(
            WORDS[code]["nav.this_language"], type="tertiary", icon=":material/translate:", key=f"speak-{code}"
        ):
            st.session_state["language"] = code
            st.rerun()
