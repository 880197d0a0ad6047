"""Which language a person reads: what they chose, here or last time, else what their browser asks for."""

from contextlib import suppress

import streamlit as st
from streamlit import config
from streamlit.runtime.scriptrunner import get_script_run_ctx

from collab.errors import CollabError
from collab.loop import addressing
from collab.ui import session, words
from collab.ui.words import WORDS, word

COOKIE = "collab_language"
_MOST = "server.maxUploadSize"
_STREAMLIT = """
[data-testid=InputInstructions] { display: none }
[data-testid=stFileUploaderDropzone] button p, [data-testid=stFileUploaderDropzoneInstructions] span { font-size: 0 }
[data-testid=stFileUploaderDropzone] button p::after { content: "%s"; font-size: .875rem }
[data-testid=stFileUploaderDropzoneInstructions] span::after { content: "%s"; font-size: .875rem }
"""
"""Streamlit's own words on the page, which it has in English alone."""


def found() -> str:
    """The language that the last run of the page found, for threads in which it hasn't spoken; it asks no store."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return words.FALLBACK
    return str(st.session_state.get("language", words.FALLBACK))


def language() -> str:
    """The language of who is here."""
    try:
        who = session.annotator()
    except CollabError:  # the page tells it, in a language that needs no store
        return str(st.session_state.get("language") or _of_browser())
    if st.session_state.get("language_of") != who:  # who comes in reads as they did last time
        st.session_state["language_of"] = who
        remembered = _remembered() if who else ""
        if remembered or "language" not in st.session_state:
            st.session_state["language"] = remembered or _of_browser()
    return str(st.session_state["language"])


def dress() -> None:
    """Have what the browser and Streamlit themselves say follow the language, as far as a style can.

    The first cell of a row holds its words together: Chinese would break after any sign, down to one in a line.
    """
    style = ":is(th, td):first-child, :is(th, td):first-child * { word-break: keep-all }"
    if words.language() != words.FALLBACK:
        style += _STREAMLIT % (word("frame.upload"), word("frame.upload_most", size=config.get_option(_MOST)))
    st.html(f"<style>{style}</style>")


def offer_languages() -> None:
    """Offer the other languages, each in its own words; what a person chooses stays theirs."""
    for code in sorted(WORDS.keys() - {words.language()}):
        if st.button(WORDS[code]["nav.this_language"], type="tertiary", icon=":material/translate:", key=f"say-{code}"):
            st.session_state["language"] = code
            if session.annotator():
                addressing.choose_language(session.desk(), code)
            st.rerun()


def _remembered() -> str:
    with suppress(CollabError):
        return addressing.language(session.desk())
    return ""


def _of_browser() -> str:
    kept = st.context.cookies.get(COOKIE, "")
    return kept if kept in WORDS else words.heard(st.context.locale or "") or words.FALLBACK
