import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from collab.engine.annotator_quality import (
    alpha_change,
    careful,
    crowdlab,
    dawid_skene,
    error_rate,
    kappas,
    krippendorff_alpha,
    majority,
    relabel_scores,
)
from collab.engine.arrays import Floats, Ints

CLASSES = 3


def crowd(
    n_items: int = 400, skills: tuple[float, ...] = (0.95, 0.9, 0.6, 0.5, 0.45), seed: int = 1
) -> tuple[Ints, Ints, Floats]:
    """Truth, answers of people who are right so often and miss one in five items, and a model that is right 3 in 4."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(CLASSES, n_items, p=(0.5, 0.3, 0.2))
    other = (truth[:, None] + rng.integers(1, CLASSES, (n_items, len(skills)))) % CLASSES
    answers = np.where(rng.random((n_items, len(skills))) < skills, truth[:, None], other)
    answers[rng.random(answers.shape) < 0.2] = -1
    answers[(answers < 0).all(axis=1), 0] = 0
    said = np.where(rng.random(n_items) < 0.75, truth, (truth + 1) % CLASSES)
    model = np.full((n_items, CLASSES), 0.15) + 0.55 * np.eye(CLASSES)[said]
    return truth, answers, model.astype(np.float32)


def right(truth: Ints, answers: Ints) -> float:
    return float((truth == answers).mean())


def test_alpha_is_that_of_krippendorffs_own_example_with_missing_answers() -> None:
    # Krippendorff 2011, section B: four observers, twelve units, nominal data, alpha = .743
    given = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
    found = krippendorff_alpha(np.array(given).T - 1)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.n == 11
    assert np.isnan(found.low)  # too few for an interval


def test_alpha_is_one_where_all_agree_and_unknown_where_all_say_the_same() -> None:
    assert krippendorff_alpha(np.array([[0, 0], [1, 1]])).value == 1
    assert np.isnan(krippendorff_alpha(np.array([[0, 0], [0, 0]])).value)
    assert krippendorff_alpha(np.array([[0, -1], [-1, 1]])).n == 0


@pytest.mark.parametrize("skills", [(0.95, 0.9, 0.6, 0.5, 0.45), (0.97, 0.97)])
def test_the_interval_of_alpha_holds_the_agreement_of_a_large_crowd_about_19_times_in_20(
    skills: tuple[float, ...],
) -> None:
    target = krippendorff_alpha(crowd(50_000, skills, seed=0)[1]).value
    found = [krippendorff_alpha(crowd(200, skills, seed=s)[1]) for s in range(1, 201)]
    assert 0.9 <= np.mean([each.low <= target <= each.high for each in found]) <= 0.99


def test_nobody_who_agrees_on_all_items_is_said_to_agree_for_certain() -> None:
    alike = np.repeat(np.arange(120)[:, None] % 2, 2, axis=1)
    found = krippendorff_alpha(alike)
    assert found.value == found.high == 1
    assert found.low < 1


def test_kappa_is_that_of_scikit_learn() -> None:
    _, answers, _ = crowd()
    first = kappas(answers)[0]
    both = (answers[:, 0] >= 0) & (answers[:, 1] >= 0)
    assert (first.first, first.second, first.kappa.n) == (0, 1, both.sum())
    assert first.kappa.value == pytest.approx(cohen_kappa_score(answers[both, 0], answers[both, 1]))
    assert first.kappa.low < first.kappa.value < first.kappa.high


def test_people_who_share_no_item_have_no_kappa() -> None:
    assert kappas(np.array([[0, -1], [-1, 1]])) == []


def test_who_errs_often_counts_less() -> None:
    truth, answers, model = crowd()
    plain = right(truth, majority(answers, CLASSES).answers)
    skilled = dawid_skene(answers, CLASSES)
    with_model = dawid_skene(answers, CLASSES, model)
    assert right(truth, skilled.answers) > plain + 0.02
    assert right(truth, with_model.answers) > right(truth, skilled.answers)
    assert list(np.argsort(-skilled.weights)[:2]) == [0, 1]
    assert crowdlab(answers, model).weights[0] > crowdlab(answers, model).weights[4]


def test_probabilities_sum_to_one() -> None:
    _, answers, model = crowd()
    for found in (dawid_skene(answers, CLASSES), dawid_skene(answers, CLASSES, model), crowdlab(answers, model)):
        assert found.proba.sum(axis=1) == pytest.approx(1)


def test_with_care_the_likeliest_stays_so_and_is_less_sure() -> None:
    _, answers, _ = crowd()
    found = dawid_skene(answers, CLASSES).proba
    less = careful(found)
    assert less.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(less.argmax(axis=1), found.argmax(axis=1))
    assert (less.max(axis=1) <= found.max(axis=1)).all()


def test_errors_are_as_frequent_as_two_answers_tell() -> None:
    _, answers, _ = crowd(20_000, (0.8, 0.8))
    both = answers[(answers >= 0).all(axis=1)]
    assert error_rate(float((both[:, 0] != both[:, 1]).mean()), CLASSES) == pytest.approx(0.2, abs=0.01)
    assert error_rate(1.0) == 1


def test_alpha_rises_by_the_difference_of_both_rounds() -> None:
    _, before, _ = crowd(60, (0.7, 0.7, 0.7))
    _, after, _ = crowd(60, (0.95, 0.95, 0.95))
    after[before < 0] = -1
    found = alpha_change(before, after, least=50)
    both = ((before >= 0).sum(axis=1) > 1) & ((after >= 0).sum(axis=1) > 1)
    first, then = (krippendorff_alpha(answers[both]).value for answers in (before, after))
    assert found.value == pytest.approx(then - first)
    assert 0 < found.low < found.value < found.high


def test_what_few_doubtful_people_answered_is_asked_again_first() -> None:
    _, _, model = crowd(4)
    answers = np.array([[0, 0, 0], [0, 1, -1], [1, 1, 1], [2, -1, -1]])
    scores = relabel_scores(crowdlab(answers, np.full_like(model, 1 / 3)), answers)
    assert set(np.argsort(-scores)[:2].tolist()) == {1, 3}


def test_one_pass_of_crowdlab_is_that_of_cleanlab() -> None:
    multiannotator = pytest.importorskip("cleanlab.multiannotator", reason="pip install 'collab[bench]'")
    _, answers, model = crowd()
    model = model + np.float32(0.01) * np.random.default_rng(2).random(model.shape, np.float32)  # it breaks all ties
    theirs = multiannotator.get_label_quality_multiannotator(
        np.where(answers < 0, np.nan, answers), model, consensus_method="majority_vote", verbose=False,
        calibrate_probs=False, return_detailed_quality=False, return_annotator_stats=False, return_weights=True,
    )  # fmt: skip
    ours = crowdlab(answers, model)
    assert ours.weights == pytest.approx(theirs["annotator_weight"], abs=1e-6)
    assert ours.model_weight == pytest.approx(theirs["model_weight"])


@pytest.mark.filterwarnings("ignore")  # it warns of what newer pandas will no longer do
def test_dawid_skene_agrees_with_that_of_crowd_kit() -> None:
    aggregation = pytest.importorskip("crowdkit.aggregation", reason="pip install 'collab[bench]'")
    import pandas as pd

    truth, answers, _ = crowd()
    items, people = np.nonzero(answers >= 0)
    table = pd.DataFrame({"task": items, "worker": people, "label": answers[items, people]})
    theirs = aggregation.DawidSkene(n_iter=200).fit_predict(table).sort_index().to_numpy()
    ours = dawid_skene(answers, CLASSES).answers
    assert right(ours, theirs) > 0.97
    assert right(truth, ours) >= right(truth, theirs) - 0.005
