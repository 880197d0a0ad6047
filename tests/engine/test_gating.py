"""The gate keeps its error rate, and lets in what is better."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import t as student

from collab.domain.version import Change
from collab.engine.calibration import cross_fitted
from collab.engine.gating import Held, judge

DRAWS = 300
MOST_FALSE = 0.05 + 2.33 * np.sqrt(0.05 * 0.95 / DRAWS)
"""What 5 % may come to in so many draws, 99 times in 100."""


def drawn(rng, n, noises, sharpness=(1.0, 1.0), classes=3):
    """Two models that know the truth but for noise of their own, under temperatures from the other audits."""
    logits = rng.normal(0, 2, (n, classes))
    truth = (logits + rng.gumbel(size=(n, classes))).argmax(axis=1)
    seen = [((logits + rng.normal(0, noise, (n, classes))) * sharp).astype(np.float32)
            for noise, sharp in zip(noises, sharpness, strict=True)]  # fmt: skip
    return [cross_fitted(each, truth) for each in seen], truth


def words_of(n, *args, **more):
    rng = np.random.default_rng(1)
    found = Counter()
    for _ in range(DRAWS):
        (before, after), truth = drawn(rng, n, *args, **more)
        found[judge(before, after, truth).word] += 1 / DRAWS
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("n", "noises", "sharpness"), [
    (40, (1.0, 1.0), (1.0, 1.0)),
    (200, (1.0, 1.0), (1.0, 1.0)),
    (100, (0.3, 0.3), (1.0, 1.0)),
    (100, (1.0, 1.0), (1.0, 4.0)),  # sure of itself beyond reason
])  # fmt: skip
def test_a_candidate_that_is_worth_nothing_is_called_better_one_time_in_twenty_at_most(n, noises, sharpness):
    assert words_of(n, noises, sharpness)["better"] <= MOST_FALSE


@pytest.mark.parametrize(("n", "right", "surer"), [(100, 0.99, 0.995), (200, 0.995, 0.999), (100, 0.98, 0.99)])
def test_who_only_claims_more_is_not_let_in_because_no_audit_went_wrong(n, right, surer):
    rng = np.random.default_rng(2)
    claims = [np.tile(np.float32([[sure, 1 - sure]]), (n, 1)) for sure in (right, surer)]
    words = [judge(*claims, (rng.random(n) > right).astype(np.int64)).word for _ in range(DRAWS)]
    assert words.count("better") <= MOST_FALSE * DRAWS


def test_a_loss_that_is_in_no_audit_shows_in_where_the_two_part_on_other_items():
    before = np.tile(np.float32([[0.9, 0.1]]), (100, 1))
    after = np.tile(np.float32([[0.92, 0.08]]), (100, 1))
    lost = np.where(np.arange(10_000)[:, None] % 100 == 0, np.float32([1e-4, 1 - 1e-4]), after[0])
    truth = np.repeat([0, 1], [92, 8])
    blind = judge(before[:, ::1], after, np.zeros(100, np.int64))
    seeing = judge(before, after, truth, others=(np.tile(before[:1], (10_000, 1)), lost.astype(np.float32)))
    assert seeing.word == "can't tell"
    assert seeing.gain.high - seeing.gain.low > 3 * (blind.gain.high - blind.gain.low)


@pytest.mark.slow
def test_a_candidate_that_is_better_is_mostly_let_in_at_two_hundred_audits_and_hardly_ever_called_worse():
    found = words_of(200, (2.0, 1.0))
    assert found["better"] > 0.75
    assert found["worse"] < 0.01


@pytest.mark.slow
def test_a_candidate_that_is_worse_is_kept_out():
    found = words_of(200, (1.0, 2.0))
    assert found["worse"] > 0.75
    assert found["better"] < 0.01


def test_the_gain_has_at_least_students_interval_where_all_audits_count_alike():
    rng = np.random.default_rng(0)
    (before, after), truth = drawn(rng, 60, (1.0, 1.0))
    rows = np.arange(60)
    gains = np.log(after[rows, truth].astype(float)) - np.log(before[rows, truth].astype(float))
    low, high = student.interval(0.9, 59, gains.mean(), gains.std(ddof=1) / np.sqrt(60))
    found = judge(before, after, truth)
    assert found.gain.value == pytest.approx(gains.mean(), rel=1e-6)
    assert low - 0.02 < found.gain.low <= low < high <= found.gain.high < high + 0.02


def test_under_thirty_audits_nothing_is_told_however_clear_it_looks():
    sure, lost = np.tile(np.float32([[0.95, 0.05]]), (29, 1)), np.tile(np.float32([[0.5, 0.5]]), (29, 1))
    lost += np.linspace(0, 0.1, 29, dtype=np.float32)[:, None] * [1, -1]
    found = judge(lost, sure, np.zeros(29, np.int64))
    assert found.gain.low > 0
    assert (found.word, found.more) == ("can't tell", 95)


def test_a_gain_in_log_loss_that_costs_answers_is_not_let_in():
    """It is surer of what is right, and turns six answers in a hundred over by a hair."""
    truth = np.zeros(200, np.int64)
    before = np.tile(np.float32([[0.6, 0.4]]), (200, 1))
    after = np.tile(np.float32([[0.9, 0.1]]), (200, 1))
    after[:12] = [0.49, 0.51]
    found = judge(before, after, truth)
    assert found.gain.low > 0
    assert (found.word, found.before, found.after) == ("worse", 200, 188)


def test_without_a_single_answer_that_differs_few_audits_still_leave_the_accuracy_in_doubt():
    truth = np.zeros(40, np.int64)
    before, after = np.tile(np.float32([[0.6, 0.4]]), (40, 1)), np.tile(np.float32([[0.9, 0.1]]), (40, 1))
    before[::2] += np.float32([0.01, -0.01])
    found = judge(before, after, truth)
    assert (found.word, found.accuracy.value) == ("can't tell", 0.0)
    assert found.accuracy.low < -0.02
    assert found.more is not None


def test_it_says_how_many_more_audits_would_tell_unless_there_are_not_so_many():
    rng = np.random.default_rng(5)
    (before, after), truth = drawn(rng, 50, (1.5, 1.0))
    found = judge(before, after, truth)
    assert found.word == "can't tell"
    assert 50 < found.more < 1000
    assert judge(before, after, truth, available=50).more is None


def test_an_import_counts_by_its_size_and_not_by_its_audits():
    """The candidate is right on the small import, of which most audits are, and lost on the large one."""
    truth = np.zeros(100, np.int64)
    strata = np.repeat([0, 1], [80, 20])
    before = np.tile(np.float32([[0.6, 0.4]]), (100, 1))
    after = np.where(strata[:, None] == 0, np.float32([0.8, 0.2]), np.float32([0.3, 0.7])).astype(np.float32)
    alike, weighed = judge(before, after, truth), judge(before, after, truth, strata=strata, sizes=(100, 900))
    assert alike.gain.value == pytest.approx(0.8 * np.log(0.8 / 0.6) + 0.2 * np.log(0.3 / 0.6))
    assert weighed.gain.value == pytest.approx(0.1 * np.log(0.8 / 0.6) + 0.9 * np.log(0.3 / 0.6))
    assert weighed.accuracy.value == pytest.approx(-0.9)
    assert weighed.word == "worse"


def test_audits_of_one_group_count_as_one():
    rng = np.random.default_rng(3)
    (before, after), truth = drawn(rng, 60, (2.0, 1.0))
    ten = [np.repeat(each, 10, axis=0) for each in (before, after)]
    alone, copied = judge(before, after, truth), judge(*ten, np.repeat(truth, 10), groups=np.repeat(np.arange(60), 10))
    assert copied.gain.low == pytest.approx(alone.gain.low, rel=0.02)


def test_of_any_number_of_classes_each_has_a_loss_and_only_whole_answers_are_right():
    truth = np.array([[True, True, False], [False, False, False]])
    before = np.float32([[0.6, 0.6, 0.4], [0.4, 0.4, 0.4]])
    after = np.float32([[0.8, 0.4, 0.2], [0.2, 0.2, 0.2]])
    found = judge(before, after, truth)
    first = np.log(0.8 / 0.6) + np.log(0.4 / 0.6) + np.log(0.8 / 0.6)
    assert found.gain.value == pytest.approx((first + 3 * np.log(0.8 / 0.6)) / 2)
    assert (found.before, found.after, found.accuracy.value) == (2, 1, -0.5)


def test_without_audits_nothing_is_told():
    most = -np.log(1e-4)
    none = np.zeros((0, 2), np.float32)
    assert judge(none, none, np.zeros(0, np.int64)) == Held(
        "can't tell", Change(0.0, -most, most), Change(0.0, -1.0, 1.0), 0, 0, 30
    )
