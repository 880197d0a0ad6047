"""A small network, trained once on the project's answers, beside the model that suggests: form, curve, figures."""

from dataclasses import asdict
from typing import get_args

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Job
from collab.engine.recipe import Epoch, Loss, Optimizer, Recipe
from collab.loop import lessons, ordering
from collab.loop.lessons import Learned, Lesson
from collab.loop.splitting import check
from collab.ui import session
from collab.ui.figures import loss_curve
from collab.ui.pieces import errors_told, job_failed, latest_job, live_job, plain, watch_job
from collab.ui.quality import counted, table
from collab.ui.words import word

WATCH_SECONDS = 1.0
SHOWN = 10


def draw(project: Project, jobs: list[Job], decided: int) -> None:
    """Draw the form or the training under way, what the last one came to, and the ones before.

    Args:
        project: With decisions to learn from.
        jobs: Its trainings, newest first.
        decided: How many decisions there are.
    """
    if project.schema.many:
        st.info(word("models.many"), icon=":material/info:")
        return
    _training(project, jobs, decided)
    _before(jobs)


def _training(project: Project, jobs: list[Job], decided: int) -> None:
    running, last = live_job(jobs, "train"), latest_job(jobs, "train")
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True):
        st.header(word("models.train"), anchor=False)
        st.caption(word("models.train_why", n=f"{decided:,}"))
        if running is not None:
            st.markdown(_recipe(running))
            watch_job(project.id, running.id, what=word("job.train"))
        else:
            _form(project, last)
    with right:
        if running is not None:
            # The timer ends with the training: then the page is drawn anew, without it.
            st.fragment(_live, run_every=WATCH_SECONDS)(project, running.id)
        elif last is not None and last.status == "failed":
            job_failed(last)
        elif last is not None and last.status == "cancelled":
            st.info(word("models.cancelled"), icon=":material/info:")
        done = max((job for job in jobs if job.status == "done"), key=lambda job: job.id, default=None)
        if running is None and done is not None:
            _result(done)


def _form(project: Project, last: Job | None) -> None:
    """Ask for the recipe; the last one is where it starts."""
    known = lessons.lesson(last) if last is not None else Lesson()
    recipe, optimizers, losses = known.recipe, get_args(Optimizer), get_args(Loss)
    with st.form(f"train-{project.id}", border=False):
        hidden = st.text_input(
            word("models.hidden"), ",".join(map(str, recipe.hidden)) or "0", help=word("models.hidden_why")
        )
        one, two = st.columns(2)
        with one:
            optimizer = st.selectbox(word("models.optimizer"), optimizers, optimizers.index(recipe.optimizer))
            epochs = st.number_input(word("models.epochs"), 1, 1000, recipe.epochs)
            rate = st.number_input(
                word("models.rate"), 0.0, 10.0, recipe.rate, format="%g", step=0.001, help=word("models.rate_why")
            )
        with two:
            loss = st.selectbox(word("models.loss"), losses, losses.index(recipe.loss))
            batch = st.number_input(word("models.batch"), 1, 10_000, recipe.batch)
            seed = st.number_input(word("models.seed"), 0, 10_000, recipe.seed)
        share = st.slider(word("models.share"), 10, 50, round(100 * known.held_out), step=5)
        if st.form_submit_button(word("models.go"), type="primary", icon=":material/play_arrow:"):
            layers = _layers(hidden)
            if layers is None:
                st.error(word("models.hidden_wrong"))
                return
            with errors_told():
                wanted = Lesson(Recipe(layers, optimizer, loss, int(epochs), int(batch), rate, int(seed)), share / 100)
                check(wanted.recipe, wanted.held_out)
                ordering.order(session.desk(), project.id, "train", asdict(wanted), session.annotator(), session.now())
                st.rerun()


def _layers(text: str) -> tuple[int, ...] | None:
    """Units of the hidden layers as somebody wrote them; None where that can't be read."""
    try:
        units = tuple(int(each) for each in text.split(","))
    except ValueError:
        return None
    return () if units == (0,) else units


def _live(project: Project, job: int) -> None:
    epochs = lessons.curve(session.desk(), project.id, job)
    if epochs:
        _curve(epochs)


def _curve(epochs: tuple[Epoch, ...]) -> None:
    last = epochs[-1]
    held = "-" if last.held_out is None else f"{last.held_out:.3f}"
    with st.container(border=True):
        st.header(word("models.curve"), anchor=False)
        said = word("models.curve_alt", n=last.number, loss=f"{last.loss:.3f}", held=held)
        st.altair_chart(loss_curve(epochs), width="stretch", alt=said)


def _result(job: Job) -> None:
    found = lessons.learned(job)
    _curve(found.epochs)
    with st.container(border=True):
        st.header(word("models.result"), anchor=False)
        st.markdown(word("models.right", told=_right(found), baseline=f"{found.quality.baseline:.0%}"))
        means = {name: f"{getattr(found.quality, name):.2f}" for name in ("precision", "recall", "f1")}
        st.markdown(word("models.means", **means))
        by_class, cells = found.quality.by_class, found.quality.confusion
        rows = [
            [plain(name), counted(cells[i][i], by_class.precision[i]), counted(cells[i][i], by_class.recall[i]),
             f"{by_class.f1[i].value:.2f}" if by_class.f1[i].n else word("insights.count_none")]
            for i, name in enumerate(found.classes)
        ]  # fmt: skip
        table([word(f"insights.{key}") for key in ("class", "precision", "recall", "f1")], rows)
        st.caption(word("models.honest"))
        parts = {"learned": f"{found.learned:,}", "held": f"{found.held_out:,}", "inputs": f"{found.inputs:,}"}
        st.caption(word("models.parts", **parts))
        if found.left_out:
            st.caption(word("models.left_out", n=found.left_out))
        address = session.download_address(found.file, job.project or 0)
        st.link_button(word("models.fetch"), address, icon=":material/download:", key=f"weights-{job.id}")


def _right(found: Learned) -> str:
    right = found.quality.accuracy
    return counted(round(right.value * right.n), right)


def _before(jobs: list[Job]) -> None:
    ended = [job for job in jobs if job.status in ("done", "failed", "cancelled")][:SHOWN]
    if len(ended) < 2:
        return
    st.header(word("models.before"), anchor=False)
    rows = [[session.clock(job.finished_at or job.created_at), plain(job.requested_by), _recipe(job), _end(job)]
            for job in ended]  # fmt: skip
    table([word(f"models.{key}") for key in ("at", "by", "recipe", "accuracy")], rows)


def _recipe(job: Job) -> str:
    recipe = lessons.lesson(job).recipe
    return word(
        "models.recipe_is", hidden=", ".join(map(str, recipe.hidden)) or word("models.linear"),
        optimizer=recipe.optimizer, loss=recipe.loss, epochs=recipe.epochs, batch=recipe.batch, rate=f"{recipe.step:g}",
    )  # fmt: skip


def _end(job: Job) -> str:
    return _right(lessons.learned(job)) if job.status == "done" else word(f"models.ended_{job.status}")
