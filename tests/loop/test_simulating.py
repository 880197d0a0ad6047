import csv

import pytest

from collab.domain.project import Field
from collab.errors import UnreadableFile
from collab.loop.simulating import Task, simulate
from collab.storage.database import open_store


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "signs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "sign"])
        for number in range(240):
            mood = ("great lovely happy good", "awful terrible sad bad")[number % 2]
            writer.writerow([f"{mood} number {number}", ("plus", "minus")[number % 2]])
    return path


def test_an_oracle_teaches_the_head_through_the_same_loop(store, table):
    task = Task(table, (Field("text"),), "sign", budget=40, batch=10, seeds=2, encoder="hashing")
    told = []
    result = simulate(store, task, tell=told.append)
    assert [(p.seed, p.labels) for p in told] == [(s, n) for s in (0, 1) for n in (10, 20, 30, 40)]
    assert result.points[-1].accuracy == 1.0
    assert (result.pool, result.test, result.classes) == (180, 60, ("minus", "plus"))
    assert result.full_accuracy == 1.0


def test_the_same_seed_gives_the_same_curve(store, table, tmp_path):
    task = Task(table, (Field("text"),), "sign", budget=20, seeds=1, strategies=("margin",), encoder="hashing")
    other = open_store(tmp_path / "other")
    first, second = simulate(store, task), simulate(other, task)
    other.close()
    assert [p.accuracy for p in first.points] == [p.accuracy for p in second.points]


def test_a_column_that_is_not_there_is_named(store, table):
    with pytest.raises(UnreadableFile, match="mood"):
        simulate(store, Task(table, (Field("text"),), "mood", encoder="hashing"))


def test_the_whole_pool_can_be_asked_for_there_are_no_audits(store, table):
    task = Task(table, (Field("text"),), "sign", budget=500, batch=60, seeds=1, encoder="hashing")
    assert simulate(store, task).points[-1].labels == 180


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "sign"), *rows])
    return path


def test_a_text_counts_once_and_stands_in_one_part_only(store, tmp_path):
    moods = [(f"mood {n}", ("plus", "minus")[n % 2]) for n in range(20)]
    path = write(tmp_path / "twice.csv", [*moods, *((f"  Mood   {n} ", sign) for n, (_, sign) in enumerate(moods))])
    result = simulate(store, Task(path, (Field("text"),), "sign", budget=4, batch=4, seeds=1, encoder="hashing"))
    assert (result.pool, result.test) == (15, 5)


def test_what_a_test_file_holds_is_not_asked(store, tmp_path):
    moods = [(f"mood {n}", ("plus", "minus")[n % 2]) for n in range(20)]
    pool, test = write(tmp_path / "pool.csv", moods), write(tmp_path / "test.csv", moods[:5])
    task = Task(pool, (Field("text"),), "sign", test=test, budget=4, batch=4, seeds=1, encoder="hashing")
    result = simulate(store, task)
    assert (result.pool, result.test) == (15, 5)
