from dataclasses import replace

import numpy as np
import pytest

from collab.engine.assurance import share_of
from collab.engine.influence import Influence, TooEarly, influence


def answers(people=8, each=150, follows=0.2, seed=0, hidden=0.3, varies=0.0):
    """People who agree with the model as often as each does, and follow it some of the time where they see it."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    shown = rng.random(len(who)) > hidden
    alone = rng.random(len(who)) < np.linspace(0.6, 0.9, people)[who]
    pull = np.clip(follows + varies * rng.standard_normal(people), 0, 1)[who]
    agreed = alone | (shown & (rng.random(len(who)) < pull))
    seconds = np.exp(rng.normal(1, 0.5, len(who)) + np.log(0.8) * shown)
    return who, shown, agreed, seconds, np.where(rng.random(len(who)) < 0.2, 0, 1)


@pytest.mark.parametrize(("people", "varies"), [(6, 0.0), (12, 0.05)])
def test_the_pull_of_suggestions_is_found_within_its_interval(people, varies):
    found = [influence(*answers(people, seed=seed, varies=varies)) for seed in range(20)]
    truth = 0.2 * 0.25  # a quarter of the answers would have differed
    assert np.mean([f.difference.low <= truth <= f.difference.high for f in found]) >= 0.9
    assert np.mean([f.seconds.low <= 0.8 <= f.seconds.high for f in found]) >= 0.9


def test_agreement_and_acceptance_are_plain_shares():
    who, shown, agreed, seconds, right = answers()
    found = influence(who, shown, agreed, seconds, right)
    fooled = shown & (right == 0)
    assert found.shown == share_of(int(agreed[shown].sum()), int(shown.sum()))
    assert found.hidden == share_of(int(agreed[~shown].sum()), int((~shown).sum()))
    assert found.accepted_when_wrong == share_of(int(agreed[fooled].sum()), int(fooled.sum()))
    assert found.people[2].shown == share_of(int(agreed[shown & (who == 2)].sum()), int((shown & (who == 2)).sum()))


def test_people_are_compared_with_themselves():
    """Two of ten see suggestions rarely and agree rarely: pooled shares would call that an effect."""
    shown = np.concatenate([np.arange(100) < (20 if person < 5 else 80) for person in range(10)])
    who = np.repeat(np.arange(10), 100)
    agreed = np.concatenate([np.arange(100) % 10 < (3 if person < 5 else 9) for person in range(10)])
    found = influence(who, shown, agreed, np.ones(1_000), np.full(1_000, -1))
    assert found.shown.value - found.hidden.value > 0.3
    assert found.difference.value == pytest.approx(0)


@pytest.mark.parametrize(("people", "these"), [(7, True), (8, False)])
def test_few_annotators_speak_for_themselves_only(people, these):
    assert influence(*answers(people)).for_these_people is these


@pytest.mark.parametrize(("people", "each", "hidden"), [(4, 400, 480), (6, 100, 180)])
def test_few_annotators_or_hidden_asks_are_too_early(people, each, hidden):
    who, _, agreed, seconds, right = answers(people, each)
    found = influence(who, np.arange(len(who)) % 10 > 2, agreed, seconds, right)
    assert isinstance(found, TooEarly)
    assert (found.annotators, found.hidden) == (people, hidden)
    assert [p.hidden.n for p in found.people] == [hidden // people] * people


def test_the_mean_of_many_answers_spreads_as_theirs_do():
    who, shown, agreed, seconds, right = (np.tile(part, 20) for part in answers(6))
    found = influence(who, shown, agreed, seconds, right)
    few = influence(*answers(6))
    shrunk = (few.difference.high - few.difference.low) / (found.difference.high - found.difference.low)
    assert shrunk == pytest.approx(np.sqrt(20), rel=0.1)


@pytest.mark.parametrize(("follows", "alarming"), [(0.0, False), (0.9, True)])
def test_people_who_follow_blindly_are_an_alarm(follows, alarming):
    assert influence(*answers(follows=follows)).alarm is alarming


def test_unknown_times_are_left_out():
    who, shown, agreed, seconds, right = answers()
    found = influence(who, shown, agreed, np.full(len(who), np.nan), right)
    assert (np.isnan(found.seconds.value), found.seconds.n) == (True, 0)
    assert found == replace(influence(who, shown, agreed, seconds, right), seconds=found.seconds)


def test_the_same_seed_says_the_same():
    assert influence(*answers(), seed=4) == influence(*answers(), seed=4)
    assert isinstance(influence(*answers(), seed=4), Influence)
