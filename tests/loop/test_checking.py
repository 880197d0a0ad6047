import numpy as np
import pytest

from collab.domain.run import Round, Stratum
from collab.domain.store import Audit
from collab.engine.assurance import share_of
from collab.loop.checking import check
from collab.loop.judging import Audits

RNG = np.random.default_rng(1)
SURE = RNG.permutation(np.linspace(0.5, 1, 240))
TRUTH = (RNG.random(240) > SURE).astype(np.int64)
HONEST = np.float32([SURE, 1 - SURE]).T
"""Two classes, of which the first is always likelier, and true as often as it says."""


def audits(truth, stratum=1):
    found = [Audit(n, stratum, ("Yes",) if t >= 0 else None, asked=True, held=False) for n, t in enumerate(truth)]
    return Audits(found, np.arange(len(truth)), truth, 0)


def judged(truth, items=5_000, labels=100, unresolved=0):
    right = int((truth == 0).sum())
    strata = (Stratum(1, (1,), items, len(truth) - unresolved, right, unresolved),)
    return Round(1, 1, 1, 1, labels, strata)


def checked(truth=TRUTH, proba=HONEST, pool=5_000, honest=None, look=1, **round_):
    return check(judged(truth, **round_), look, audits(truth), proba, honest, np.linspace(0.5, 1, pool), RNG)


def test_bounds_that_hold_at_every_look_are_wider_than_those_of_one_look():
    found, once = checked(), share_of(int((TRUTH == 0).sum()), 240)
    assert found.answered == 240
    assert found.low < once.low
    assert found.high > once.high


def test_the_more_often_one_has_looked_the_wider_are_the_bounds():
    assert checked(look=50).low < checked(look=2).low < checked().low


def test_unresolved_audits_are_wrong_for_the_lower_bound_and_right_for_the_upper_one():
    truth = np.where(np.arange(240) % 12 == 0, -1, TRUTH)
    found = checked(truth, unresolved=20)
    assert found.low == checked(np.where(truth < 0, 1, truth)).low
    assert found.high == checked(np.where(truth < 0, 0, truth)).high


def test_a_stratum_with_fewer_than_ten_audits_has_no_bounds():
    assert (checked(TRUTH[:9], HONEST[:9]).low, checked(TRUTH[:9], HONEST[:9]).answered) == (None, 0)


def test_by_confidence_the_pool_says_how_much_each_part_counts():
    found = checked().by_confidence
    assert found.value == pytest.approx((TRUTH == 0).mean(), abs=0.02)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("other", [{"labels": 300}, {"items": 4_900}])
def test_by_confidence_says_nothing_of_a_pool_that_was_trained_on_or_is_not_all_that_audits_stand_for(other):
    assert checked(**other).by_confidence is None


def test_calibration_counts_each_answer_once_in_bins_of_equal_size():
    found = checked(honest=HONEST).calibration
    assert (found.answered, found.right) == (240, int((TRUTH == 0).sum()))
    assert found.expected == pytest.approx(SURE.sum(), abs=0.1)
    assert {b.count for b in found.bins} == {20}
    assert found.brier.low < found.brier.value < found.brier.high
    assert found.error.low == 0


def test_under_two_hundred_answers_there_is_a_brier_score_and_no_calibration_error():
    found = checked(TRUTH[:60], HONEST[:60], honest=HONEST[:60]).calibration
    assert len(found.bins) == 3
    assert found.error is None
    assert found.brier.value > 0
