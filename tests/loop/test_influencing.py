import json
from dataclasses import asdict, replace

import pytest

from collab.domain.annotation import Annotation, Event, Suggestion
from collab.domain.plain import typed
from collab.engine.assurance import share_of
from collab.loop import influencing
from collab.loop.influencing import Answers, Effect, Revealed, Work

PLUS, MINUS = Suggestion((0.8, 0.2), "1.1"), Suggestion((0.3, 0.7), "1.1")


@pytest.fixture
def said(loop):
    """Writes an annotation into the log of a project, as the card's route does."""
    signs = loop()
    items = [row.item for row in signs.store.pool(signs.project.id)]
    acts = iter(range(100_000))

    def say(item, who, answer="plus", kind="answer", purpose="query", **more):
        given = (answer,) if kind == "answer" else ()
        act = Annotation(
            f"act {next(acts)}", signs.project.id, items[item], who, kind, 1, given, purpose=purpose,
            **{"blind": more.get("shown") is None, **more},
        )  # fmt: skip
        signs.store.append(act.event())
        return act.id

    say.signs = signs
    return say


def effect(said, limit=influencing.EVENTS_A_LOOK):
    answers = Answers(said.signs.store, said.signs.project.id)
    assert answers.read(said.signs.project.schema, limit)
    return answers.effect(said.signs.project.schema)


def test_first_answers_to_words_that_were_shown_or_hidden_by_the_coin_are_compared(said):
    said(0, "Ada", "plus", shown=PLUS)
    said(1, "Ada", "minus", shown=PLUS)
    said(2, "Ada", "plus", hidden=PLUS, by_coin=True)
    (ada,) = effect(said).people
    assert (ada.shown, ada.hidden) == (share_of(1, 2), share_of(1, 1))


@pytest.mark.parametrize(
    "more",
    [
        {"purpose": "audit", "hidden": PLUS},
        {"purpose": "certificate", "hidden": PLUS},
        {"purpose": "repeat", "hidden": PLUS},
        {"purpose": "chosen", "shown": PLUS},
        {"purpose": "imported"},
        {"hidden": PLUS, "revealed": True},
        {"shown": PLUS, "target": "act 0"},
        {"kind": "unsure", "shown": PLUS},
    ],
)
def test_audits_chosen_items_and_changes_of_mind_are_no_arm_of_it(said, more):
    said(0, "Bo", "plus", hidden=PLUS, by_coin=True)
    said(0, "Bo", **more)
    found = effect(said)
    assert (found.shown_answers, found.hidden_answers) == (0, 1)


def test_few_people_are_too_early_and_say_only_what_each_of_them_did(said):
    said(0, "Ada", shown=PLUS)
    found = effect(said)
    assert (found.too_early, found.annotators, found.difference, found.seconds) == (True, 0, None, None)
    assert [(p.annotator, p.hidden, p.difference) for p in found.people] == [("Ada", None, None)]


def follow(said, each=80):
    """Six people who say plus to half of the items by themselves, and to all where the model does before their eyes."""
    for who in range(6):
        for number in range(each):
            shown = number % 2 == 0
            answer = "plus" if shown or number % 4 == 1 else "minus"
            word = {"shown": PLUS} if shown else {"hidden": PLUS, "by_coin": True}
            said(number % 60, f"person {who}", answer, seconds=2.0 if shown else 4.0, **word)


def test_people_who_follow_the_model_raise_the_alarm(said):
    with said.signs.store.transaction():
        follow(said)
    found = effect(said)
    assert (found.too_early, found.annotators, found.hidden_answers, found.alarm) == (False, 6, 240, True)
    assert found.difference.value == pytest.approx(0.5)
    assert found.seconds.value == pytest.approx(0.5)
    assert found.for_these_people
    assert typed(Effect, json.loads(json.dumps(asdict(found), allow_nan=False))) == found


def model_right(said):
    """Whether each compared word was right, by what others say: 1, 0, or -1 where nobody knows."""
    answers = Answers(said.signs.store, said.signs.project.id)
    answers.read(said.signs.project.schema)
    return answers.compared(said.signs.project.schema).model_right.tolist()


def test_others_blind_answers_say_where_the_model_was_right(said):
    said(0, "Ada", "minus", shown=MINUS)
    said(0, "Bo", "plus")
    said(1, "Ada", "minus", shown=MINUS)
    said(1, "Bo", "minus")
    assert model_right(said) == [0, 1]


def test_ones_own_blind_answer_says_nothing_of_the_model(said):
    said(0, "Ada", "plus", hidden=MINUS, by_coin=True)
    assert model_right(said) == [-1]
    said(0, "Bo", "minus")
    assert model_right(said) == [1]


def test_people_who_disagree_or_took_their_answer_back_say_nothing_of_the_model(said):
    said(0, "Ada", "minus", shown=MINUS)
    said(0, "Bo", "plus")
    said(0, "Cy", "minus")
    said(1, "Ada", "minus", shown=MINUS)
    taken = said(1, "Bo", "plus")
    said(1, "Bo", kind="undo", target=taken)
    assert model_right(said) == [-1, -1]


def test_of_those_who_saw_the_model_first_nobody_says_whether_it_was_right(said):
    said(0, "Ada", "minus", shown=MINUS)
    said(0, "Bo", "minus", shown=MINUS)
    assert model_right(said) == [-1, -1]


def test_who_changes_their_mind_knowing_the_model_is_not_heard_on_it(said):
    said(0, "Ada", "minus", shown=MINUS)
    first = said(0, "Bo", "plus", hidden=MINUS, revealed=True)
    assert model_right(said) == [0]
    said(0, "Bo", "minus", target=first, blind=False)
    assert model_right(said) == [-1]


def test_what_people_do_once_the_model_is_revealed_is_counted(said):
    kept = said(0, "Ada", "plus", hidden=MINUS, revealed=True)
    said(0, "Ada", "plus", target=kept, shown=MINUS)
    agreed = said(1, "Ada", "plus", hidden=PLUS, revealed=True)
    said(1, "Ada", "minus", target=agreed, shown=PLUS)
    changed = said(2, "Ada", "plus", hidden=MINUS, revealed=True)
    said(2, "Ada", "minus", target=changed, shown=MINUS)
    assert effect(said).revealed == Revealed(answers=3, differed=2, changed=1, to_model=1)


def test_a_merge_makes_words_agree(said):
    said(0, "Ada", "plus", shown=MINUS)
    schema = said.signs.project.schema
    merged = replace(schema.classes[1], retired=True, merged_into="plus")
    other = replace(schema.classes[0], id="zero", name="zero", key="3")
    answers = Answers(said.signs.store, said.signs.project.id)
    answers.read(schema)
    found = answers.effect(replace(schema, classes=(schema.classes[0], merged, other)))
    assert found.people[0].shown == share_of(1, 1)


def test_work_counts_every_act_and_its_time(said):
    said(0, "Ada", seconds=2.0)
    said(0, "Ada", purpose="repeat", seconds=3.5)
    said(1, "Ada", kind="unsure")
    said(1, "Bo", purpose="imported")
    assert effect(said).work == (Work("Ada", 0, acts=3, timed=2, seconds=5.5),)


def test_the_log_is_read_a_piece_at_a_look(said):
    for item in range(12):
        said(item, "Ada", shown=PLUS)
    answers = Answers(said.signs.store, said.signs.project.id)
    schema = said.signs.project.schema
    assert [answers.read(schema, limit=1), answers.read(schema, limit=1)] == [False, True]
    assert answers.effect(schema).events == 12


def policy(said, before, after):
    """Change the policy as the settings do."""
    values = [replace(said.signs.project.policy, **each).as_dict() for each in (before, after)]
    payload = dict(zip(("before", "after"), values, strict=True))
    said.signs.store.append(Event(f"to {after}", said.signs.project.id, "policy", "Ada", 1, payload=payload))


def test_answers_of_times_with_another_share_of_hidden_words_are_not_compared(said):
    said(0, "Ada", "minus", shown=PLUS)
    policy(said, {"blind_share": 0.0}, {"blind_share": 0.15})
    said(1, "Ada", "plus", shown=PLUS)
    said(2, "Ada", "plus", hidden=PLUS, by_coin=True)
    policy(said, {"blind_share": 0.15}, {"blind_share": 0.15, "mode": "blind"})
    (ada,) = effect(said).people
    assert (ada.shown, ada.hidden) == (share_of(1, 1), share_of(1, 1))


def test_another_share_of_hidden_words_begins_anew(said):
    said(0, "Ada", shown=PLUS)
    policy(said, {"blind_share": 0.15}, {"blind_share": 0.5})
    said(1, "Ada", hidden=PLUS, by_coin=True)
    found = effect(said)
    assert (found.shown_answers, found.hidden_answers) == (0, 1)
