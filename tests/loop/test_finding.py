import dataclasses

import numpy as np
import pytest

from collab.domain.store import ItemFilter
from collab.errors import Conflict, Forbidden, UnknownName
from collab.loop import finding, mapping
from collab.loop.finding import Search, Sure
from collab.loop.scoring import features_of, keep_scores, scores_of
from tests.conftest import MakeProject
from tests.loop.conftest import NOW
from tests.samples import answer_of
from tests.storage.conftest import answered

READ = ("toy", 3)


@pytest.fixture
def project(store, make_project: MakeProject):
    """Forty items on a quarter of a circle, of which the model is ever surer that they are a "No"; two are audits."""
    made = make_project(40, mark=0.05)
    items = np.array([row.item for row in store.pool(made.id)])
    share = np.linspace(0, 1, 40)
    rows = np.stack([np.cos(share), np.sin(share), 0 * share], axis=1).astype(np.float32)
    store.features(made.id, *READ).append(items, np.arange(40), rows * 7)
    keep_scores(store, made, 3, READ, items[::-1], np.stack([1 - share, share], axis=1)[::-1].astype(np.float32))
    return made


def refs(store, project, **wanted):
    return [row.item.ref for row in finding.search(store, project, Search(**wanted)).rows]


def audits(store, project):
    return {row.item for row in store.pool(project.id) if row.reserved}


def test_items_are_found_by_what_the_model_says_of_them(store, project):
    kept_back = {str(number) for number in range(1, 41)} - set(refs(store, project, sure=Sure()))
    assert len(kept_back) == len(audits(store, project)) > 0
    assert refs(store, project, sure=Sure(0.9, 1, "No")) == [str(n) for n in range(37, 41) if str(n) not in kept_back]
    unsure = refs(store, project, sure=Sure(0, 0.55), order="least sure")
    assert unsure[0] in ("20", "21")
    found = finding.search(store, project, Search(ItemFilter("number 38"), Sure(class_id="No", low=0.5)))
    ((item, (said, proba)),) = found.said.items()
    assert (store.items([item])[item].ref, said, round(proba, 2)) == ("38", "No", 0.95)


def test_items_like_one_come_with_the_likest_first(store, project):
    free = [row.item for row in store.pool(project.id) if not row.reserved]
    found = finding.search(store, project, Search(like=free[10]), limit=5)
    near = [row.item.id for row in found.rows]
    assert near[0] == free[10]
    assert set(near[1:3]) <= set(free[8:13])
    assert found.alike[free[10]] == pytest.approx(1)
    assert found.exact
    assert len(found.ids) == len(free)
    answered(store, answer_of(project.id, free[30]))
    assert len(refs(store, project, items=ItemFilter(state="labeled"), like=free[10])) == 1
    with pytest.raises(UnknownName):
        finding.search(store, project, Search(like=next(iter(audits(store, project)))))


def test_replaced_content_is_as_alike_as_it_is_now(store, project):
    free = [row.item for row in store.pool(project.id) if not row.reserved]
    store.features(project.id, *READ).append([free[0]], [99], np.float32([[0, 0, 1]]))
    found = finding.search(store, project, Search(like=free[0]), limit=50)
    assert len(found.ids) == len(set(found.ids.tolist())) == len(free)
    assert found.alike[free[0]] == pytest.approx(1)
    assert found.alike[free[1]] == pytest.approx(0)


def test_who_may_not_look_at_others_learns_nothing_of_them_nor_of_the_model(store, project):
    free = [row.item for row in store.pool(project.id) if not row.reserved]
    answered(store, answer_of(project.id, free[0], "Yes", "ann"))
    answered(store, answer_of(project.id, free[1], "Yes", "bo"))

    def found(only, **wanted):
        return finding.search(store, project, Search(ItemFilter(**wanted)), only=only)

    mine = found("ann", answer="Yes")
    assert [row.item.id for row in mine.rows] == [free[0]]
    everything = found("ann", state="labeled")
    assert (len(everything.ids), everything.said) == (len(free), {})
    assert [row.decision for row in everything.rows[:2]] == [None, None]
    assert [row.item.state for row in everything.rows[:2]] == ["decided", "open"]
    with pytest.raises(Forbidden):
        finding.search(store, project, Search(sure=Sure(0.9)), only="ann")


def test_scores_are_those_of_the_last_ranking_and_none_before_there_is_a_head(store, project):
    keep_scores(store, project, 4, READ, np.array([5, 2]), np.float32([[0.25, 0.75], [0.5, 0.5]]))
    scores = scores_of(store, project.id)
    assert (scores.items.tolist(), scores.proba.tolist()) == ([2, 5], [[0.5, 0.5], [0.25, 0.75]])
    assert scores.rows(np.array([5, 3, 99])).tolist() == [1, -1, -1]
    assert len(list(store.folder(f"scores/{project.id}").iterdir())) == 5
    keep_scores(store, project, 5, READ, np.array([5]), None)
    assert (scores_of(store, project.id), len(features_of(store, project.id))) == (None, 40)


def test_a_map_shows_what_is_no_audit_and_a_lasso_finds_it(store, project):
    made = mapping.make_map(store, project, 7, lambda *_: False, NOW)
    drawn = mapping.map_of(store, project.id)
    free = {row.item for row in store.pool(project.id) if not row.reserved}
    assert (set(drawn.items.tolist()), made["points"], drawn.of, drawn.method) == (
        free,
        len(free),
        len(free),
        made["method"],
    )
    assert not drawn.stale

    first, second = sorted(free)[:2]
    answered(store, answer_of(project.id, first, "No"))
    store.draw_audits(project.id, 1, [second], 1, "random")
    seen, colors = mapping.seen_on(store, project, drawn, "decision")
    assert (seen.sum(), colors.tolist().count(1), colors.tolist().count(mapping.BARE)) == (
        len(free) - 1,
        1,
        len(free) - 1,
    )
    _, bare = mapping.seen_on(store, project, drawn, "decision", only="ann")
    assert set(bare.tolist()) == {mapping.BARE}
    _, said = mapping.seen_on(store, project, drawn, "suggestion")
    assert set(said.tolist()) == {0, 1}
    everything = [[-1, -1], [2, -1], [2, 2], [-1, 2]]
    assert set(mapping.surrounded(drawn, seen, everything)) == free - {second}


def test_a_map_is_made_of_at_most_so_many_points_and_says_when_it_is_of_yesterday(store, project, monkeypatch):
    monkeypatch.setattr(mapping, "MOST", 10)
    mapping.make_map(store, project, 7, lambda *_: False, NOW)
    drawn = mapping.map_of(store, project.id)
    assert (len(drawn.items), drawn.of) == (10, 40 - len(audits(store, project)))
    keep_scores(store, project, 4, ("other", 3), drawn.items, None)
    assert mapping.map_of(store, project.id).stale
    with pytest.raises(Conflict):
        mapping.make_map(store, project, 8, lambda *_: False, NOW)
    bare = dataclasses.replace(project, id=10**6)
    with pytest.raises(Conflict):
        mapping.make_map(store, bare, 8, lambda *_: False, NOW)
