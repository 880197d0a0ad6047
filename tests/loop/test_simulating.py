import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from rich.text import Text

from collab.domain.project import Field
from collab.engine.curves import Difference
from collab.errors import Conflict, InvalidPolicy, UnknownName, UnreadableFile, UserError
from collab.loop.comparing import Point, compare
from collab.loop.picturing import draw, spread_out
from collab.loop.preparing import Ready, Task, kind_of
from collab.loop.simulating import Full, Result, simulate
from collab.loop.tabulating import tables_of
from collab.storage.database import open_store

MOODS = [(f"mood {n}", ("plus", "minus")[n % 2]) for n in range(20)]


@pytest.fixture
def table(tmp_path):
    return write(
        tmp_path / "signs.csv",
        [
            (f"{('great lovely happy good', 'awful terrible sad bad')[n % 2]} number {n}", ("plus", "minus")[n % 2])
            for n in range(240)
        ],
    )


@pytest.fixture
def texts(table):
    """A task on texts; the arguments of the test come on top."""
    return lambda **more: Task(table, (Field("text"),), "sign", **{"encoder": "hashing", "seeds": 1, **more})


def arrays():
    """Two clouds of features, and of one class more in the test part."""
    rng = np.random.default_rng(0)
    y, y_test = np.arange(80) % 2, np.array([0, 1, 0, 1, 2])
    x, x_test = (rng.normal(0, 1, (len(of), 5)) + 4 * of[:, None] for of in (y, y_test))
    return {"X": x, "y": y, "X_test": x_test, "y_test": y_test}


def saved(folder, **arrays):
    np.savez(folder / "ready.npz", **arrays)
    return folder / "ready.npz"


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "sign"), *rows])
    return path


def curve(result):
    return [(p.strategy, p.seed, p.labels, p.accuracy, p.macro_f1) for p in result.points]


def test_an_oracle_teaches_the_head_through_the_same_loop(texts):
    told = []
    result = simulate(texts(budget=40, batch=10, seeds=2), open_store, tell=told.append)
    assert [(p.seed, p.labels) for p in told] == [(s, n) for s in (0, 1) for n in (10, 20, 30, 40)]
    assert result.points[-1].accuracy == 1.0
    assert (result.full.pool, result.full.test, result.full.classes) == (180, 60, ("minus", "plus"))
    assert result.full.accuracy == 1.0


def test_the_same_seed_gives_the_same_curve(texts):
    task = texts(budget=20, strategies=("margin",))
    assert curve(simulate(task, open_store)) == curve(simulate(task, open_store))


@pytest.mark.slow
def test_curves_are_the_same_however_many_processes_there_are(texts):
    task = texts(budget=8, batch=4, seeds=2)
    assert curve(simulate(task, open_store, jobs=2)) == curve(simulate(task, open_store, jobs=1))


def test_any_number_of_classes_can_be_learned_and_answers_count_as_a_whole(tmp_path):
    words = {"sun": "bright sunny warm", "wet": "rain drops umbrella"}
    cells = (("sun",), ("wet",), ("sun", "wet"), ())
    rows = [(" ".join(words[c] for c in cells[n % 4]) + f" number {n}", "; ".join(cells[n % 4]) or "none")
            for n in range(240)]  # fmt: skip
    path = write(tmp_path / "weather.csv", rows)
    task = Task(path, (Field("text"),), "sign", many=True, budget=60, batch=20, seeds=1, encoder="hashing")
    result = simulate(task, open_store)
    assert (result.full.classes, result.full.accuracy, result.points[-1].accuracy) == (("sun", "wet"), 1.0, 1.0)
    assert result.full.left == (
        "An answer is all classes that apply: accuracy counts the answers that are right as a whole.",
    )


def test_a_column_that_is_not_there_is_named(table):
    with pytest.raises(UnreadableFile, match="mood"):
        simulate(Task(table, (Field("text"),), "mood", encoder="hashing"), open_store)


def test_a_strategy_that_is_not_there_is_named_before_anything_runs(texts):
    with pytest.raises(UnknownName, match="guesswork"):
        simulate(texts(strategies=("random", "guesswork")), open_store)


def test_a_budget_of_nothing_is_refused(texts):
    with pytest.raises(InvalidPolicy, match="budget is 0; it must be at least 1"):
        simulate(texts(budget=0), open_store)


def test_a_batch_that_no_ranking_holds_is_refused(texts):
    with pytest.raises(InvalidPolicy, match="batch is 201; it must be at most 200, which is what one ranking holds"):
        simulate(texts(batch=201), open_store)


def test_the_whole_pool_can_be_asked_for_there_are_no_audits(tmp_path):
    path = write(tmp_path / "few.csv", MOODS)
    task = Task(path, (Field("text"),), "sign", budget=500, batch=60, seeds=1, encoder="hashing")
    assert simulate(task, open_store).points[-1].labels == 15


def test_a_text_counts_once_and_stands_in_one_part_only(tmp_path):
    path = write(tmp_path / "twice.csv", [*MOODS, *((f"  Mood   {text[5:]} ", sign) for text, sign in MOODS)])
    task = Task(path, (Field("text"),), "sign", budget=4, batch=4, seeds=1, encoder="hashing")
    full = simulate(task, open_store).full
    assert (full.pool, full.test) == (15, 5)


def test_what_a_test_file_holds_is_not_asked(tmp_path):
    pool, test = write(tmp_path / "pool.csv", MOODS), write(tmp_path / "test.csv", MOODS[:5])
    task = Task(pool, (Field("text"),), "sign", test=test, budget=4, batch=4, seeds=1, encoder="hashing")
    full = simulate(task, open_store).full
    assert (full.pool, full.test) == (15, 5)


def test_ready_features_teach_as_they_come(tmp_path):
    task = Task(saved(tmp_path, **arrays()), strategies=("random", "margin"), budget=20, seeds=1)
    result = simulate(task, open_store)
    assert (result.full.pool, result.full.test, result.full.classes) == (80, 5, ("0", "1", "2"))
    assert {p.accuracy for p in result.points if p.labels == 20} == {0.8}
    with pytest.raises(UserError, match="ready"):
        Ready("features", 5, "digest").encode(["a text"])


def test_classes_of_ready_features_may_be_words(tmp_path):
    given = arrays()
    given |= {"y": np.array(["no", "yes"])[given["y"]], "y_test": np.array(["no", "yes", "else"])[given["y_test"]]}
    full = simulate(Task(saved(tmp_path, **given), budget=10, seeds=1), open_store).full
    assert full.classes == ("else", "no", "yes")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("X", np.full((80, 5), np.nan), "X holds NaN or infinity"),
        ("X", np.zeros(80), r"X is float64 of shape \(80,\)"),
        ("X", np.full((80, 5), "a"), "rows of numbers"),
        ("X_test", np.zeros((5, 4)), "X has 5 columns and X_test 4"),
        ("y", np.zeros(79, int), r"y has the shape \(79,\); one class for each of 80 rows"),
        ("y", np.zeros(80, int), "y holds 1 classes; two are the least"),
        ("y", np.linspace(0, 1, 80), "whole numbers or strings"),
        ("y", np.array(["é".encode("latin-1"), b"a"] * 40), "y holds bytes that are no UTF-8"),
        ("y", np.array(["a", "b"] * 40), "name the classes differently"),
        ("y", np.array(["a", 1] * 40, object), "no .npz file of plain arrays"),
    ],
)
def test_features_that_cannot_be_used_are_refused_in_words(tmp_path, name, value, says):
    with pytest.raises(UnreadableFile, match=says):
        simulate(Task(saved(tmp_path, **{**arrays(), name: value})), open_store)


def test_classes_may_be_whole_floats_and_a_name_end_in_capitals(tmp_path):
    given = arrays()
    path = saved(tmp_path, **given | {"y": given["y"].astype(float)}).rename(tmp_path / "READY.NPZ")
    assert simulate(Task(path, budget=10, seeds=1), open_store).full.classes == ("0", "1", "2")


def test_classes_in_bytes_are_read_as_utf_8(tmp_path):
    words = np.array([b"non", "né".encode()])
    given = arrays()
    given |= {"y": words[given["y"]], "y_test": words[given["y_test"] % 2]}
    assert simulate(Task(saved(tmp_path, **given), budget=10, seeds=1), open_store).full.classes == ("non", "né")


def test_damaged_data_in_an_archive_are_refused(tmp_path):
    path = tmp_path / "ready.npz"
    np.savez_compressed(path, **arrays())
    bytes_ = bytearray(path.read_bytes())
    bytes_[60:90] = bytes(30)  # in the packed data of X
    path.write_bytes(bytes_)
    with pytest.raises(UnreadableFile, match="of plain arrays"):
        simulate(Task(path), open_store)


def test_an_array_larger_than_any_memory_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**43, 1)})
    path = saved(tmp_path, **arrays())
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()} | {"X.npy": header.getvalue()}
    with zipfile.ZipFile(path, "w") as damaged:
        damaged.writestr("X.npy", parts.pop("X.npy"))
        [damaged.writestr(name, part) for name, part in parts.items()]
    with pytest.raises(UnreadableFile, match="damaged, or needs more memory"):
        simulate(Task(path), open_store)


def test_arrays_that_are_missing_are_named(tmp_path):
    with pytest.raises(UnreadableFile, match="no array X_test, y_test; X, y, X_test and y_test are needed"):
        simulate(Task(saved(tmp_path, X=np.zeros((4, 2)), y=np.arange(4))), open_store)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "ready.npz").write_text("no archive")
    with pytest.raises(UnreadableFile, match="it is no \\.npz file"):
        simulate(Task(tmp_path / "ready.npz"), open_store)


def test_equal_norms_and_many_columns_tell_an_embedding():
    rng = np.random.default_rng(0)
    few, many = rng.normal(0, 1, (9, 5)).astype(np.float32), rng.normal(0, 1, (9, 200)).astype(np.float32)
    unit = few / np.linalg.norm(few, axis=1, keepdims=True)
    assert [kind_of(x) for x in (few, many, unit)] == ["table", "embedding", "embedding"]


def test_one_hot_columns_and_whole_numbers_are_a_table_however_equal_or_many_they_are():
    rng = np.random.default_rng(0)
    one_hot = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (50, 6))].reshape(50, 24)
    flags = np.hstack([rng.integers(0, 2, (50, 100)), rng.normal(0, 1, (50, 40))]).astype(np.float32)
    counts = rng.integers(0, 200, (50, 180)).astype(np.float32)
    assert [kind_of(x) for x in (one_hot, flags, counts)] == ["table", "table", "table"]


def test_what_a_folder_keeps_is_not_run_again(texts, tmp_path):
    first = simulate(texts(budget=10), open_store, out=tmp_path / "out")
    told = []
    both = simulate(
        texts(budget=10, strategies=("random", "default")), open_store, out=tmp_path / "out", tell=told.append
    )
    assert [p.strategy for p in told] == ["random"]
    assert both.points[1:] == first.points
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == both.as_dict()


def test_what_was_cut_off_goes_on_where_it_was(texts, tmp_path):
    def stop(point):
        if point.seed == 1:
            raise KeyboardInterrupt

    task = texts(budget=4, batch=2, seeds=2)
    with pytest.raises(KeyboardInterrupt):
        simulate(task, open_store, out=tmp_path / "out", tell=stop)
    told = []
    simulate(task, open_store, out=tmp_path / "out", tell=told.append)
    assert [p.seed for p in told] == [1, 1]


def test_a_folder_keeps_one_task(texts, tmp_path):
    simulate(texts(budget=10), open_store, out=tmp_path / "out")
    with pytest.raises(Conflict, match="another simulation, with another budget and batch"):
        simulate(texts(budget=15, batch=5), open_store, out=tmp_path / "out")


def test_a_damaged_run_counts_as_not_there(texts, tmp_path):
    first = simulate(texts(budget=10), open_store, out=tmp_path)
    (tmp_path / "default-0.json").write_text('[{"labels": 10}]')
    (tmp_path / "full.json").write_text('{"accuracy')
    again = simulate(texts(budget=10), open_store, out=tmp_path)
    assert (curve(again), again.full) == (curve(first), first.full)


@pytest.mark.parametrize(("kept", "says"), [('{"code"', "is damaged"), ('{"code": "older"}', "another code")])
def test_a_folder_of_other_code_or_of_nobody_knows_what_is_refused(texts, tmp_path, kept, says):
    (tmp_path / "task.json").write_text(kept)
    with pytest.raises(Conflict, match=says):
        simulate(texts(), open_store, out=tmp_path)


def test_a_folder_that_cannot_be_made_is_named(texts, table):
    with pytest.raises(UserError, match="choose another folder"):
        simulate(texts(), open_store, out=table)


def test_strategies_are_compared_with_random():
    summary = compare([*points("margin", 0.4, 0.6), *points("random", 0.3, 0.6)], 0.7)
    margin, random = summary.curves
    assert (summary.baseline, summary.area_from, summary.area_to) == ("random", 10, 20)
    assert (margin.area, margin.labels_to_90) == (pytest.approx(0.6), pytest.approx(16.5))
    assert (random.labels_to_90, random.labels_to_95, random.difference) == (pytest.approx(19.0), float("inf"), None)
    reach = 12.7062 * 0.05  # Student's, of two differences, 0 and 0.1
    assert margin.difference == Difference(
        pytest.approx(0.05), pytest.approx(0.05 - reach, rel=1e-4), pytest.approx(0.05 + reach, rel=1e-4), 1, 1, 0
    )


def test_what_one_seed_cannot_say_is_null():
    said = json.loads(json.dumps(result(points("margin", 0.4)).as_dict(), allow_nan=False))
    assert (said["summary"]["curves"][0]["area_low"], said["summary"]["curves"][0]["labels_to_95"]) == (None, None)


@pytest.mark.parametrize(
    ("seeds", "says"),
    [(2, "2 seeds, 95 % intervals by Student's t"), (10, "by Student's t, of differences by bootstrap")],
)
def test_the_table_says_which_intervals_it_has_and_the_name_as_it_is(seeds, says):
    found = result([*points("margin", *[0.4] * seeds), *points("random", *[0.3] * seeds)])
    whole, _ = tables_of(replace(found, name="[bold]set.npz"))
    assert whole.title.endswith(says)
    assert Text.from_markup(whole.title).plain.startswith("[bold]set.npz: ")


def test_the_picture_names_every_curve_and_the_level_of_all_labels(tmp_path):
    svg, png = draw(result([*points("margin", 0.4, 0.6), *points("random", 0.3, 0.6)]), tmp_path)
    says = ("margin 70.0 %", "random 65.0 %", "all 1,234 labels 80.0 %", "signs.csv", "means over 2 seeds")
    assert [words for words in says if words not in svg.read_text()] == []
    assert png.read_bytes()[:4] == b"\x89PNG"


def points(strategy, *starts):
    """Two rounds for each seed, which gain 0.2."""
    return [
        Point(strategy, seed, number, 10 * number, start + 0.2 * (number - 1), 0.5, 0.01, 0.01)
        for seed, start in enumerate(starts)
        for number in (1, 2)
    ]


def result(points):
    full = Full(0.8, 0.7, 1234, 60, ("minus", "plus"))
    return Result("signs.csv", len({p.seed for p in points}), full, tuple(points), compare(points, full.accuracy))


def test_names_at_line_ends_never_cover_each_other_and_keep_their_order():
    placed = spread_out([100, 104, 90, 95, 300], gap=18)
    assert np.argsort(placed).tolist() == [2, 3, 0, 1, 4]
    assert np.diff(sorted(placed)).min() == pytest.approx(18)
