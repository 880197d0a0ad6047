"""Who is here: a name, asked once."""

import streamlit as st

from collab.ui import session
from collab.ui.pieces import plain
from collab.ui.words import word

MOST_NAMES = 12
LONGEST_NAME = 60


def draw() -> None:
    """Ask for a name; names that are known are one click away."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.space("large")
        st.title(word("who.title"), anchor=False)
        st.markdown(word("who.why"))
        with st.form("who", border=False):
            name = st.text_input(word("who.name"), max_chars=LONGEST_NAME, autocomplete="name")
            sent = st.form_submit_button(word("who.go"), type="primary")
        if sent and not name.strip():
            st.warning(word("who.empty"))
        elif sent:
            _enter(" ".join(name.split()))
        known = session.known_names()[-MOST_NAMES:]
        if known:
            st.caption(word("who.known"))
            with st.container(horizontal=True):
                for each in known:
                    if st.button(plain(each), key=f"who-{each}"):
                        _enter(each)


def _enter(name: str) -> None:
    session.sign_in(name)
    st.rerun()
