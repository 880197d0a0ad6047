"""Which pages there are; the script that Streamlit runs, for each person and each run."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from collab.domain.access import Right
from collab.errors import Forbidden
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
    words.speak_else(speaking.language)
    words.speak(speaking.language())
    st.set_page_config(page_title="collab", page_icon=str(STATIC / "icon.svg"), layout="wide")
    st.logo(str(STATIC / "logo.svg"), icon_image=str(STATIC / "icon.svg"), size="large")
    speaking.dress()
    with errors_told():
        here = session.annotator()
        pages = {
            "home": st.Page(page_home.draw, title=word("nav.home"), icon=":material/home:", default=True),
            "label": st.Page(page_label.draw, title=word("nav.label"), icon=":material/bolt:", url_path="label"),
            "answers": st.Page(
                page_answers.draw, title=word("nav.answers"), icon=":material/history:", url_path="answers"
            ),
            "review": st.Page(page_review.draw, title=word("nav.review"), icon=":material/rule:", url_path="review"),
            "data": st.Page(page_data.draw, title=word("nav.data"), icon=":material/table_rows:", url_path="data"),
            "insights": st.Page(
                page_insights.draw, title=word("nav.insights"), icon=":material/show_chart:", url_path="insights"
            ),
            "experts": st.Page(
                page_experts.draw, title=word("nav.experts"), icon=":material/groups:", url_path="agreement"
            ),
            "models": st.Page(
                page_models.draw, title=word("nav.models"), icon=":material/model_training:", url_path="models"
            ),
            "certify": st.Page(
                page_certify.draw, title=word("nav.certify"), icon=":material/verified:", url_path="certify"
            ),
            "export": st.Page(
                page_export.draw, title=word("nav.export"), icon=":material/download:", url_path="export"
            ),
            "settings": st.Page(
                page_settings.draw, title=word("nav.settings"), icon=":material/tune:", url_path="settings"
            ),
            "privacy": st.Page(
                page_privacy.draw,
                title=word("nav.privacy"),
                icon=":material/shield_person:",
                url_path="privacy",
            ),
            "new": st.Page(page_new.draw, title=word("nav.new"), url_path="new", visibility="hidden"),
        }
        pages = _allowed(pages)
        session.know_pages(pages)
        page = st.navigation(list(pages.values()), position="sidebar" if here else "hidden")
        if not here:
            page_who.draw()
            speaking.offer_languages()
            _remember_choices()
            return
        with st.sidebar:
            _sidebar(here, on_the_card=page in (pages["label"], pages["review"]))
        _trouble()
        page.run()


NEEDS: dict[str, Right] = {
    "label": "annotate", "answers": "annotate", "review": "review", "data": "see", "insights": "see", "experts": "see",
    "models": "lead", "certify": "lead", "export": "export", "settings": "lead", "privacy": "administer",
}  # fmt: skip
"""Right in the open project without which a page isn't offered; what it does is checked in the loop."""
OF_LEADS = ("lead", "export", "administer")


def _allowed(pages: dict[str, StreamlitPage]) -> dict[str, StreamlitPage]:
    """The pages, with a sentence in place of those that who is here may not see, and no way there."""
    if not session.annotator():
        return pages
    project, desk = session.project(), session.desk()
    may = looking.rights(desk, project.id if project else None)
    hidden = {name for name, right in NEEDS.items() if right not in may and (project or right in OF_LEADS)}
    if "administer" not in looking.rights(desk):
        hidden.add("new")
    return {name: _instead(name, page) if name in hidden else page for name, page in pages.items()}


def _instead(name: str, page: StreamlitPage) -> StreamlitPage:
    def draw() -> None:
        raise Forbidden(NEEDS.get(name, "administer"))

    return st.Page(draw, title=page.title, url_path=page.url_path, visibility="hidden")


def _trouble() -> None:
    """Say above every page what keeps the model from learning: else nobody would notice that it has stopped."""
    project = session.project()
    said = looking.progress(session.desk(), project.id).worker if project is not None else ""
    if f"worker.{said}" not in WORDS[language()]:  # a sentence that says what went wrong
        st.error(word("nav.trouble", why=plain(sentence(said))), icon=":material/error:")


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
