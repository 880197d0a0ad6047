"""Who is here and which project is open: the typed front of Streamlit's session, and the way to a desk.

Pages never get the store itself: a desk is opened only by verbs that check what the person may do.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from collab.domain.access import Right, SignIn
from collab.domain.project import Project
from collab.domain.store import Store
from collab.errors import Conflict, Forbidden, SignedOut, UnknownName
from collab.loop import admitting, looking, permitting
from collab.loop.permitting import Desk
from collab.ui.grants import (
    Download,
    Grant,
    issue_download,
    issue_grant,
    issue_media,
    issue_name,
    issue_ticket,
    read_name,
    session_of,
)

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
    return Desk(_store(), *_here())


def may(right: Right, project_id: int | None = None) -> bool:
    """Whether who is here has a right, in a project or in the workspace: what they can't do is not offered."""
    return right in looking.rights(desk(), project_id)


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
    """Whether the person sits at the machine that serves: only they may name its files, and nobody where several may
    come in, for a proxy's requests come from this machine too."""
    return way() == "none" and st.context.ip_address is None and "X-Forwarded-For" not in st.context.headers


def way() -> SignIn:
    """How people say here who they are."""
    return _store().sign_in_way()


def annotator() -> str:
    """Who is here; "" where nobody has said so."""
    return _here()[0]


def _here() -> tuple[str, str]:
    """Who is here, and their session; both are "" for nobody.

    Where people sign in, their browser's cookie says it, in each run anew. Where names are taken on trust, a browser
    remembers its last name in a signed cookie.
    """
    how = way()
    if how != "none":
        session = cookie_session()
        person = _store().signed_in(session, now()) if session else None
        if person is None or (how == "oidc" and vouched_for() != person):
            return "", ""
        return person, session
    if "annotator" not in st.session_state:
        remembered = st.context.cookies.get(COOKIE)
        st.session_state["annotator"] = (remembered and read_name(_store().secret(), remembered)) or ""
    return str(st.session_state["annotator"]), ""


def cookie_session() -> str:
    """The session that the browser's cookie names, whether it lasts or not; "" for none."""
    return session_of(_store().secret(), st.context.cookies.to_dict())


def vouched_for() -> str | None:
    """Whom the identity provider vouches for now; None: nobody, or somebody who isn't on the list."""
    if not came_from_provider() or not provider_until() > now():
        return None
    found = admitting.vouched(_store(), str(st.user.get("iss", "")), str(st.user.get("sub", "")))
    return None if found is None else found.name


def came_from_provider() -> bool:
    """Whether somebody has signed in with the provider, however long ago."""
    return bool(st.user.get("is_logged_in"))  # as an attribute it isn't there where no provider is set up


def provider_until() -> int:
    """When the identity provider's word runs out; milliseconds. Streamlit itself never looks at it."""
    said = st.user.get("exp")
    return int(said) * 1000 if isinstance(said, int | float) else 0


def ticket(person: str) -> str:
    """A page's word to the sign-in route that the identity provider vouches for a person."""
    return issue_ticket(_store().secret(), person, provider_until())


def turn_away() -> None:
    """Keep that somebody came who isn't on the list, once in a session."""
    said = str(st.user.get("iss", "")), str(st.user.get("sub", ""))
    if st.session_state.get("turned away") != said:
        st.session_state["turned away"] = said
        admitting.turn_away(_store(), *said, now())


def sign_in(name: str) -> None:
    """Take a name. Raises `SignedOut` where names are not taken on trust, `Conflict` where it is a pseudonym."""
    if way() != "none":
        raise SignedOut
    if any(person.erased and person.name == name for person in _store().people()):
        raise Conflict(f"{name} stands for somebody who was erased. Choose another name.")
    _store().add_annotator(name)
    st.session_state["annotator"] = name


def known_names() -> tuple[str, ...]:
    """Names that were given here before, where they are taken on trust."""
    return _store().annotators() if way() == "none" else ()


def leave() -> None:
    """Be nobody again; the next page asks who is here."""
    how = way()
    if how == "none":
        st.session_state["annotator"] = ""
        return
    permitting.leave(desk())
    st.session_state.clear()  # drafts and choices are not the next person's
    st.session_state["left"] = True
    if how == "oidc":
        st.logout()
        st.stop()  # the browser goes there next; another run before that would find the provider's word, and sign in


def just_left() -> bool:
    """Whether somebody signed out here, in this tab: their session didn't end by itself."""
    return "left" in st.session_state


def remembered_name() -> str:
    """The cookie's value that belongs to who is here; "" for nobody, and where people sign in."""
    who = annotator() if way() == "none" else ""
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


def turn_to(page: str) -> None:
    """Forget which page was refused when another one is opened: to come back to it is to try again."""
    if st.session_state.get("refused") != page:
        st.session_state.pop("refused", None)


def refuse_page(name: str, right: Right | None) -> None:
    """Refuse a page to who is here, and keep in the access log that they opened it: once, not with each run of it.

    Args:
        right: What they lack in the open project; None: they don't administer the workspace.

    Raises:
        Forbidden: Always.
    """
    if st.session_state.get("refused") != name:
        st.session_state["refused"] = name
        opened = project() if right else None
        permitting.refuse(desk(), f"page {name}", right or "administer", opened.id if opened else None)
    raise Forbidden(right or "administer")


def go(place: str, **parameters: str) -> None:
    """Turn to another page, on the open project unless `parameters` name one."""
    opened = {"project": str(st.session_state["project"])} if "project" in st.session_state else {}
    pages = st.session_state["pages"]  # those alone that who is here may see
    st.switch_page(pages.get(place, pages["home"]), query_params={**opened, **parameters})


def grant(project_id: int, *, chosen: bool = False) -> str:
    """A card's right to answer for who is here."""
    who, session = _here()
    key = f"grant:{who}:{session}:{project_id}:{chosen}"
    if key not in st.session_state:  # constant for the session: a new value would make the card start anew
        st.session_state[key] = issue_grant(
            _store().secret(), Grant(who, project_id, chosen=chosen, utc_offset=utc_offset(), session=session)
        )
    return str(st.session_state[key])


def download_address(name: str, project_id: int | None, right: Right = "export") -> str:
    """A signed link to a file of a project, or of the workspace: for an hour, for who is here, while they may."""
    who, session = _here()
    link = Download(name, project_id, right, who, session)
    return f"{base()}/api/v1/download/{name}?t={issue_download(_store().secret(), link)}"


def image_link(project_id: int) -> Callable[[str], str]:
    """From the name of a stored view or thumbnail to its signed address, the same all day."""
    secret, start = _store().secret(), f"{base()}/api/v1/"
    return lambda name: f"{start}{name}?t={issue_media(secret, project_id, name, time.time())}"


def _opened(found: Project) -> Project:
    if st.session_state.get("project") != found.id:
        st.session_state["project"] = found.id
    return found
