"""Home: every project, how far it is, and the one thing to do next."""

import streamlit as st

from collab.domain.access import Right
from collab.domain.certificate import CertificateStatus
from collab.domain.project import Project
from collab.domain.store import ItemFilter
from collab.loop import looking, reporting
from collab.loop.reporting import Overview
from collab.ui import session
from collab.ui.pieces import (
    empty,
    heading,
    import_words,
    job_failed,
    latest_job,
    live_job,
    plain,
    show_rejected_list,
    watch_job,
)
from collab.ui.words import word

WAITING = {"flagged": "flag", "disputed": "balance", "unsure": "help"}
"""States of items that somebody should look at, each with its icon."""
TOLD: dict[CertificateStatus, str] = {
    "auditing": "bolt", "certified": "signature", "refused": "rule", "revoked": "block",
}  # fmt: skip
"""States of certificates that somebody should know of, each with its icon."""


def draw() -> None:
    """Draw the projects, the newest first."""
    projects = looking.projects(session.desk())
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        heading(word("home.title"))
        founds = session.may("administer")
        if projects and founds and st.button(word("home.new"), icon=":material/add:"):
            session.go("new")
    if not projects and not founds:
        empty("inventory_2", word("home.none_yours"), word("home.none_yours_why"))
        return
    if not projects:
        empty("inventory_2", word("home.none"), word("home.none_why"))
        if st.button(word("home.new"), type="primary", icon=":material/add:"):
            session.go("new")
        st.markdown(word("home.demo"))
        st.code("collab demo", language=None)
        return
    wide = min(2, len(projects))
    for start in range(0, len(projects), wide):  # row by row: a phone shows them one below the other, in this order
        for place, project in zip(st.columns(wide, gap="medium"), projects[start:], strict=False):
            with place:
                _project(project)


def _project(project: Project) -> None:
    desk, may = session.desk(), looking.rights(session.desk(), project.id)
    overview = reporting.overview(desk, project.id, session.now())
    progress = overview.progress
    answered = progress.answered
    with st.container(border=True, key=f"project-{project.id}"):
        st.header(plain(project.name), anchor=False)
        st.caption(plain(project.schema.question))
        importing = live_job(overview.jobs, "import")
        last = latest_job(overview.jobs, "import")
        if importing is not None:
            watch_job(project.id, importing.id, what=word("job.import"))
        elif last is not None and last.status == "failed":
            job_failed(last)
        if progress.items:
            share = min(1.0, (answered + progress.machine) / progress.items)
            counts = {"answered": answered, "items": progress.items, "machine": progress.machine}
            told = "home.progress_machine" if progress.machine else "home.progress"
            st.progress(share, text=word(told, **{name: f"{n:,}" for name, n in counts.items()}))
            st.caption(_facts(project, overview))
            if "lead" in may and importing is None and last is not None and last.status == "done":
                _brought(project)
            if "review" in may:
                _waiting(project)
            if "lead" in may:
                _certificate(project)
        elif importing is None:
            st.caption(word("home.no_items"))
        _next_step(project, overview, answered, may)


def _facts(project: Project, overview: Overview) -> str:
    done = reporting.today(session.desk(), project.id, session.annotator(), session.now(), session.utc_offset())
    facts = [word("home.today", n=done, goal=project.policy.daily_goal)]
    if overview.progress.reading < 1:
        facts.append(word("home.reading", share=f"{overview.progress.reading:.0%}"))
    if not overview.worker_alive:
        facts.append(word("home.no_worker"))
    return " · ".join(facts)


def _brought(project: Project) -> None:
    """Say what became of the file that came in last."""
    done = looking.imports(session.desk(), project.id)
    if done:
        number, source, _, report = done[-1]
        st.caption(word("home.brought", source=plain(source), did=import_words(report)))
        show_rejected_list(project.id, report, f"rejected-{number}")


def _waiting(project: Project) -> None:
    """What is left over for somebody to look at, each a link to the list."""
    counts = {s: looking.find(session.desk(), project.id, ItemFilter(state=s), limit=1)[1] for s in WAITING}  # type: ignore[arg-type]  # each is a state
    if any(counts.values()):
        with st.container(horizontal=True, gap="small"):
            for state, count in counts.items():
                if count and st.button(
                    word(f"home.{state}", n=f"{count:,}"), type="tertiary", icon=f":material/{WAITING[state]}:",
                    key=f"{state}-{project.id}",
                ):  # fmt: skip
                    session.open_project(project.id)
                    session.go("data", state=state)


def _certificate(project: Project) -> None:
    """Say where the latest certificate waits for somebody, or was revoked."""
    last = next(iter(looking.certificates(session.desk(), project.id)), None)
    if last is not None and last.status in TOLD:
        icon = f":material/{TOLD[last.status]}:"
        told = word(f"home.certificate_{last.status}", number=last.number)
        if st.button(told, type="tertiary", icon=icon, key=f"certificate-{project.id}"):
            session.open_project(project.id)
            session.go("certify")


def _next_step(project: Project, overview: Overview, answered: int, may: frozenset[Right]) -> None:
    items, parameters = overview.progress.items, {}
    if items and answered + overview.progress.machine >= items and "export" in may:
        label, place = word("home.export"), "export"
    elif items:
        label, place = word("home.continue" if answered else "home.start"), "label"
    elif live_job(overview.jobs, "import") is None and "lead" in may:
        label, place, parameters = word("data.import"), "data", {"part": "import"}
    else:
        return
    if st.button(label, type="primary", key=f"go-{project.id}"):
        session.open_project(project.id)
        session.go(place, **parameters)
