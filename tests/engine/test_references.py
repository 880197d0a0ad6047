"""The same numbers as other libraries, where they know the method."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binom
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support

from collab.engine.assurance import accuracy_by_confidence, estimate_by_class
from collab.engine.calibration import fit_temperature
from collab.engine.certifying import LEFT_OUT, Ladder, TooFewAudits, certify
from collab.engine.label_sets import calibrate, predict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # they warn of what newer libraries will no longer do
]
OTHERS = {"reason": "needs the extra `bench`"}
LEVELS = [0.8, 0.9, 0.95]


@pytest.fixture(scope="module")
def model():
    """A classifier of four classes in two dimensions, which it can't tell apart well."""
    rng = np.random.default_rng(0)
    truth = rng.integers(4, size=900)
    places = rng.normal(0, 1, (900, 2)) + np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])[truth]
    return LogisticRegression().fit(places[:200], truth[:200]), places[200:], truth[200:]


@pytest.fixture(scope="module")
def pool():
    """A large pool whose errors become rarer with confidence, and 400 audits."""
    rng = np.random.default_rng(1)
    confidence = rng.beta(4, 1, 100_000)
    right = rng.random(100_000) > 1.2 * (1 - confidence) ** 1.5
    return confidence, right, rng.choice(100_000, 400, replace=False)


@pytest.mark.parametrize("level", LEVELS)
def test_label_sets_equal_those_of_mapie(model, level):
    classification = pytest.importorskip("mapie.classification", **OTHERS)
    head, places, truth = model
    proba = head.predict_proba(places)
    theirs = classification.SplitConformalClassifier(head, confidence_level=level, conformity_score="lac")
    theirs.conformalize(places[:120], truth[:120])
    _, sets = theirs.predict_set(places[120:])
    assert np.array_equal(predict(proba[120:], calibrate(proba[:120], truth[:120], level)), sets[..., 0])


@pytest.mark.parametrize("level", LEVELS)
def test_label_sets_equal_those_of_crepes(model, level):
    crepes = pytest.importorskip("crepes", **OTHERS)
    head, places, truth = model
    proba = head.predict_proba(places)
    theirs = crepes.ConformalClassifier().fit(1 - proba[:120][np.arange(120), truth[:120]])
    sets = theirs.predict_set(1 - proba[120:], confidence=level, smoothing=False)
    assert np.array_equal(predict(proba[120:], calibrate(proba[:120], truth[:120], level)), sets.astype(bool))


@pytest.mark.parametrize("epsilon", [0.06, 0.08, 0.1])
def test_certified_machine_labels_end_where_mapies_fixed_sequence_does(pool, epsilon):
    fwer = pytest.importorskip("mapie.risk_control.fwer_control", **OTHERS)
    confidence, right, rows = pool
    ladder = Ladder.of(confidence)
    above, wrong = ladder.at_or_above(confidence[rows]), ladder.at_or_above(confidence[rows][~right[rows]])
    tested = np.flatnonzero(ladder.allowed(above, 400, epsilon, 0.1, "machine") != LEFT_OUT)
    passed = fwer.control_fwer(binom.cdf(wrong[tested], above[tested], epsilon), 0.1, "fixed_sequence")
    found = certify(confidence[rows], right[rows], confidence, epsilon, 0.1, "machine")
    assert found.threshold == ladder.thresholds[tested[passed[-1]]]


@pytest.mark.parametrize("epsilon", [0.06, 0.08, 0.1])
def test_certificates_of_the_data_set_label_more_than_mapies_risk_control(pool, epsilon):
    """It bounds the share by Hoeffding's inequality, which holds for any loss; ours is exact for right and wrong."""
    methods = pytest.importorskip("mapie.risk_control.methods", **OTHERS)
    confidence, right, rows = pool
    thresholds = Ladder.of(confidence).thresholds
    risks = ((confidence[rows][:, None] >= thresholds) & ~right[rows][:, None]).astype(float)
    _, bounds = methods.get_r_hat_plus(risks, thresholds, "rcps", "hoeffding", 0.1, None)
    theirs = methods.find_best_predict_param(thresholds, bounds, np.array([epsilon]))
    assert certify(confidence[rows], right[rows], confidence, epsilon, 0.1, "dataset").threshold < theirs[0]


def test_accuracy_by_confidence_is_prediction_powered_by_the_part_of_the_pool(pool):
    ppi = pytest.importorskip("ppi_py", **OTHERS)
    confidence, right, rows = pool
    edges = np.quantile(confidence, [0.25, 0.5, 0.75])
    part = np.searchsorted(edges, confidence, side="right")
    expected = np.bincount(part[rows], weights=right[rows]) / np.bincount(part[rows])
    given = (right[rows].astype(float), expected[part[rows]], expected[part])
    found = accuracy_by_confidence(right[rows], confidence[rows], confidence)
    (low,), (high,) = ppi.ppi_mean_ci(*given, alpha=0.05, lam=1)
    assert found.value == pytest.approx(ppi.ppi_mean_pointestimate(*given, lam=1)[0])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)


def test_figures_by_class_equal_scikit_learn(model):
    head, places, truth = model
    predicted = head.predict(places)
    found = estimate_by_class(truth, predicted, 4)
    ours = [[each.value for each in figure] for figure in (found.precision, found.recall, found.f1)]
    assert np.array(ours) == pytest.approx(np.array(precision_recall_fscore_support(truth, predicted)[:3]))


def test_probabilities_under_the_temperature_equal_scikit_learn(model):
    head, places, truth = model
    theirs = CalibratedClassifierCV(FrozenEstimator(head), method="temperature").fit(places, truth)
    logits = head.decision_function(places)
    ours = softmax(logits / fit_temperature(logits, truth), axis=1)
    assert ours == pytest.approx(theirs.predict_proba(places), abs=0.002)


def test_a_pool_without_errors_is_certified_from_as_many_audits_as_the_binomial_says(pool):
    confidence, _, rows = pool
    few, enough = rows[:44], rows[:45]
    assert certify(confidence[few], np.ones(44, bool), confidence, 0.05, 0.1, "dataset") == TooFewAudits(44, 1)
    assert certify(confidence[enough], np.ones(45, bool), confidence, 0.05, 0.1, "dataset").coverage == 1
