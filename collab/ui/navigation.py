"""Which pages there are; the script that Streamlit runs, for each person and each run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from collab.domain.access import Right
from collab.loop import looking
from collab.ui import (
    account,
    page_answers,
    page_certify,
    page_data,
    page_experts,
    page_export,
    page_home,
    page_insights,
    page_label,
    page_models,
    page_new,
    page_privacy,
    page_review,
    page_settings,
    page_team,
    page_who,
    session,
    speaking,
    words,
)
from collab.ui.pieces import errors_told, plain
from collab.ui.sentences import sentence
from collab.ui.words import WORDS, language, word

STATIC = Path(__file__).parent / "static"

_remember = st.components.v2.component(
    "collab.remember",
    js="""export default ({ data }) => {
      if (data.lang) document.documentElement.lang = data.lang;
      const safe = location.protocol === "https:" ? "; secure" : "";
      const age = data.value ? 31536000 : 0;
      document.cookie = `${data.name}=${data.value}; path=${data.path}; max-age=${age}; samesite=strict${safe}`;
    };""",
)


def main() -> None:
    """Draw the page that the address names, or ask who is here."""
    words.speak_else(speaking.found)
    words.speak(speaking.language())
    st.set_page_config(page_title="collab", page_icon=str(STATIC / "icon.svg"), layout="wide")
    st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"), size="large")
    speaking.dress()
    with errors_told():
        here = session.annotator()
        allowed = _allowed()
        pages = {place.name: _page(place, place.name in allowed) for places in SECTIONS.values() for place in places}
        session.know_pages(pages)
        page = st.navigation(_sections(pages, allowed), position="sidebar" if here else "hidden", expanded=True)
        if not here:
            page_who.draw()
            speaking.offer_languages()
            _remember_choices()
            return
        with st.sidebar:
            _sidebar(here, on_the_card=_has_card(page.url_path))
        _trouble()
        session.turn_to(page.url_path)
        page.run()


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation."""

    name: str
    draw: Callable[[], None]
    icon: str
    right: Right | None = None
    """Right in the open project without which it isn't offered; what it does is checked in the loop."""
    hidden: bool = False


SECTIONS: dict[str, tuple[Place, ...]] = {
    "": (
        Place("home", page_home.draw, "home"),
        Place("new", page_new.draw, "add", hidden=True),
    ),
    "asking": (
        Place("label", page_label.draw, "bolt", "annotate"),
        Place("review", page_review.draw, "rule", "review"),
        Place("answers", page_answers.draw, "history", "annotate"),
    ),
    "items": (
        Place("data", page_data.draw, "table_rows", "see"),
        Place("export", page_export.draw, "download", "export"),
    ),
    "quality": (
        Place("insights", page_insights.draw, "show_chart", "see"),
        Place("agreement", page_experts.draw, "groups", "see"),
        Place("certify", page_certify.draw, "verified", "lead"),
    ),
    "project": (
        Place("models", page_models.draw, "model_training", "lead"),
        Place("settings", page_settings.draw, "tune", "lead"),
        Place("team", page_team.draw, "group", "administer"),
        Place("privacy", page_privacy.draw, "shield_person", "administer"),
    ),
}
"""The pages, in the order and under the headings of the navigation."""
OF_ROLES = ("review", "lead", "export", "administer")
"""Rights of which nobody has use who has no project, but for administrators."""


def _allowed() -> frozenset[str]:
    """Names of the pages that who is here may see."""
    every = [place for places in SECTIONS.values() for place in places]
    if not session.annotator():
        return frozenset(place.name for place in every)
    project, desk = session.project(), session.desk()
    may, administers = looking.rights(desk, project.id if project else None), "administer" in looking.rights(desk)
    return frozenset(
        place.name
        for place in every
        if (place.name != "new" or administers)
        and (place.right is None or place.right in may or (project is None and place.right not in OF_ROLES))
    )


def _page(place: Place, allowed: bool) -> StreamlitPage:
    """A page, or in its place, for who may not see it, a sentence and no way there."""

    def refuse() -> None:
        session.refuse_page(place.name, place.right)

    return st.Page(
        place.draw if allowed else refuse,
        title=word(f"nav.{place.name}"),
        icon=f":material/{place.icon}:",
        default=place.name == "home",
        url_path=None if place.name == "home" else place.name,
        visibility="visible" if allowed and not place.hidden else "hidden",
    )


def _sections(pages: Mapping[str, StreamlitPage], allowed: frozenset[str]) -> dict[str, list[StreamlitPage]]:
    """The pages by heading; a section of which nothing is offered has none."""
    offered = {name: [pages[p.name] for p in places if p.name in allowed] for name, places in SECTIONS.items()}
    offered[""] += [page for name, page in pages.items() if name not in allowed]
    return {word(f"nav.section_{name}") if name else "": found for name, found in offered.items() if found}


def _trouble() -> None:
    """Say above every page what keeps the model from learning: else nobody would notice that it has stopped."""
    project = session.project()
    said = looking.progress(session.desk(), project.id).worker if project is not None else ""
    if f"worker.{said}" not in WORDS[language()]:  # a sentence that says what went wrong
        st.error(word("nav.trouble", why=plain(sentence(said))), icon=":material/error:")


def _has_card(page: str) -> bool:
    """Whether a page shows the card: it doesn't without a project, nor asks where there are no items."""
    project = session.project()
    if project is None:
        return False
    return page == "review" or (page == "label" and looking.progress(session.desk(), project.id).items > 0)


def _sidebar(here: str, *, on_the_card: bool) -> None:
    projects = looking.projects(session.desk())
    project = session.project()
    if project is not None:
        names = {p.id: p.name for p in projects}
        if len(names) > 1:
            chosen = st.selectbox(
                word("nav.project"), list(names), index=list(names).index(project.id), format_func=names.__getitem__
            )
            if chosen != project.id:
                session.open_project(chosen)
                st.rerun()
        else:
            st.caption(plain(project.name))
        session.open_project(project.id)
    if not on_the_card:  # the card says itself who is here, and asks
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/person: {plain(here)}")
            if session.way() != "none":
                account.draw()
            elif st.button(word("nav.not_you"), type="tertiary"):
                session.leave()
                st.rerun()
    speaking.offer_languages()
    _remember_choices()


def _remember_choices() -> None:
    """Let the browser keep who is here, or forget who was; and the language."""
    path = session.base() or "/"
    for name, value in ((session.COOKIE, session.remembered_name()), (speaking.COOKIE, words.language())):
        _remember(key=f"remember-{name}", data={"name": name, "value": value, "path": path, "lang": words.language()})


main()
