"""The form in which people set how a project asks: what they are shown, what is checked, and what the goal is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import streamlit as st

from collab.domain.project import DecideBy, LoopPolicy, Mode, Project
from collab.domain.version import TUNED, makers
from collab.loop import looking, ranking, reshaping
from collab.loop.annotating import new_id
from collab.loop.measuring import image_fields, reads_text
from collab.ui import session
from collab.ui.naming import encoder_words
from collab.ui.pieces import errors_told
from collab.ui.words import WORDS, language, word

LEVELS = (0.8, 0.9, 0.95)
"""Of label sets, among which the page offers the choice; a policy may carry others."""
MOST = (0, 3, 5, 7, 9)
"""People who are asked where answers differ; odd numbers, so that of two answers one has more."""
MILLION = 1_000_000
MODES: tuple[Mode, ...] = get_args(Mode)
HEADS = ("logistic", "mlp")
"""Among which the page offers the choice; a policy may carry another."""
TEXT_ENCODERS, IMAGE_ENCODERS = ("minilm", "hashing"), ("efficientnet-lite0",)
"""Those that came with collab."""


def draw(project: Project) -> None:
    """Draw the form, and save what it is set to."""
    with st.form(f"policy-{project.id}"):
        changed = _checks(project, _several(_asking(project.policy)))
        changed = _model(project, changed)
        if st.form_submit_button(word("settings.save"), type="primary"):
            with errors_told():
                reshaping.save_policy(session.desk(), project.id, changed, session.annotator(), new_id(), session.now())
                st.success(word("settings.saved"))


def _asking(policy: LoopPolicy) -> LoopPolicy:
    """What the card does."""
    st.header(word("settings.policy"), anchor=False)
    mode = st.radio(
        word("settings.mode"), MODES, MODES.index(policy.mode), format_func=lambda m: word(f"mode.{m}"),
        captions=[word(f"mode.{m}_why") for m in MODES],
    )  # fmt: skip
    one, two = st.columns(2, gap="large")
    with one:
        goal = _number("daily_goal", 1, 10_000, policy.daily_goal)
    with two:
        blind = _share("blind", 0, 50, policy.blind_share)
        idle = _number("idle", 1, 240, policy.idle_minutes)
    return replace(policy, mode=mode, daily_goal=goal, blind_share=blind, idle_minutes=idle)


def _several(policy: LoopPolicy) -> LoopPolicy:
    """How many people answer an item, and what their answers come to."""
    st.subheader(word("settings.answers"), anchor=False)
    one, two = st.columns(2, gap="large")
    with one:
        overlap = _number("overlap", 1, 20, policy.annotations_per_item)
        share = _share("several_share", 0, 100, policy.overlap_share)
        each = _number("several_each", 2, 20, policy.overlap)
        numbers = sorted({*MOST, policy.answers_most})
        most = st.selectbox(word("settings.answers_most"), numbers, numbers.index(policy.answers_most))
        st.caption(word("settings.answers_most_why"))
    with two:
        names: tuple[DecideBy, ...] = get_args(DecideBy)
        by = st.selectbox(
            word("settings.decide_by"), names, names.index(policy.decide_by),
            format_func=lambda name: word(f"decide_by.{name}"),
        )  # fmt: skip
        st.caption(word("settings.decide_by_why"))
        sure = _share("aggregate_from", 50, 99, policy.aggregate_from)
        relabel = st.checkbox(word("settings.relabel"), policy.relabel)
        st.caption(word("settings.relabel_why"))
    return replace(
        policy, annotations_per_item=overlap, overlap_share=share, overlap=each, answers_most=most, decide_by=by,
        aggregate_from=sure, relabel=relabel,
    )  # fmt: skip


def _checks(project: Project, policy: LoopPolicy) -> LoopPolicy:
    """What is asked to measure, and what the measure is held against."""
    st.subheader(word("settings.checks"), anchor=False)
    one, two = st.columns(2, gap="large")
    with one:
        trickle = _number("trickle", 0, 1000, policy.audit_trickle)
        machine = _number("machine_trickle", 0, 1000, policy.machine_trickle)
        repeat = _number("repeat", 0, 1000, policy.repeat_every)
    with two:
        target = _share("target", 50, 100, policy.target)
        accept = _share("accept", 50, 100, policy.accept_from)
        group = _group(project)
    level = _level(policy.set_level)
    return replace(
        policy, audit_trickle=trickle, machine_trickle=machine, repeat_every=repeat, target=target, accept_from=accept,
        group=group, set_level=level,
    )  # fmt: skip


def _model(project: Project, policy: LoopPolicy) -> LoopPolicy:
    """What is asked next, and what reads the items."""
    st.subheader(word("settings.model"), anchor=False)
    names = tuple(dict.fromkeys((*ranking.strategies(), policy.strategy)))
    strategy = st.selectbox(word("settings.strategy"), names, names.index(policy.strategy), format_func=_strategy_words)
    st.caption(word("settings.strategy_why"))
    tuned = makers(looking.models(session.desk(), project.id))
    if reads_text(project):
        policy = replace(policy, encoder=_encoder("encoder", policy.encoder, TEXT_ENCODERS, tuned))
    if image_fields(project):
        policy = replace(policy, image_encoder=_encoder("image_encoder", policy.image_encoder, IMAGE_ENCODERS, tuned))
    heads = tuple(dict.fromkeys((*HEADS, policy.head)))
    head = st.selectbox(word("settings.head"), heads, heads.index(policy.head), format_func=_head_words)
    st.caption(word("settings.head_why"))
    policy = _tuning(policy)
    if any(f.kind == "image" for f in project.fields):
        policy = _pictures(policy)
    return replace(policy, strategy=strategy, head=head)


def _encoder(name: str, value: str, built_in: Sequence[str], tuned: Mapping[str, int]) -> str:
    """What reads the texts, or the pictures; an empty name changes nothing.

    One that was fine-tuned here goes by its version: its name says nothing, and typed over it would be lost.
    """
    if value.startswith(TUNED):
        chosen: str = st.selectbox(
            word(f"settings.{name}"), (value, *built_in), format_func=lambda n: encoder_words(n, tuned),
            accept_new_options=True, key=f"{name}-{value}",
        )  # fmt: skip
        st.caption(word("settings.encoder_tuned"))
    else:
        chosen = st.text_input(word(f"settings.{name}"), value)
        st.caption(word(f"settings.{name}_why"))
    return chosen.strip() or value


def _tuning(policy: LoopPolicy) -> LoopPolicy:
    """When the whole network is trained anew, and whether a better one is used at once."""
    every = _number("fine_tune_every", 0, 100_000, policy.fine_tune_every)
    alone = st.checkbox(word("settings.promote_alone"), policy.promote_alone)
    st.caption(word("settings.promote_alone_why"))
    return replace(policy, fine_tune_every=every, promote_alone=alone)


def _pictures(policy: LoopPolicy) -> LoopPolicy:
    """How large pictures may be; what the page leaves as it is keeps its odd numbers."""
    millions, megabytes = max(1, policy.image_pixels // MILLION), max(1, policy.image_bytes // MILLION)
    pixels, size = _number("image_pixels", 1, 2000, millions), _number("image_bytes", 1, 2000, megabytes)
    return replace(
        policy,
        image_pixels=policy.image_pixels if pixels == millions else pixels * MILLION,
        image_bytes=policy.image_bytes if size == megabytes else size * MILLION,
    )


def _group(project: Project) -> str:
    """The column that says which items belong together. A text that the model reads, or a row's own id, groups none."""
    chosen = project.policy.group
    fit = (f.name for f in project.fields if f.role != "id" and not (f.kind == "text" and f.encoded))
    names = list(dict.fromkeys(("", *fit, chosen)))
    group = st.selectbox(
        word("settings.group"), names, names.index(chosen), format_func=lambda n: n or word("settings.no_group")
    )
    st.caption(word("settings.group_why"))
    return group


def _level(value: float) -> float:
    """How often label sets shall hold the right class, or never any."""
    levels = sorted({0.0, *LEVELS, value})
    level = st.selectbox(word("settings.sets"), levels, levels.index(value), format_func=_level_words)
    st.caption(word("settings.sets_why"))
    return level


def _level_words(level: float) -> str:
    """A level as people count: 0.95 is 19 times in 20."""
    counted = Fraction(round(100 * level), 100)
    if not counted:
        return word("settings.sets_off")
    return word("settings.sets_level", n=counted.numerator, of=counted.denominator)


def _strategy_words(name: str) -> str:
    """What a strategy asks, in plain words; one from elsewhere has only its name."""
    key = f"strategy.{name}"
    return word(key) if key in WORDS[language()] else name


def _head_words(name: str) -> str:
    """What learns from the answers, in plain words; another one has only its name."""
    return word(f"head.{name}") if name in HEADS else name


def _number(name: str, least: int, most: int, value: int) -> int:
    """A number, and the sentence that says what it does to the work."""
    number = st.number_input(word(f"settings.{name}"), least, most, value)
    st.caption(word(f"settings.{name}_why"))
    return int(number)


def _share(name: str, least: int, most: int, value: float) -> float:
    """A share in percent, and the sentence that says what it does to the work."""
    percent = st.slider(word(f"settings.{name}"), least, most, round(value * 100))
    st.caption(word(f"settings.{name}_why"))
    return percent / 100
