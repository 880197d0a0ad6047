"""Export: what, in which format, and the report. Signed links fetch what was made."""

from datetime import UTC, datetime
from pathlib import PurePosixPath

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Job
from collab.loop import looking, ordering
from collab.loop.exporting import slug
from collab.loop.summarizing import keep, summary
from collab.ui import session
from collab.ui.pieces import empty, heading, job_failed, live_job, plain, watch_job
from collab.ui.report.document import document
from collab.ui.words import word

WHAT = ("mine", "decisions", "annotations")
FORMATS = ("csv", "xlsx", "jsonl", "parquet")
SHOWN = 5


def draw() -> None:
    """Draw the choice, the export under way, and the files made before."""
    project = session.project()
    heading(word("export.title"), plain(project.name) if project else "")
    if project is None or not looking.progress(session.desk(), project.id).items:
        empty("download", word("export.none"), word("export.none_why"))
        return
    _data(project)
    _report(project)


def _data(project: Project) -> None:
    what = st.radio(
        word("export.what"), WHAT, format_func=lambda w: word(f"export.{w}"),
        captions=[word(f"export.{w}_why") for w in WHAT],
    )  # fmt: skip
    form = st.segmented_control(
        word("export.format"), FORMATS, format_func=lambda f: word(f"format.{f}"), default="csv", required=True
    )
    flat = form in ("csv", "xlsx")
    st.caption(word("export.guarding" if flat else "export.exact"))
    if project.schema.many:
        st.caption(word("export.many_cells" if flat else "export.many_lists"))
    export = ordering.export
    if project.personal and session.may("see personal", project.id):
        columns = plain(", ".join(sorted(project.personal)))
        if st.checkbox(word("export.personal", columns=columns), key=f"personal-{project.id}"):
            export = ordering.export_personal
            st.warning(word("export.personal_why"), icon=":material/shield_person:")
    jobs = [job for job in ordering.jobs(session.desk(), project.id, 50) if job.kind == "export"]
    running = live_job(jobs, "export")
    if running is not None:
        watch_job(project.id, running.id, what=word("job.export"))
    elif st.button(word("export.go"), type="primary", icon=":material/download:"):
        export(session.desk(), project.id, {"what": what, "format": form}, session.annotator(), session.now())
        st.rerun()
    ended = [job for job in jobs if job.status in ("done", "failed")][:SHOWN]
    if ended:
        st.header(word("export.before"), anchor=False)
    for job in ended:
        _made(project, job)


def _report(project: Project) -> None:
    place = f"report-{project.id}"
    with st.container(border=True):
        st.header(word("report.title"), anchor=False)
        st.caption(word("report.why"))
        if st.button(word("report.go"), icon=":material/description:", key=f"make-{place}"):
            st.session_state[place] = _write(project)
        if place in st.session_state:
            at, files = st.session_state[place]
            st.caption(word("report.made_at", at=session.clock(at)))
            with st.container(horizontal=True):
                for key, file in files.items():
                    address = session.download_address(file, project.id)
                    st.link_button(word(f"report.{key}"), address, icon=":material/download:", key=f"{key}-{place}")


def _write(project: Project) -> tuple[int, dict[str, str]]:
    """Make the report and write it twice, to read and to compute with; returns when, and the names of its files."""
    desk, now = session.desk(), session.now()
    made = summary(desk, project.id, now)
    start = f"exports/{project.id}-{slug(project.name)}-report-{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d-%H%M%S}"
    files = {"page": f"{start}.html", "figures": f"{start}.json"}
    keep(desk, project.id, {files["page"]: document(made), files["figures"]: made.as_json()})
    return now, files


def _made(project: Project, job: Job) -> None:
    if job.status == "failed":
        job_failed(job)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container():
            what, form = job.payload.get("what", "mine"), job.payload.get("format", "csv")
            st.markdown(
                word(
                    "export.made",
                    what=word(f"export.{what}"),
                    format=word(f"format.{form}"),
                    rows=f"{job.result['rows']:,}",
                    at=session.clock(job.finished_at or job.created_at),
                )
            )
            for count in ("guarded", "altered", "left_out"):
                if n := job.result.get(count, 0):
                    st.caption(word(f"export.{count}", n=f"{n:,}"))
        file = f"exports/{PurePosixPath(job.result['file']).name}"
        if not looking.is_there(session.desk(), project.id, file):
            st.caption(word("export.gone"))
            return
        st.link_button(
            word("export.fetch"),
            session.download_address(file, project.id),
            icon=":material/download:",
            key=f"fetch-{project.id}-{job.id}",
        )
