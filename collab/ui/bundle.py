"""Take the model that suggests along, on Models: one file, made by the worker, behind a signed link."""

from typing import Final

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Job
from collab.loop import looking, ordering
from collab.ui import session
from collab.ui.pieces import job_failed, latest_job, live_job, plain, watch_job
from collab.ui.words import word

JOB: Final = "bundle"


def draw(project: Project, version: int, jobs: list[Job]) -> None:
    """Draw the button, or the file under way, and the newest one that was made.

    Args:
        project: With a model that suggests.
        version: That model: what was made of another one is not offered beside it.
        jobs: Its jobs, newest first.
    """
    running, last = live_job(jobs, JOB), latest_job(jobs, JOB)
    if running is not None:
        watch_job(project.id, running.id, what=word("job.bundle"))
        return
    personal = [f.name for f in project.fields if f.personal and f.encoded]
    whole = bool(personal) and st.checkbox(word("bundle.personal", columns=plain(", ".join(personal))))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(word("bundle.go"), icon=":material/inventory_2:", help=word("bundle.why")):
            ordering.order(session.desk(), project.id, JOB, {"personal": whole}, session.annotator(), session.now())
            st.rerun()
        made = last is not None and last.status == "done" and str(last.result["model"]).startswith(f"{version}.")
        if made and last is not None and looking.is_there(session.desk(), project.id, str(last.result["file"])):
            told = {"model": plain(str(last.result["model"])), "size": f"{last.result['bytes'] / 1e6:,.0f}"}
            address = session.download_address(str(last.result["file"]), project.id)
            st.link_button(word("bundle.fetch", **told), address, icon=":material/download:", key=f"bundle-{last.id}")
    if last is not None and last.status == "failed":
        job_failed(last)
