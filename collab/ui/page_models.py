"""Models: which one suggests, fine-tune it in the background, hold versions against each other, switch between them."""

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Job
from collab.domain.version import ModelVersion, makers
from collab.loop import escalating, looking, ordering, reporting
from collab.ui import bundle, comparison, lineage, network, session, tuning
from collab.ui.naming import encoder_words, head_words
from collab.ui.pieces import empty, errors_told, heading, live_job, plain
from collab.ui.quality import agreement
from collab.ui.words import word

MOST_JOBS = 200
WATCH_SECONDS = 2.0


def draw() -> None:
    """Draw what suggests now, the fine-tuning, the comparison of versions, the versions, and the plain network."""
    project = session.project()
    heading(word("models.title"), plain(project.name) if project else "")
    decided = looking.progress(session.desk(), project.id).decided if project else 0
    if project is None or not decided:
        empty("model_training", word("models.none"), word("models.none_why"))
        return
    models = looking.models(session.desk(), project.id)
    jobs = ordering.jobs(session.desk(), project.id, MOST_JOBS)
    _now(project, models, jobs)
    with errors_told():  # what lies on the disk may be amiss; who suggests can be chosen all the same
        tuning.draw(project, [job for job in jobs if job.kind == escalating.JOB], models, decided)
        comparison.draw(project, models)
    if models:
        lineage.draw(project, models)
    trainings = [job for job in jobs if job.kind == "train"]
    opened = f"network-{project.id}"
    if live_job(trainings, "train") is not None:
        st.session_state[opened] = True  # what it comes to shall not be hidden when it ends
    with st.expander(word("models.plainly"), expanded=opened in st.session_state):
        network.draw(project, trainings, decided)


def _now(project: Project, models: tuple[ModelVersion, ...], jobs: list[Job]) -> None:
    champion = next((m for m in models if m.status == "champion"), None)
    last = looking.last_round(session.desk(), project.id)
    with st.container(border=True):
        st.header(word("models.now_title"), anchor=False)
        if champion is None:
            st.markdown(word("models.now_none"))
            return
        st.markdown(suggesting(champion, models, session.clock(champion.record.suggests_since or champion.at)))
        if last is None or last.model != champion.id:
            # The timer ends with the wait: then the page is drawn anew, without it.
            st.fragment(_soon, run_every=WATCH_SECONDS)(project, champion.id)
            return
        st.caption(word("models.now_labels", n=f"{last.labels:,}"))
        overview = reporting.overview(session.desk(), project.id, session.now())
        report = reporting.accuracy(session.desk(), project.id)
        waiting = max(0, overview.progress.audited - report.judged - report.retired)  # since the last fit
        st.markdown(agreement(report, waiting, overview.progress.reading))
        if report.chose:
            st.caption(word("insights.chose", k=f"{report.chose:,}", n=f"{report.judged:,}"))
        st.caption(word("insights.how"))
        bundle.draw(project, champion.id, jobs)


def _soon(project: Project, version: int) -> None:
    last = looking.last_round(session.desk(), project.id)
    if last is not None and last.model == version:
        st.rerun()
    st.caption(word("models.now_soon"))


def suggesting(champion: ModelVersion, models: tuple[ModelVersion, ...], since: str) -> str:
    """Which version suggests, since when, and what it is."""
    said = {"n": champion.id, "since": since, "head": plain(head_words(champion.head))}
    making = champion.record.making
    if making is None or making.method == "mlp":
        return word("models.now_is", **said, encoder=plain(encoder_words(champion.encoder, makers(models))))
    return word("models.now_tuned", **said, labels=f"{making.labels:,}")
