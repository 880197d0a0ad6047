from dataclasses import replace

import numpy as np
import pytest

from collab.domain.project import Field
from collab.domain.run import ImportReport, Round, Stratum
from collab.domain.store import Audit
from collab.engine.assurance import clustered, share_of
from collab.loop.judging import Audits
from collab.loop.slicing import NO_GROUP, UNREAD, Cells, groups_of, parts_of
from tests.loop.conftest import NOW, new_item

ONE = Stratum(1, (1,), 1_000, 40, 30)


def audited(truth, strata=(ONE,)):
    """Audits with these answers (-1: unresolved), of strata in turn, and a round that they judged."""
    found = [
        Audit(i, strata[i % len(strata)].number, ("plus",) if t >= 0 else None, True, False)
        for i, t in enumerate(truth)
    ]
    done = Round(1, 1, 1, NOW, 200, tuple(strata))
    return done, Audits(found, np.arange(len(truth)), np.array(truth), 0)


def sites(*counts):
    """Cells of so many audits from each site."""
    return [{"site": f"S{number}"} for number, n in enumerate(counts) for _ in range(n)]


def test_each_value_of_a_column_is_told_with_its_count_and_interval_most_audits_first():
    done, audits = audited([0] * 40)
    best = np.array([0] * 8 + [1] * 4 + [0] * 28)
    parts = parts_of(done, audits, best, sites(12, 28))
    assert (parts.labels, parts.answered) == (200, 40)
    (site,) = parts.columns
    assert [(p.value, p.right, p.n, p.share) for p in site.parts] == [
        ("S1", 28, 28, share_of(28, 28)),
        ("S0", 8, 12, share_of(8, 12)),
    ]


def test_under_ten_answers_a_part_has_counts_and_no_share():
    done, audits = audited([0] * 40)
    (site,) = parts_of(done, audits, np.zeros(40, int), sites(31, 9)).columns
    assert (site.parts[1].n, site.parts[1].right, site.parts[1].share) == (9, 9, None)


@pytest.mark.parametrize("counts", [(40,), (1,) * 40, (13,) + (4,) * 9 + (0,), (3,) * 13])
def test_a_column_with_one_value_or_more_than_twelve_is_no_category(counts):
    done, audits = audited([0] * sum(counts))
    columns = parts_of(done, audits, np.zeros(sum(counts), int), sites(*counts)).columns
    assert len(columns) == (1 if len(counts) == 11 else 0)


def test_a_column_of_which_no_value_has_ten_answers_is_left_out():
    done, audits = audited([0] * 36)
    assert parts_of(done, audits, np.zeros(36, int), sites(9, 9, 9, 9)).columns == ()


def test_many_numbers_stand_in_thirds_and_few_one_by_one():
    done, audits = audited([0] * 40)
    cells = [{"colors": str(n), "doors": str(n % 2)} for n in range(1, 41)]
    colors, doors = parts_of(done, audits, np.zeros(40, int), cells).columns
    assert {p.value: p.n for p in colors.parts} == {"≤ 14": 14, "≤ 27": 13, "> 27": 13}
    assert {p.value: p.n for p in doors.parts} == {"0": 20, "1": 20}


def test_an_empty_cell_is_a_value_of_its_own():
    done, audits = audited([0] * 40)
    cells = [{"site": ""}] * 15 + [{}] * 10 + [{"site": "S1"}] * 15
    (site,) = parts_of(done, audits, np.zeros(40, int), cells).columns
    assert [(p.value, p.n) for p in site.parts] == [("", 25), ("S1", 15)]


def test_unresolved_audits_of_a_part_widen_its_interval():
    done, audits = audited([0] * 30 + [-1] * 10, (replace(ONE, answered=30, unresolved=10),))
    (site,) = parts_of(done, audits, np.zeros(40, int), sites(20, 20)).columns
    part = next(p for p in site.parts if p.value == "S1")
    assert (part.right, part.n, part.unresolved, part.share.value) == (10, 10, 10, 1.0)
    assert (part.share.low, part.share.high) == (share_of(10, 20).low, 1.0)


def test_an_import_with_too_few_audits_is_in_no_part():
    strata = ONE, Stratum(2, (2,), 1_000, 9, 9)
    done, audits = audited([0] * 40, strata)
    parts = parts_of(done, audits, np.zeros(40, int), sites(20, 20))
    assert (parts.answered, [p.n for p in parts.columns[0].parts]) == (20, [10, 10])


def test_imports_count_by_their_size():
    strata = Stratum(1, (1,), 100, 20, 20), Stratum(2, (2,), 900, 20, 0)
    done, audits = audited([0] * 40, strata)
    best = np.arange(40) % 2
    (site,) = parts_of(done, audits, best, sites(20, 20)).columns
    assert [p.share.value for p in site.parts] == pytest.approx([0.1, 0.1])


def grouped(truth, best, group, learned=()):
    done, audits = audited(truth)
    return groups_of("patient", done, audits, np.array(best), np.array(group), np.array(learned, int))


def test_groups_of_which_something_was_labeled_are_told_apart_from_new_ones():
    best = [0] * 18 + [1] * 2 + [0] * 20
    found = grouped([0] * 40, best, np.repeat(np.arange(20), 2), learned=np.arange(10, 25))
    assert (found.column, found.labels) == ("patient", 200)
    assert (found.unseen, found.unseen_right, found.unseen_groups) == (20, 18, 10)
    assert (found.learned, found.learned_right, found.learned_groups) == (20, 20, 10)
    right = np.array(best[:20]) == 0
    assert found.unseen_share == clustered(right, np.repeat(np.arange(10), 2))


def test_items_without_a_group_are_left_out():
    found = grouped([0] * 40, [0] * 40, [NO_GROUP] * 20 + [*range(20)])
    assert (found.unseen, found.learned) == (20, 0)
    assert (found.learned_share, found.unseen_share.n) == (None, 20)


def test_unresolved_audits_widen_the_interval_of_groups():
    told = grouped([0] * 40, [0] * 40, np.repeat(np.arange(20), 2)).unseen_share
    open_ = grouped([0] * 39 + [-1], [0] * 40, np.repeat(np.arange(20), 2))
    assert open_.unresolved == 1
    assert open_.unseen_share.low < told.low


def test_few_audits_or_one_group_have_counts_and_no_share():
    assert grouped([0] * 9, [0] * 9, range(9)).unseen_share is None
    assert grouped([0] * 20, [0] * 20, [0] * 20).unseen_share is None


@pytest.fixture
def table(loop):
    """A project whose items have columns beside their text."""
    signs = loop(items=0)
    opened = signs.store.begin_import(signs.project.id, "table", "nothing", NOW)
    meta = [{"site": "A ", "patient": n // 2 or None, "long": "x" * 500, "text": "raw"} for n in range(6)]
    rows = [replace(new_item(n), answer=(), meta=cells) for n, cells in enumerate(meta)]
    signs.store.add_items(opened, rows)
    signs.store.finish_import(opened, ImportReport(added=6), 0.0, 500, NOW)
    items = np.array([row.item for row in signs.store.pool(signs.project.id)])
    return signs, Cells(signs.store), items


def test_cells_are_words_without_texts_ids_and_images(table):
    signs, cells, items = table
    project = replace(signs.project, fields=(Field("text"), Field("patient", "text", "id")))
    (row,) = cells.of(project, np.array([3]), items)
    assert (row.keys(), row["site"], len(row["long"])) == ({"site", "long"}, "A", 100)


def test_groups_are_read_a_piece_at_a_look_the_first_rows_first(table):
    _, cells, items = table
    rows = np.array([4, 5, 2, 3, 0, 1])
    first, whole = cells.groups("patient", rows, items, limit=3)
    assert (first.tolist(), whole) == ([0, 0, 1, UNREAD, UNREAD, UNREAD], False)
    later, whole = cells.groups("patient", rows, items, limit=3)
    assert (later.tolist(), whole) == ([0, 0, 1, 1, NO_GROUP, NO_GROUP], True)


def test_another_column_makes_other_groups(table):
    _, cells, items = table
    rows = np.arange(6)
    cells.groups("patient", rows, items)
    assert cells.groups("site", rows, items)[0].tolist() == [0] * 6
