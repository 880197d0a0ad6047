"""How a cleaned table becomes rows to learn from and rows held out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.engine.training import Recipe
from collab.errors import InvalidPolicy, NothingToLearn, TooLarge
from collab.loop.splitting import Training, prepare, split


@pytest.fixture
def training(tmp_path):
    """Writes rows of text under a header, and gives a training on column `y`."""

    def made(header, rows, **recipe):
        path = tmp_path / "table.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return Training(path, "y", recipe=Recipe(**recipe))

    return made


def rows_of(*names):
    return [f"{n * 0.5},{name}" for n, name in enumerate(names)]


@given(st.lists(st.integers(0, 3), min_size=8).map(lambda g: np.array(g * 2)), st.floats(0.05, 0.95))
def test_each_group_gives_its_share_and_has_a_row_on_either_side(groups, share):
    learn, held = split(groups, share, np.random.default_rng(0))
    assert sorted([*learn, *held]) == list(range(len(groups)))
    assert set(groups[learn]) == set(groups[held]) == set(groups)
    wanted = np.bincount(groups)[np.unique(groups)] * share
    assert (np.abs(np.bincount(groups[held])[np.unique(groups)] - wanted) <= 1).all()


def test_the_same_seed_holds_out_the_same_rows_and_another_one_others(training):
    made = training("x,y", rows_of(*["a", "b"] * 20))
    first, again = prepare(made), prepare(made)
    other = prepare(replace(made, recipe=Recipe(seed=1)))
    assert (first.held_out.features == again.held_out.features).all()
    assert (first.held_out.features != other.held_out.features).any()


def test_numbers_are_measured_on_the_rows_that_are_learned_from(training):
    made = prepare(training("x,y", rows_of(*["a", "b"] * 20)))
    low, middle, high = np.quantile(made.learned.features[:, 0], [0.25, 0.5, 0.75])
    assert (middle, high - low) == pytest.approx((0, 1.349), abs=1e-5)


def test_a_number_that_is_far_out_counts_as_five_spreads(training):
    made = prepare(training("x,y", [*rows_of(*["a", "b"] * 20), "1e9,a"]))
    assert max(made.learned.features.max(), made.held_out.features.max()) == 5


def test_missing_cells_are_flagged_beside_numbers_and_one_of_the_categories(training):
    rows = [f"{n % 4 or ''},{'rg'[n % 2] if n % 3 else '?'},{'ab'[n % 2]}" for n in range(48) if n % 12]
    made = prepare(training("x,color,y", rows))
    assert made.learned.features.shape == (33, 2 + 3)
    flags, categories = made.learned.features[:, 1], made.learned.features[:, 2:]
    assert (made.learned.features[flags == 1, 0] == 0).all()
    assert (categories.sum(axis=1) == 1).all()


def test_rare_categories_of_a_column_share_one_input(training):
    made = prepare(training("color,y", [f"c{n % 120},{'ab'[n % 2]}" for n in range(480)]))
    assert made.learned.features.shape[1] == 51
    assert (made.held_out.features.sum(axis=1) == 1).all()


def test_labels_that_differ_in_case_alone_are_one_class(training):
    made = prepare(training("x,y", rows_of(*["Yes", "no"] * 10, "yes ", "NO")))
    assert made.classes == ("Yes", "no")
    assert made.notes == ("Labels taken for a class that is spelled alike but for upper and lower case: 2.",)


def test_a_class_of_a_single_row_is_left_out_and_said(training):
    made = prepare(training("x,y", rows_of(*["a", "b"] * 10, "c")))
    assert (made.classes, len(made.learned.targets) + len(made.held_out.targets)) == (("a", "b"), 20)
    assert made.notes == ("Left out, for being the only row of its class: c.",)


def test_rows_held_out_that_equal_one_that_is_learned_from_are_said(training):
    made = prepare(training("x,y", ["1,a", "2,b"] * 10))
    assert made.notes == ("Rows held out that equal one learned from in every input, which flatters the figures: 4.",)


def test_numbers_to_estimate_are_standardised_by_the_rows_that_are_learned_from(training):
    made = prepare(training("x,y", [*rows_of(*range(40)), "3,none"], loss="mse"))
    targets = made.learned.targets
    assert (targets.mean(), targets.std()) == pytest.approx((0, 1), abs=1e-6)
    assert made.held_out.targets * made.scale + made.centre == pytest.approx(
        np.rint(made.held_out.targets * made.scale + made.centre), abs=1e-4
    )
    assert made.notes == (
        "Left out, for a y that is no number: 1.",
        "y is taken for a number to estimate; the loss is in squared standard deviations of it.",
    )


@pytest.mark.parametrize(
    ("labels", "classes", "says"),
    [
        (["low", "high"] * 10, ("high", "low"), "y is taken for 2 classes: 1 for the class of a row, 0 for each other"),
        ([*range(10)] * 2, tuple("0123456789"), "y holds few whole numbers, and is taken for 10 classes"),
        ([*range(11)] * 2, (), "y is taken for a number to estimate"),
        ([0.5, 1] * 10, (), "y is taken for a number to estimate"),
        ([*range(7)] + [0] * 6, (), "y is taken for a number to estimate"),
    ],
)
def test_the_squared_error_takes_all_but_many_numbers_for_classes_and_says_so(training, labels, classes, says):
    made = prepare(training("x,y", rows_of(*labels), loss="mse"))
    assert made.classes == classes
    assert made.notes[0].startswith(says)


@pytest.mark.parametrize(
    ("labels", "loss", "says"),
    [
        (["a"] * 20, "cross-entropy", r"holds one class \(a\); two are the least"),
        (["a"] * 20 + ["b"], "cross-entropy", r"holds one class \(a\), and 1 of a single row"),
        (range(20), "cross-entropy", "20 classes in 20 rows, too few of each. If it is a number to estimate, use"),
        (["a", "b"] * 3, "cross-entropy", "6 rows can be used; 10 are the least"),
        ([*range(18), "high", "low"], "mse", "20 classes in 20 rows.* no number .* either, for cells such as 'high'"),
        ([4] * 20, "mse", r"holds one class \(4\)"),
        ([4.5] * 20, "mse", r"holds one number \(4.5\)"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused(training, labels, loss, says):
    with pytest.raises(NothingToLearn, match=says):
        prepare(training("x,y", rows_of(*labels), loss=loss))


def test_more_classes_than_memory_holds_are_refused(training):
    with pytest.raises(TooLarge, match="a label of fewer classes"):
        prepare(training("x,y", rows_of(*[f"c{n % 8000}" for n in range(16_000)])))


def test_a_comma_in_numbers_to_estimate_is_asked_about(training):
    with pytest.raises(NothingToLearn, match="'y' writes numbers with a comma"):
        prepare(training("x;y", [f"{n % 7};{n},5" for n in range(20)], loss="mse"))


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ({"hidden": (10, 0)}, "hidden is '10, 0'; it must be layers of 1 to 4,096 units"),
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"batch": -1}, "batch is -1"),
        ({"rate": float("nan")}, "learning rate is nan; it must be greater than 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(training, recipe, says):
    with pytest.raises(InvalidPolicy, match=says):
        prepare(training("x,y", rows_of(*["a", "b"] * 10), **recipe))
