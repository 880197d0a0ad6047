"""Import more into a project: what is new comes in, what has changed is shown first, what is missing stays."""

from pathlib import Path

import streamlit as st

from collab.domain.project import Project
from collab.loop import guessing, importing, looking, ordering
from collab.loop.planning import ImportPlan, plan_from
from collab.ui import columns, session
from collab.ui.pieces import import_words, job_failed, latest_job, live_job, plain, show_rejected_list, watch_job
from collab.ui.upload import ask_for_file, look, show_preview
from collab.ui.words import word

ON_CHANGE = ("keep", "replace", "add")


def draw(project: Project) -> None:
    """Draw the import under way, else the form for the next one; then the ones before."""
    desk = session.desk()
    jobs = ordering.jobs(desk, project.id)
    running, last = live_job(jobs, "import"), latest_job(jobs, "import")
    if running is not None:
        watch_job(project.id, running.id, what=word("job.import"))
    else:
        if last is not None and last.status == "failed":
            job_failed(last)
        _form(project, f"import-{project.id}-{last.id if last else 0}")  # another form: an import ends with its upload
    _history(project)


def _form(project: Project, key: str) -> None:
    found = ask_for_file(key)
    if found is None:
        st.caption(word("import.why"))
        return
    table = columns.reading_options(look(found.path, found.name), found.name)
    guesses = columns.column_editor(guessing.guess(table), key=f"{key}-columns-{found.path.name}")
    show_preview(table)
    draft = {"table": table, "guesses": guesses, "fields": project.fields}
    choices = draft["choices"] = columns.answer_options(draft)
    ready = columns.can_go_on(draft)
    plan = plan_from(guesses, project, **choices)
    if plan.id_column:
        on_change = st.radio(
            word("import.on_change"), ON_CHANGE, format_func=lambda c: word(f"on_change.{c}"),
            captions=[word(f"on_change.{c}_why") for c in ON_CHANGE],
        )  # fmt: skip
        plan = plan_from(guesses, project, **choices, on_change=on_change)
        if ready:
            _differences(project, found.path, plan, f"{key}-changes")
    if st.button(word("import.go"), type="primary", disabled=not ready):
        ordering.order(session.desk(), project.id, "import", found.payload(plan), session.annotator(), session.now())
        st.rerun()


def _differences(project: Project, path: Path, plan: ImportPlan, key: str) -> None:
    """Say on request what the import would change."""
    if st.button(word("import.compare"), help=word("import.compare_why")):
        with st.spinner(word("import.comparing")):
            st.session_state[key] = (
                path,
                importing.preview_changes(
                    session.desk(), project, path, plan, now=session.now(), progress=lambda _share, _rows: False
                ),
            )
    seen = st.session_state.get(key)
    if seen is None or seen[0] != path:
        return
    changes = seen[1]
    report = changes.report
    st.markdown(
        word(
            "import.would",
            added=f"{report.added:,}",
            changed=f"{report.changed:,}",
            same=f"{report.duplicates:,}",
            rejected=f"{report.rejected:,}",
        )
    )
    if changes.examples:
        rows = [
            {
                word("data.ref"): ref,
                word("import.field"): field,
                word("import.here"): str(now.get(field, "")),
                word("import.file"): str(then.get(field, "")),
            }
            for ref, now, then in changes.examples
            for field in now.keys() | then.keys()
            if now.get(field) != then.get(field)
        ]
        st.dataframe(rows, hide_index=True, width="stretch", height=260 if len(rows) > 6 else "auto")


def _history(project: Project) -> None:
    done = looking.imports(session.desk(), project.id)
    if not done:
        return
    st.header(word("import.before"), anchor=False)
    for number, source, at, report in reversed(done):
        with st.container(border=True):
            st.markdown(f"**{plain(source)}** · {session.clock(at)}")
            st.caption(import_words(report))
            if report.answers_left:
                st.caption(word("import.answers_left", n=f"{report.answers_left:,}"))
            show_rejected_list(project.id, report, f"rejected-{number}")
