"""What a training on a table comes to, judged by the rows held out."""

import json

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, precision_recall_fscore_support, r2_score

from collab.engine.training import Recipe, fit
from collab.loop.splitting import Training, prepare
from collab.loop.training import train


@pytest.fixture
def birds(tmp_path):
    """Three kinds of bird that a bill and a wing mostly tell apart; some cells are missing."""
    rng, path = np.random.default_rng(5), tmp_path / "birds.csv"
    lines = ["kind,island,bill,wing"]
    for number in range(360):
        kind = number % 3
        bill, wing = rng.normal([39, 48, 47][kind], 3), rng.normal([190, 196, 217][kind], 6)
        island = "ABC"[kind if number % 2 else rng.integers(3)]
        lines.append(f"{['Adelie', 'Chinstrap', 'Gentoo'][kind]},{island},{bill:.1f},{wing:.0f}")
    lines[7] = "Adelie,NA,,190"
    path.write_text("\n".join(lines))
    return path


def test_figures_are_those_of_the_rows_held_out(birds):
    prepared = prepare(Training(birds, "kind", recipe=Recipe(epochs=3)))
    told = []
    trained = train(prepared, told.append)
    quality = trained.quality
    network = fit(prepared.learned.features, prepared.learned.targets, 3, Recipe(epochs=3)).network
    predicted, truth = network.outputs(prepared.held_out.features).argmax(axis=1), prepared.held_out.targets
    means = precision_recall_fscore_support(truth, predicted, average="macro")[:3]
    assert (quality.precision, quality.recall, quality.f1) == pytest.approx(means)
    assert (quality.accuracy.value, quality.accuracy.n) == ((predicted == truth).mean(), 90)
    assert quality.accuracy.low < quality.accuracy.value < quality.accuracy.high
    assert np.array(quality.confusion).sum(axis=1).tolist() == [recall.n for recall in quality.by_class.recall]
    assert tuple(told) == trained.epochs


def test_kinds_are_told_far_better_than_by_always_saying_the_most_frequent(birds):
    quality = train(prepare(Training(birds, "kind"))).quality
    assert quality.baseline == pytest.approx(1 / 3)
    assert quality.accuracy.value > 0.9


def test_classes_under_the_squared_error_are_those_of_the_largest_output(birds):
    recipe = Recipe(loss="mse", epochs=20)
    prepared = prepare(Training(birds, "kind", recipe=recipe))
    trained = train(prepared)
    fitted = fit(prepared.learned.features, np.eye(3)[prepared.learned.targets], 3, recipe)
    predicted, truth = fitted.network.outputs(prepared.held_out.features).argmax(axis=1), prepared.held_out.targets
    means = precision_recall_fscore_support(truth, predicted, average="macro")[:3]
    quality = trained.quality
    assert trained.epochs == fitted.epochs
    assert (quality.accuracy.value, quality.precision, quality.recall, quality.f1) == pytest.approx(
        ((predicted == truth).mean(), *means)
    )
    assert quality.accuracy.value > 0.9


def test_numbers_are_estimated_better_than_by_their_median(birds):
    prepared = prepare(Training(birds, "wing", recipe=Recipe(loss="mse", epochs=20)))
    quality = train(prepared).quality
    network = fit(prepared.learned.features, prepared.learned.targets, 1, Recipe(loss="mse", epochs=20)).network
    truth, estimated = (
        prepared.centre + prepared.scale * n
        for n in (prepared.held_out.targets, network.outputs(prepared.held_out.features))
    )
    assert quality.absolute_error.value == pytest.approx(mean_absolute_error(truth, estimated), rel=1e-4)
    assert quality.explained == pytest.approx(r2_score(truth, estimated), abs=1e-4)
    assert quality.absolute_error.high < quality.baseline
    assert quality.explained > 0.5


def test_the_same_seed_says_the_same(birds):
    first, again, other = (
        train(prepare(Training(birds, "kind", recipe=Recipe(epochs=2, seed=seed)))).as_dict() for seed in (1, 1, 2)
    )
    assert first == again
    assert first["epochs"] != other["epochs"]


def test_all_of_it_is_told_as_json(birds):
    told = json.loads(json.dumps(train(prepare(Training(birds, "kind", recipe=Recipe(epochs=2)))).as_dict()))
    assert told["rows"] == {"read": 360, "rejected": 0, "unlabeled": 0, "empty": 0, "learned": 270, "held_out": 90}
    assert told["recipe"] == {
        "hidden": [10], "optimizer": "adam", "loss": "cross-entropy", "epochs": 2, "batch": 64, "rate": 0.01, "seed": 0,
        "held_out": 0.25,
    }  # fmt: skip
    assert told["columns"][:2] == [
        {"name": "island", "kind": "category", "missing": 1, "odd": 0},
        {"name": "bill", "kind": "number", "missing": 1, "odd": 0},
    ]
    assert told["quality"]["accuracy"]["n"] == 90


def test_the_precision_of_a_class_that_is_never_said_is_null(tmp_path):
    path = tmp_path / "rare.csv"
    path.write_text("x,y\n" + "".join(f"{n % 2},{'rare' if n % 20 == 0 else 'usual'}\n" for n in range(200)))
    trained = train(prepare(Training(path, "y")))
    precision, _ = json.loads(json.dumps(trained.as_dict(), allow_nan=False))["quality"]["by_class"]["precision"]
    assert precision == {"value": None, "low": 0.0, "high": 1.0, "n": 0}
    assert (trained.quality.accuracy.value, trained.quality.recall) == (trained.quality.baseline, 0.5)
