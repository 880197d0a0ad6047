"""The bench of the audits' figures on a made-up course: it runs, and finds what is wrong."""

import numpy as np
import pytest
from scipy.special import softmax

from tests.bench import assurance
from tests.bench.assuring import promises
from tests.bench.assuring.models import SEEDS, Course, Rest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def courses():
    """One set whose heads are honest about how sure they are, and get better with labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (1_000, 3)).astype(np.float32)
    proba = softmax(logits, axis=1)
    truth = np.minimum((proba.cumsum(axis=1) < rng.random((1_000, 1))).sum(axis=1), 2)
    rest = Rest(logits, truth, proba.max(axis=1).astype(np.float64), proba.argmax(axis=1))
    labels = np.arange(20, 251, 10)
    right = rng.random(500) < 0.9 - 1.5 * labels[:, None] ** -0.8
    return {"r8": [Course(rest, labels, right)] * SEEDS}


@pytest.mark.parametrize("group", assurance.FIGURES)
def test_each_group_has_figures_that_say_what_they_stand_on(courses, group):
    found = list(assurance.FIGURES[group](courses, 4))
    assert len({each.name for each in found}) == len(found) > 0
    assert all(each.against and np.isfinite(each.value) for each in found)


def test_a_certificate_that_takes_the_errors_it_finds_for_all_there_are_is_caught(courses, monkeypatch):
    """As tools do that accept a threshold where the audits hold no more errors than allowed."""

    def naive(confidence, correct, pool, epsilon, delta, promise="machine"):
        order = np.argsort(-confidence)
        rate = np.cumsum(~correct[order]) / np.arange(1, len(order) + 1)
        threshold = confidence[order][np.flatnonzero(rate <= epsilon)[-1]]
        return promises.Certified(threshold, float((pool >= threshold).mean()), len(order), 0, 0)

    monkeypatch.setattr(promises, "certify", naive)
    found = {each.name: each for each in promises.certificates(courses, 40)}
    assert not found["certificate_violations_p"].met
