import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.engine.betting import alarm, sequence

BITS = st.lists(st.booleans(), min_size=1, max_size=60)


def wealth(answers, share, level):
    """The gamblers' money after each answer, written down as in the paper."""
    up = down = 0.5
    kept = []
    for i, x in enumerate(answers, start=1):
        seen = np.array(answers[: i - 1], float)
        means = (0.5 + np.cumsum(seen)) / (np.arange(1, i) + 1)
        spread = (0.25 + ((seen - means) ** 2).sum()) / i
        bet = np.sqrt(2 * np.log(2 / (1 - level)) / (spread * i * np.log(i + 1)))
        up *= 1 + min(bet, 0.5 / share) * (x - share)
        down *= 1 - min(bet, 0.5 / (1 - share)) * (x - share)
        kept.append(max(up, down))
    return np.array(kept)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_share_is_ruled_out_when_a_gambler_is_rich(share):
    answers = (np.random.default_rng(1).random(80) < 0.75).tolist()
    rich = np.maximum.accumulate(wealth(answers, share, 0.95)) >= 20
    found = sequence(answers, 0.95)
    assert ((share <= found.low) | (share >= found.high)).tolist() == rich.tolist()


@pytest.mark.parametrize(("share", "pool"), [(0.8, None), (0.95, None), (0.9, 120)])
def test_all_bounds_hold_at_once_as_often_as_they_say(share, pool):
    rng = np.random.default_rng(2)
    right = np.arange(pool) < share * pool if pool else None
    draws = [rng.permutation(right) if pool else rng.random(100) < share for _ in range(40)]
    found = [sequence(draw, 0.9, pool) for draw in draws]
    assert np.mean([(f.low.max() <= share) & (share <= f.high.min()) for f in found]) >= 0.9


@settings(max_examples=40)
@given(BITS, st.booleans())
def test_bounds_only_come_closer_and_know_no_future(answers, finite):
    found = sequence(answers, 0.9, 60 if finite else None)
    half = sequence(answers[: len(answers) // 2], 0.9, 60 if finite else None)
    assert (np.diff(found.low) >= 0).all()
    assert (np.diff(found.high) <= 0).all()
    assert found.low[: len(half.low)].tolist() == half.low.tolist()


def test_a_pool_that_was_seen_whole_is_known():
    found = sequence([True] * 7 + [False] * 3, 0.95, pool=10)
    assert (found.low[-1], found.high[-1]) == pytest.approx((0.7, 0.7))


def test_many_answers_bound_the_share_closely():
    found = sequence(np.arange(1_000) % 10 > 0, 0.95)
    assert 0.86 < found.low[-1] < 0.9 < found.high[-1] < 0.93


@pytest.mark.parametrize("pool", [None, 300])
def test_a_rate_as_promised_rarely_raises_the_alarm(pool):
    rng = np.random.default_rng(3)
    draws = [rng.permutation(300) < 15 if pool else rng.random(300) < 0.05 for _ in range(80)]
    assert np.mean([alarm(draw, 0.05, 0.1, pool) is not None for draw in draws]) <= 0.1


def test_a_worse_rate_raises_the_alarm_and_the_worse_the_sooner():
    rng = np.random.default_rng(4)
    bad, worse = ([alarm(rng.random(600) < rate, 0.05, 0.1) for _ in range(40)] for rate in (0.15, 0.4))
    assert None not in bad + worse
    assert np.mean(worse) < 25 < np.mean(bad) < 120


def test_what_goes_wrong_late_is_seen_too():
    good = np.zeros(300, bool)
    found = alarm(np.concatenate([good, np.random.default_rng(5).random(200) < 0.4]), 0.05, 0.1)
    assert 300 < found < 350


@settings(max_examples=40)
@given(BITS, BITS)
def test_an_alarm_does_not_depend_on_what_comes_later(errors, later):
    found = alarm(errors, 0.1, 0.2)
    assert alarm(errors + later, 0.1, 0.2) == found or found is None


def test_more_errors_than_a_pool_may_have_are_an_alarm():
    assert alarm([False] * 5 + [True] * 6, 0.05, 1e-9, pool=100) == 10
