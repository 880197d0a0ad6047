"""Who is here: a name, asked once; or where people have accounts, a password, or a word from their provider."""

import logging
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAuthError

from collab.ui import account, session
from collab.ui.pieces import plain
from collab.ui.words import language, word, words_of

MOST_NAMES = 12
LONGEST_NAME = 60
_HERE = Path(__file__).parent / "static"

_form = st.components.v2.component(
    "collab.sign_in",
    html=(_HERE / "sign_in.html").read_text("utf-8"),
    css=(_HERE / "sign_in.css").read_text("utf-8"),
    js=(_HERE / "sign_in.js").read_text("utf-8"),
    isolate_styles=True,
)


def draw() -> None:
    """Ask in the way that this workspace has chosen."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        st.space("large")
        {"none": _trust, "accounts": _password, "oidc": _provider}[session.way()]()


def _trust() -> None:
    """Ask for a name; names that are known are one click away."""
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


def _password() -> None:
    """Ask for name and password. They go to our route, not through Streamlit: only a reply can set such a cookie."""
    st.title(word("sign_in.title"), anchor=False)
    if account.CHANGED in st.session_state:
        st.success(word("account.changed"), icon=":material/check:")
    elif session.cookie_session() and not session.just_left():
        st.info(word("sign_in.again"), icon=":material/lock_clock:")
    _form(key="sign-in", data=_data())
    st.caption(word("sign_in.forgotten"))


def _provider() -> None:
    """Send people to their provider; whoever comes back and is on the list begins a session."""
    st.title(word("sign_in.title"), anchor=False)
    person = session.vouched_for()
    if person is not None:
        _form(key=f"ticket-{session.provider_until()}", data=_data(ticket=session.ticket(person)))
        return
    if session.came_from_provider() and session.provider_until() > session.now():
        session.turn_away()
        st.error(word("sign_in.not_listed"), icon=":material/block:")
        st.markdown(word("sign_in.not_listed_why"))
        st.code(f"--issuer '{_quoted('iss')}' --subject '{_quoted('sub')}'", language=None)
        if st.button(word("sign_in.other")):
            st.logout()
            st.stop()
        return
    if session.came_from_provider():
        st.info(word("sign_in.again"), icon=":material/lock_clock:")
    if st.button(word("sign_in.provider"), type="primary", icon=":material/login:"):
        try:
            st.login()
        except StreamlitAuthError as error:  # the provider isn't set up: whoever runs the server can read why
            logging.getLogger("collab").error("Nobody can sign in: %s", error)
            st.error(word("sign_in.not_set_up"), icon=":material/error:")


def _quoted(claim: str) -> str:
    return str(st.user.get(claim, "")).replace("'", "'\\''")


def _data(**more: str) -> dict[str, object]:
    return {"base": session.base(), "strings": words_of("sign_in"), "lang": language(), **more}


def _enter(name: str) -> None:
    session.sign_in(name)
    st.rerun()
