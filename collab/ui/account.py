"""One's own account, beside one's name: sign out, and change the password."""

import streamlit as st

from collab.errors import WrongPassword
from collab.loop import admitting
from collab.ui import session
from collab.ui.pieces import errors_told
from collab.ui.words import word

CHANGED = "password changed"
"""Whether somebody has just changed their password in this tab, which has ended their session."""


def draw() -> None:
    """Draw the button behind which both are."""
    with st.popover(word("account.open"), type="tertiary"):
        if st.button(word("account.sign_out"), icon=":material/logout:"):
            session.leave()
            st.rerun()
        if session.way() == "accounts":
            _password()


def _password() -> None:
    with st.form("password", border=False):
        st.subheader(word("account.change"), anchor=False)
        told = st.container()  # above the fields: what is under the button may be out of view
        st.caption(word("account.why"))
        old = st.text_input(word("account.old"), type="password", autocomplete="current-password")
        new = st.text_input(word("account.new"), type="password", autocomplete="new-password")
        again = st.text_input(word("account.again"), type="password", autocomplete="new-password")
        sent = st.form_submit_button(word("account.change"))
    if not sent:
        return
    with told, errors_told():
        if new != again:
            st.warning(word("account.differ"))
            return
        try:
            admitting.change_password(session.desk(), old, new, session.now())
        except WrongPassword:
            st.warning(word("account.wrong"))
            return
        st.session_state[CHANGED] = True
        st.rerun()
