"""Who is here and which project is open: the typed front of Streamlit's session, and the way to a desk.

Pages never get the store itself: a desk is opened only by verbs that check what the person may do.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from collab.domain.access import Right
from collab.domain.project import Project
from collab.domain.store import Store
from collab.errors import UnknownName
from collab.loop import looking
from collab.loop.permitting import Desk
from collab.ui.grants import Grant, issue_download, issue_grant, issue_media, issue_name, read_name

COOKIE = "collab_who"


@st.cache_resource(show_spinner=False)
def _held() -> dict[str, object]:
    """What the server hands to the pages. A cached resource outlives a reload of this module; a global would not."""
    return {}


def hold(store: Store, base: str = "") -> None:
    """Make a store the one that pages work on, under a path prefix."""
    _held().update(store=store, base=f"/{base.strip('/')}" if base.strip("/") else "")


def desk() -> Desk:
    """The store on behalf of who is here."""
    return Desk(_store(), annotator())


def may(right: Right, project_id: int | None = None) -> bool:
    """Whether who is here has a right, in a project or in the workspace: what they can't do is not offered."""
    return right in looking.rights(desk(), project_id)


def is_administrator() -> bool:
    """Whether who is here administers the workspace, or the open project."""
    if not annotator():
        return False
    found = project()
    return may("administer") or (found is not None and may("administer", found.id))


def _store() -> Store:
    """The store of this server."""
    held: Store = _held()["store"]  # type: ignore[assignment]  # put there by hold
    return held


def base() -> str:
    """The path prefix of this server, "" or "/x"."""
    return str(_held()["base"])


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def utc_offset() -> int:
    """Minutes that the person's clock is ahead of UTC."""
    behind = st.context.timezone_offset
    return -behind if behind is not None else 0


def clock(at: int) -> str:
    """A moment, in milliseconds since 1970, as the person's own clock and calendar say it."""
    return f"{datetime.fromtimestamp(at / 1000, timezone(timedelta(minutes=utc_offset()))):%Y-%m-%d %H:%M}"


def at_this_machine() -> bool:
    """Whether the person sits at the machine that serves: only they may name its files."""
    return st.context.ip_address is None and "X-Forwarded-For" not in st.context.headers


def annotator() -> str:
    """Who is here; "" where nobody has said so. A browser remembers its last name in a signed cookie."""
    if "annotator" not in st.session_state:
        remembered = st.context.cookies.get(COOKIE)
        st.session_state["annotator"] = (remembered and read_name(_store().secret(), remembered)) or ""
    return str(st.session_state["annotator"])


def sign_in(name: str) -> None:
    """Take a name."""
    _store().add_annotator(name)
    st.session_state["annotator"] = name


def known_names() -> tuple[str, ...]:
    """Names that were given here before."""
    return _store().annotators()


def leave() -> None:
    """Be nobody again; the next page asks for a name."""
    st.session_state["annotator"] = ""


def remembered_name() -> str:
    """The cookie's value that belongs to who is here; "" for nobody."""
    who = annotator()
    return issue_name(_store().secret(), who) if who else ""


def project() -> Project | None:
    """The open project: named by the address, else the last one opened here, else the newest."""
    if not annotator():
        return None
    wanted = st.query_params.get("project") or st.session_state.get("project")
    with suppress(UnknownName, ValueError):
        if wanted is not None:
            return _opened(looking.project(desk(), int(wanted)))
    newest = next(iter(looking.projects(desk())), None)
    return newest and _opened(newest)


def open_project(project_id: int) -> None:
    """Make a project the open one."""
    st.session_state["project"] = project_id
    if st.query_params.get("project") != str(project_id):  # each setting is an entry in the browser's history
        st.query_params["project"] = str(project_id)


def forget_project() -> None:
    """Have no project open."""
    st.session_state.pop("project", None)
    st.query_params.pop("project", None)


def know_pages(pages: Mapping[str, StreamlitPage]) -> None:
    """Keep the pages of this run, for `go`."""
    st.session_state["pages"] = pages


def go(place: str, **parameters: str) -> None:
    """Turn to another page, on the open project unless `parameters` name one."""
    opened = {"project": str(st.session_state["project"])} if "project" in st.session_state else {}
    st.switch_page(st.session_state["pages"][place], query_params={**opened, **parameters})


def grant(project_id: int, *, chosen: bool = False) -> str:
    """A card's right to answer for who is here."""
    key = f"grant:{annotator()}:{project_id}:{chosen}"
    if key not in st.session_state:  # constant for the session: a new value would make the card start anew
        st.session_state[key] = issue_grant(
            _store().secret(), Grant(annotator(), project_id, chosen=chosen, utc_offset=utc_offset())
        )
    return str(st.session_state[key])


def download_address(name: str) -> str:
    """A signed link to a file of the workspace, good for an hour."""
    return f"{base()}/api/v1/download/{name}?t={issue_download(_store().secret(), name)}"


def image_link(project_id: int) -> Callable[[str], str]:
    """From the name of a stored view or thumbnail to its signed address, the same all day."""
    secret, start = _store().secret(), f"{base()}/api/v1/"
    return lambda name: f"{start}{name}?t={issue_media(secret, project_id, name, time.time())}"


def _opened(found: Project) -> Project:
    if st.session_state.get("project") != found.id:
        st.session_state["project"] = found.id
    return found
