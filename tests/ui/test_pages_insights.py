"""What Insights says of stopping, of suggestions and of people: the sentences, and the page that holds them."""

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from streamlit.testing.v1 import AppTest

from collab.domain.project import LoopPolicy, Project
from collab.domain.run import Progress
from collab.domain.store import Store
from collab.engine.assurance import Estimate, share_of
from collab.engine.stopping import Gain, Saving
from collab.loop import advising, influencing, slicing
from collab.loop.advising import Evidence, Look, StopAdvice, advised
from collab.loop.influencing import Effect, Person, Revealed
from collab.loop.reporting import Agreed
from collab.loop.slicing import Column, Groups, Part, Parts
from collab.ui import advice, consistency, influence, parts, session
from collab.ui.quality import counted, missing_words, points
from tests.conftest import MakeProject
from tests.samples import YES_NO

EVIDENCE = Evidence(
    model=1,
    labels=300,
    classes=("Yes", "No"),
    audits_by_class={"Yes": 40, "No": 20},
    bound=0.8999,
    answered=60,
    covered=1.0,
    looks=tuple(Look(50 * n, 0.5, 50, 60, 50, kappa) for n, kappa in enumerate((0.97, 0.9899, 0.995, 0.999), 1)),
    gain=Gain(0.004, 0.0, 0.008, 50),
    gain_points=8,
    saving=Saving(12, 0, 30, 50),
    saving_points=4,
    watched=1900,
)
EFFECT = Effect(
    events=900,
    annotators=6,
    shown_answers=600,
    hidden_answers=240,
    too_early=False,
    difference=Estimate(0.09, 0.06, 0.12, 840),
    shown=Estimate(0.8, 0.77, 0.83, 600),
    hidden=Estimate(0.7, 0.64, 0.75, 240),
    seconds=Estimate(0.85, 0.8, 0.91, 840),
    accepted_when_wrong=Estimate(0.2, 0.12, 0.32, 60),
    alarm=True,
    people=(
        Person("bob", share_of(70, 100), share_of(3, 5), Estimate(0.1, -0.3, 0.5, 105)),
        Person("ann", share_of(80, 100), share_of(28, 40), Estimate(0.1, -0.05, 0.26, 140)),
    ),
)


def said_of(evidence: Evidence, target: float = 0.9) -> StopAdvice:
    found = advised(evidence, Project(1, "Reviews", (), YES_NO, LoopPolicy(target=target)))
    assert found is not None
    return found


def verdict(evidence: Evidence, target: float = 0.9) -> str:
    return advice.verdict(said_of(evidence, target), YES_NO, audits_left=20)


def test_nothing_ends_while_a_class_has_fewer_than_five_blind_answers():
    found = replace(EVIDENCE, bound=0.99, audits_by_class={"Yes": 56, "No": 4})
    assert "**Too early to stop:** some classes have fewer than 5 blind answers: No (4 of 5)." in verdict(found)
    assert "not called settled** while a class has fewer" in advice.reasons(said_of(found))[1]


def test_what_the_items_that_are_left_can_not_show_is_not_promised():
    found = said_of(replace(EVIDENCE, audits_by_class={"Yes": 56, "No": 1}))
    told = advice.verdict(found, YES_NO, audits_left=3)
    assert "can't show when to stop:** some classes have fewer than 5 blind answers: No (1 of 5). Items still" in told
    project = Project(1, "Reviews", (), YES_NO, LoopPolicy())
    assert "still set aside for them: 3." in missing_words(project, Progress(reserved=23, audited=20), 30, 4.0)
    assert "about 30 minutes" in missing_words(project, Progress(reserved=120, audited=20), 90, 4.0)


def test_advice_says_as_of_which_answers_it_speaks():
    assert "300 labels; 24 more have come since" in advice.as_of(said_of(EVIDENCE), Progress(decided=324))


def test_a_target_that_is_reached_may_end_the_labeling():
    assert "You may stop" in verdict(EVIDENCE, 0.85)


def test_a_bound_is_never_rounded_up_to_its_target():
    target = advice.reasons(said_of(EVIDENCE))[0]
    assert "**Target 90%: not reached.** What 60 blind answers prove so far is agreement of at least 89%:" in target


def test_a_settled_model_of_which_more_labels_bring_little_is_told_apart_from_one_that_is_good():
    settled = replace(EVIDENCE, looks=EVIDENCE.looks[2:] * 2)
    assert "More labels would bring little" in verdict(settled)
    assert "**Predictions: settled.** On 1,900 fixed items" in advice.reasons(said_of(settled))[1]


def test_a_kappa_just_under_the_mark_is_not_shown_as_the_mark():
    assert "by kappa 0.989, 0.995, 0.999; three times 0.99" in advice.reasons(said_of(EVIDENCE))[1]


def test_what_the_next_labels_bring_and_spare_is_told_with_its_interval():
    told = advice.reasons(said_of(EVIDENCE))[2]
    assert "**The next 50 labels: +0.4 points** of agreement expected on average" in told
    assert "a curve through 60 blind answers that allows 0.0 to +0.8" in told
    assert "spare people about 12 more labels, between 0 and 30" in told


def test_what_is_not_known_is_not_told():
    target, settles, next_labels = advice.reasons(said_of(Evidence(1, 20, ("Yes", "No"), {"Yes": 9, "No": 9})))
    assert "not known yet" in target
    assert "labels apart: 0; it takes 3" in settles
    assert "not known yet" in next_labels


def test_the_effect_of_suggestions_is_too_early_with_few_people_or_hidden_asks():
    told = influence.difference(Effect(events=9, annotators=4, shown_answers=900, hidden_answers=230))
    assert "with it hidden: 4 of 5. Answers with it hidden: 230 of 200." in told


def test_the_effect_of_suggestions_is_told_in_points_with_its_interval():
    assert "by **+9 points**, between +6 and +12 (840 answers)" in influence.difference(EFFECT)
    assert influence.arms(EFFECT) == (
        "Agreed with it on screen: 480 of 600 (77 to 83%); with it hidden: 168 of 240 (64 to 75%)."
    )
    assert "**−15%**, between −20% and −9% (840 answers)" in influence.time(Estimate(0.85, 0.8, 0.91, 840))


def test_an_effect_that_may_be_none_is_called_no_known_difference():
    none = replace(EFFECT, difference=Estimate(0.01, -0.02, 0.04, 840))
    assert "no difference that is known" in influence.difference(none)


def test_the_table_of_people_begins_with_who_looks_and_compares_no_few_answers():
    assert influence.people(EFFECT.people, "ann") == [
        ["ann (you)", "80/100, 28/40", "+10 (−5 to +26)"],
        ["bob", "70/100, 3/5", "too few"],
    ]


def test_changes_of_mind_are_told_with_what_could_have_changed():
    told = influence.changes(Revealed(100, 40, 12, 10))
    assert "after 100 answers; in 40 of them it was another. Changed then: 12 of 40 (18 to 45%), 10 of them to" in told
    assert "the same each time" in influence.changes(Revealed(100, 0, 0, 0))


def test_repeats_bound_what_a_model_can_reach_by_the_root_of_their_upper_end():
    assert "more than **91%** of the time" in consistency.limit(Estimate(0.7, 0.55, 0.82, 40))
    assert consistency.limit(share_of(9, 9)) == ""
    assert "no limit yet" in consistency.limit(share_of(20, 20))


def test_everybody_is_told_beside_oneself_only_where_there_are_others():
    own = Agreed(18, 20, share_of(18, 20))
    told = "You agreed with yourself **18 of 20** times, asked again later and blind (6 to 10 in 10)."
    assert consistency.yourself(own) == told
    assert consistency.together(own, own) == ""
    assert "**70 of 90** (68 to 85%)" in consistency.together(own, Agreed(70, 90, share_of(70, 90)))


def test_an_answer_that_names_no_class_says_nothing_of_how_far_a_model_can_agree():
    repeats = [(("Yes",), ("Yes",), 7), (("Yes",), ("No",), 2), ((), ("No",), 5), ((), (), 3)]
    assert consistency.classed(repeats, YES_NO) == share_of(7, 9)


def test_a_part_with_few_blind_answers_has_no_range():
    column = Column("site", (Part("Ba|sel", 30, 41, 0, share_of(30, 41)), Part("", 2, 4), Part("Graz", 0, 0)))
    assert parts.rows_of(column) == [
        ["Ba&#124;sel", "30 of 41 (58 to 84%)"],
        ["empty", "2 of 4, too few"],
        ["Graz", "none yet"],
    ]


def test_groups_that_the_model_has_not_seen_stand_beside_those_that_it_has():
    new, old = Estimate(0.6, 0.4, 0.77, 50), Estimate(0.8, 0.7, 0.87, 80)
    told = parts.unseen(Groups("patient", 300, 50, 30, 21, 80, 64, 30, 0, new, old))
    assert told == (
        "Where it has learned nothing of the same **patient** (21 of them), the model agreed with 30 of 50 (40 to 77%) "
        "blind answers. Where it has learned from the same one (30 of them), it agreed with 64 of 80 (70 to 87%)."
    )
    assert "Blind answers so far: 4, of 2;" in parts.unseen(Groups("patient", 300, 4, 3, 2, 0, 0, 0))


def test_counts_are_told_no_more_exactly_than_they_allow():
    assert [counted(k, share_of(k, n)) for k, n in ((0, 0), (3, 9), (6, 12), (30, 40))] == [
        "none yet", "3 of 9, too few", "6 of 12 (2 to 8 in 10)", "30 of 40 (60 to 86%)",
    ]  # fmt: skip


def test_points_carry_their_sign_and_no_sign_where_they_are_none():
    assert [points(share) for share in (0.074, -0.031, 0.001, -0.001)] == ["+7", "−3", "0", "0"]


def texts(at: AppTest) -> str:
    return "\n".join(str(e.value) for kind in (at.title, at.header, at.markdown, at.caption) for e in kind)


Open = Callable[[], AppTest]


@pytest.fixture
def open_insights(store: Store) -> Open:
    session.hold(store)

    def run() -> AppTest:
        at = AppTest.from_string("from collab.ui import page_insights\npage_insights.draw()\n", default_timeout=20)
        at.session_state["annotator"] = "ann"
        return at.run()

    return run


@pytest.mark.slow
def test_insights_of_a_new_project_say_what_each_figure_waits_for(
    open_insights: Open, make_project: MakeProject
) -> None:
    make_project(30, mark=0.2)
    at = open_insights()
    shown = texts(at)
    assert not at.exception
    assert "Advice appears about a minute after the first answers." in shown
    assert "Too early to say." in shown
    assert "Each item is asked once" in shown
    assert "Where it agrees more" not in shown


@pytest.mark.slow
def test_insights_draw_the_figures_that_the_worker_made(
    open_insights: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(30, mark=0.2, policy=LoopPolicy(group="patient"))
    site = Column("site", (Part("Basel", 30, 41, 0, share_of(30, 41)), Part("Graz", 10, 19, 0, share_of(10, 19))))
    device = Column("device", (Part("phone", 40, 60, 0, share_of(40, 60)),))
    for name, made in (
        (advising.FIGURES, EVIDENCE),
        (influencing.FIGURES, EFFECT),
        (slicing.PARTS, Parts(300, 60, (site, device))),
        (slicing.GROUP, Groups("patient", 300, 50, 30, 21, 10, 8, 3, 0, share_of(30, 50))),
    ):
        store.put_figures(project.id, name, asdict(made), 1)
    at = open_insights()
    assert not at.exception
    assert "sway people: seeing one, they agree with the model more often, by at least 6 points" in at.warning[0].value
    assert "the same **patient**" in texts(at)
    parts_table, people_table = (t.value.to_numpy().tolist() for t in at.table)
    assert parts_table[0] == ["Basel", "30 of 41 (58 to 84%)"]
    assert people_table[0][0] == "ann (you)"
    at.selectbox(key="parts-column").select("device").run()
    assert at.table[0].value.to_numpy().tolist() == [["phone", "40 of 60 (54 to 77%)"]]


@pytest.mark.slow
def test_where_people_answer_first_their_changes_of_mind_are_told_and_no_alarm_is_raised(
    open_insights: Open, make_project: MakeProject, store: Store
) -> None:
    project = make_project(30, mark=0.2, policy=LoopPolicy(mode="answer first"))
    effect = replace(EFFECT, revealed=Revealed(100, 40, 12, 10))
    store.put_figures(project.id, influencing.FIGURES, asdict(effect), 1)
    at = open_insights()
    assert "Changed then: 12 of 40" in texts(at)
    assert not any("sway people" in w.value for w in at.warning)
