"""Pieces that several pages draw: plain text in Markdown, errors, empty places, jobs under way, times."""

import re
import string
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from collab.domain.run import ImportReport, Job
from collab.errors import SignedOut, StorageError, UserError
from collab.loop import ordering
from collab.loop.rejecting import first_rejected
from collab.ui import session
from collab.ui.sentences import sentence, told
from collab.ui.words import word

_MARKS = str.maketrans({c: f"&#{ord(c)};" for c in string.punctuation if c not in ",;'\"?%/"} | {"\n": " ", "\r": " "})
_READ_LATER = re.compile(r"(?<=www)(?=\.)|(?<=:)(?=//|streamlit:)|(?<=@)(?=\S)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)
"""Places within what Streamlit looks for once the marks are undone: links, addresses, its logo, arrows, dashes."""
_JOINER = "\N{WORD JOINER}"
"""Has no width, and lines don't break at it."""

SHOWN_REJECTED = 200
LIVE = ("queued", "running")


def plain(text: str) -> str:
    """Make text of a person or a file safe where Streamlit reads Markdown: captions, labels of buttons, headings."""
    return _READ_LATER.sub(_JOINER, text).translate(_MARKS)


def typed_as(typed: str, name: str) -> bool:
    """Whether somebody typed a name, or copied it from where it is plain text in Markdown."""
    return typed.replace(_JOINER, "").strip() == name


@contextmanager
def errors_told() -> Iterator[None]:
    """Show an error that was raised on purpose as its sentence, in place of what could not be drawn."""
    try:
        yield
    except StorageError as error:
        st.error(plain(told(error)), icon=":material/cloud_off:")
        st.button(word("errors.try_again"), key="try_again")
    except SignedOut as error:
        st.error(plain(str(error)), icon=":material/lock_clock:")
        if st.button(word("sign_in.over"), key="sign_in_again"):
            st.rerun(scope="app")
    except UserError as error:
        st.error(plain(told(error)), icon=":material/error:")


def heading(title: str, text: str = "") -> None:
    """The title of a page and the sentence under it."""
    st.title(title, anchor=False)
    if text:
        st.caption(text)


def empty(icon: str, title: str, text: str) -> None:
    """Say why a place is empty; what to do about it follows as a button."""
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        st.space("small")
        st.header(f":material/{icon}: {title}", anchor=False, text_alignment="center")
        st.caption(text, text_alignment="center")
        st.space("small")


def no_project(icon: str, title: str, text: str) -> None:
    """Say that there is no project, and what to do about it; to who may make none: whom to ask."""
    if session.may("administer"):
        empty(icon, title, text)
    else:
        empty(icon, word("home.none_yours"), word("home.none_yours_why"))


def duration(seconds: float) -> str:
    """A time in words, no more exact than it is known: minutes under two hours, else hours."""
    if seconds >= 7200:
        return word("time.hours", n=f"{seconds / 3600:,.0f}" if seconds >= 36_000 else f"{seconds / 3600:.1f}")
    minutes = max(1, round(seconds / 60))
    return word("time.minutes", n=minutes) if minutes > 1 else word("time.minute")


def import_words(report: ImportReport) -> str:
    """What became of a file's rows, in a sentence."""
    return word(
        "import.did", added=f"{report.added:,}", changed=f"{report.changed:,}", same=f"{report.duplicates:,}",
        rejected=f"{report.rejected:,}", answers=f"{report.answers:,}",
    )  # fmt: skip


def show_rejected_list(project: int, report: ImportReport, key: str) -> None:
    """What an import couldn't take and why, where there is some, and the way to the whole list."""
    if not report.rejected_file:
        return
    found = first_rejected(session.desk(), project, report, SHOWN_REJECTED)
    with st.expander(word("import.rejected_n", n=f"{report.rejected:,}")):
        if found:
            place = word("data.file_name" if found[0].named else "data.line")
            st.dataframe(
                [{place: refusal.place, word("data.reason"): sentence(refusal.reason)} for refusal in found],
                hide_index=True, width="stretch", height=260 if len(found) > 6 else "auto", key=f"{key}-list",
            )  # fmt: skip
        if report.rejected > len(found):
            st.caption(word("import.rejected_first", n=f"{len(found):,}"))
        address = session.download_address(report.rejected_file, project, "lead")
        st.link_button(word("import.rejected"), address, type="tertiary", key=key)


def live_job(jobs: tuple[Job, ...] | list[Job], kind: str) -> Job | None:
    """The job of a kind that is under way."""
    return next((job for job in jobs if job.kind == kind and job.status in LIVE), None)


def latest_job(jobs: tuple[Job, ...] | list[Job], kind: str) -> Job | None:
    """The newest job of a kind, ended or not."""
    return max((job for job in jobs if job.kind == kind), key=lambda job: job.id, default=None)


@st.fragment(run_every=1.5)
def watch_job(project: int, number: int, *, what: str) -> None:
    """Show a job that is under way, with a way to stop it; when it ends, the page is drawn anew.

    Mount it only while the job is under way: a timer that runs on would cost every open tab.
    """
    with errors_told():
        job = ordering.job(session.desk(), project, number)
        if job.status not in LIVE:
            st.rerun()
        words = {"what": what, "share": f"{job.progress:.0%}", "rows": job.message}
        waiting = "job.waiting" if job.status == "queued" else "job.stopping" if job.cancel_requested else ""
        if not waiting and not job.progress:
            waiting = "job.starting"
        st.progress(job.progress, text=word(waiting or ("job.rows" if job.message else "job.running"), **words))
        if session.may("lead", project) and st.button(
            word("job.cancel"), key=f"cancel-{number}", disabled=job.cancel_requested
        ):
            ordering.cancel(session.desk(), project, number)
            st.rerun(scope="fragment")


def job_failed(job: Job) -> None:
    """Say why a job failed."""
    st.error(word("job.failed", why=plain(sentence(job.message))), icon=":material/error:")
