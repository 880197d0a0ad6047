from dataclasses import replace

import numpy as np
import pytest

from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.table import HASHED, MOST_OWN, Table
from collab.engine.encoders.text import Hashing
from collab.engine.heads import Standard, head_of

KINDS = [("mass", "number"), ("colour", "category")]


def cells(count, seed=0):
    rng = np.random.default_rng(seed)
    masses, colours = rng.normal(100, 10, count), rng.choice(["red", "green", "blue"], count)
    return [{"mass": float(m), "colour": str(c)} for m, c in zip(masses, colours, strict=True)]


def numbers(values):
    return [{"mass": value} for value in values]


def test_a_number_is_told_in_quartiles_from_the_median():
    table = Table.fit(KINDS[:1], numbers([1, 2, 3, 4, 5]))
    np.testing.assert_allclose(table.encode(numbers([1, 3, 5]))[:, 0], np.array([-1, 0, 1]) * 2**0.5, atol=1e-6)


def test_an_outlier_is_clipped_and_changes_no_others():
    plain, wild = (Table.fit(KINDS[:1], numbers([*range(100), last])) for last in (100, 1e9))
    assert wild.columns[0].median == plain.columns[0].median
    at_the_end, beyond = wild.encode(numbers([1e6, 1e12]))
    assert at_the_end == beyond


def test_numbers_of_any_size_stay_finite():
    rows = numbers([1e308, -1e308, 0, 1, "inf", 10**400])
    assert np.isfinite(Table.fit(KINDS[:1], rows).encode(rows)).all()


def test_what_is_missing_is_the_median_beside_a_flag():
    table = Table.fit(KINDS[:1], numbers([1, 2, 3, None]))
    empty, middle = table.encode(numbers([None, 2]))
    assert empty[0] == middle[0]
    assert empty[1] > 0 > middle[1]


def test_a_mean_row_of_the_pool_has_size_one():
    rows = cells(500)
    features = Table.fit(KINDS, rows).encode(rows)
    assert np.square(features).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)


def test_a_rare_flag_is_not_blown_up():
    rows = [{**row, "rare": "yes" if n == 0 else "no"} for n, row in enumerate(cells(1000))]
    table = Table.fit([*KINDS, ("rare", "category")], rows)
    assert max(table.factor) == pytest.approx(2 * min(table.factor))


def test_a_value_that_the_pool_lacked_is_none_of_its_values():
    table = Table.fit(KINDS[1:], cells(100))
    strange, red = table.encode([{"colour": "mauve"}, {"colour": "red"}])
    assert (strange < 0).all()
    assert (red > 0).sum() == 1


def test_a_category_of_many_values_shares_columns_and_the_frequent_ones_have_their_own():
    rows = [{"colour": f"shade {n % 80}"} for n in range(800)] + [{"colour": "red"}] * 99
    table = Table.fit(KINDS[1:], rows)
    assert (table.dim, table.columns[0].values[0]) == (MOST_OWN + HASHED, "red")
    assert (table.encode([{"colour": "shade 79"}]) > 0).sum() == 1


def test_a_category_of_which_each_row_has_its_own_value_says_nothing():
    assert Table.fit(KINDS[1:], [{"colour": f"shade {n}"} for n in range(100)]).dim == 0


def test_dates_are_numbers_in_their_order():
    rows = [{"colour": f"2024-0{month}-15"} for month in range(1, 8)]
    features = Table.fit(KINDS[1:], rows).encode(rows)
    assert features.shape == (7, 1)
    assert (np.diff(features[:, 0]) > 0).all()


def test_what_was_measured_comes_back_from_json_to_the_same_digest_and_features():
    rows = [*cells(50), {"mass": None, "colour": ""}]
    table = Table.fit(KINDS, rows)
    again = Table.from_json(table.to_json())
    assert (again, again.digest) == (table, table.digest)
    assert Table.fit(KINDS, rows[:-5]).digest != table.digest
    np.testing.assert_array_equal(again.encode(rows), table.encode(rows))


@pytest.mark.parametrize(
    ("later", "moved"),
    [
        (cells(900, seed=1), False),
        ([{**row, "mass": row["mass"] + 20} for row in cells(900, seed=1)], True),
        ([{**row, "mass": 3 * row["mass"] - 200} for row in cells(900, seed=1)], True),
        ([*cells(900, seed=1), *[{"mass": 100.0, "colour": "black"}] * 100], True),
        ([*cells(900, seed=1), *[{"mass": None, "colour": "red"}] * 100], True),
    ],
    ids=["alike", "median", "spread", "values", "missing"],
)
def test_a_pool_that_has_become_another_one_is_told_from_one_that_has_grown(later, moved):
    assert Table.fit(KINDS, cells(900)).moved(Table.fit(KINDS, later)) is moved


def test_text_alone_keeps_its_digest_and_its_features_bit_by_bit():
    texts, blocks = ["some words", "other words"], Blocks(Hashing(), None)
    assert (blocks.digest, blocks.dim) == (Hashing.digest, Hashing.dim)
    np.testing.assert_array_equal(blocks.encode(texts, [{}, {}]), Hashing().encode(texts))


def test_text_and_table_stand_side_by_side_in_equal_size():
    rows = cells(200)
    blocks = Blocks(Hashing(), Table.fit(KINDS, rows))
    features = blocks.encode([f"item {n}" for n in range(200)], rows)
    text, table = np.split(features, [Hashing.dim], axis=1)
    assert [np.square(part).sum(axis=1).mean() for part in (text, table)] == pytest.approx([0.5, 0.5], rel=1e-4)
    np.testing.assert_array_equal(blocks.of_text(features), text)


def test_a_table_that_tells_the_classes_is_not_drowned_by_a_text_that_does_not():
    rows, rng = cells(400), np.random.default_rng(0)
    labels = np.array([row["mass"] > 100 for row in rows]).astype(int)
    noise = rng.normal(size=(400, 300)).astype(np.float32) / 300**0.5
    table = Table.fit(KINDS, rows).encode(rows)
    features, widths = np.hstack([noise, table]) / np.float32(2**0.5), (300, table.shape[1])
    right = {}
    for name, standard in (("balanced", Standard.of(features).balanced(widths)), ("not", Standard.of(features))):
        fitted = head_of("logistic").fit(features[:60], labels[:60], 2, standard=standard)
        right[name] = (fitted.proba(features[60:]).argmax(axis=1) == labels[60:]).mean()
    assert right["balanced"] > max(0.85, right["not"] + 0.1)


def test_a_number_is_placed_among_all_with_ties_in_the_middle():
    (column,) = Table.fit([("n", "number")], [{"n": n} for n in (*range(50), *[50.0] * 51)]).columns
    assert [column.standing(n) for n in (-5, 0, 25, 50, 90, None)] == [0, 0, 0.25, 0.75, 1, None]


def test_a_category_is_placed_by_how_many_have_it():
    (column,) = Table.fit([("c", "category")], [{"c": "red"}] * 3 + [{"c": "blue"}]).columns
    assert [column.standing(value) for value in ("red", "blue", "green", "")] == [0.75, 0.25, None, None]


def test_features_do_not_hang_on_what_is_only_shown_nor_does_their_name():
    fields, rows = [("n", "number"), ("c", "category")], [{"n": n, "c": "red" if n % 3 else "blue"} for n in range(9)]
    measured = Table.fit(fields, rows)
    older = replace(
        measured, columns=tuple(replace(c, quantiles=(), shares=(0.5,) * len(c.shares)) for c in measured.columns)
    )
    assert (older.digest, older.placing(measured)) == (measured.digest, measured)
    assert Table.from_json(measured.to_json()) == measured
