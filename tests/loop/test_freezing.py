from dataclasses import replace

import numpy as np
import pytest

from collab.domain.certificate import Certificate, Terms
from collab.domain.plain import typed
from collab.engine.certifying import spent
from collab.errors import Conflict, JobCancelled
from collab.loop import drawing, freezing
from collab.loop.drawing import Population, in_keyed_order, read_population
from collab.loop.reshaping import save_policy
from tests.loop.conftest import NOW
from tests.loop.frozen import KEY, TERMS, frozen_of


@pytest.fixture
def frozen(loop):
    return frozen_of(loop)


def test_model_items_and_terms_are_frozen_and_logged(frozen):
    free = frozen.free()
    made = frozen.freeze()
    last = frozen.store.last_round(frozen.id)
    assert made == Certificate(
        frozen.id, 1, "auditing", TERMS, spent(0.3, 1), f"{last.model}.{last.revision}", 1, len(free), made.digest,
        KEY, 60, "Ada", NOW,
    )  # fmt: skip
    assert frozen.store.certificates(frozen.id) == (made,)
    ((_, event),) = frozen.store.log(frozen.id, frozen.store.progress(frozen.id).events - 1)
    assert (event.kind, event.actor, event.payload["act"]) == ("certificate", "Ada", "freeze")
    assert typed(Certificate, event.payload["certificate"]) == made
    head = frozen.store.file(f"certificates/{frozen.id}/1-head.safetensors").read_bytes()
    assert head == frozen.store.file(f"heads/{frozen.id}/{last.revision}.safetensors").read_bytes()


def test_the_frozen_items_are_those_that_nobody_has_seen_with_the_words_of_the_last_round(frozen):
    frozen.signs.hand("Bob")
    free = frozen.free()
    population = read_population(frozen.store, frozen.freeze())
    assert population.items.tolist() == free
    truth = [("plus", "minus").index(frozen.store.truth(frozen.id)[item][0]) for item in free]
    assert np.mean(population.column == truth) > 0.9
    assert ((population.confidence >= 0.5) & (population.confidence <= 1)).all()


def test_the_first_items_by_the_key_are_the_audits_and_nothing_else_gets_them(frozen):
    free = frozen.free()
    made = frozen.freeze()
    order = in_keyed_order(np.array(free), KEY, "audits")
    assert frozen.audits() == [free[row] for row in order[:60]]
    rows = frozen.store.pool_rows(frozen.id, frozen.audits())
    assert {(row.drawn, row.reserved, row.state) for row in rows} == {(True, False, "open")}
    assert set(frozen.free()) == set(free) - set(frozen.audits())
    assert made.audits == 60


def test_another_key_draws_other_items_in_an_order_that_each_use_has_of_its_own():
    items = np.arange(1, 200)
    orders = [in_keyed_order(items, key, what).tolist() for key in ("a", "b") for what in ("audits", "checks")]
    assert orders[0] == in_keyed_order(items, "a", "audits").tolist()
    assert len({tuple(order) for order in orders}) == 4
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(199))}


def test_what_people_touch_while_it_is_read_is_left_to_them(frozen, monkeypatch):
    free, reads = frozen.free(), freezing._words
    held = []

    def answered_meanwhile(*arguments):
        frozen.answer(free[:2])
        held.extend(frozen.hold(2))
        return reads(*arguments)

    monkeypatch.setattr(freezing, "_words", answered_meanwhile)
    made = frozen.freeze()
    population = read_population(frozen.store, made)
    assert population.items.tolist() == [item for item in free if item not in {*free[:2], *held}]
    assert made.items == len(population.items)


def test_a_project_that_changes_while_it_is_read_is_not_frozen(frozen, monkeypatch):
    reads = freezing._words

    def changed_meanwhile(*arguments):
        policy = replace(frozen.store.project(frozen.id).policy, blind_share=0.3)
        save_policy(frozen.store, frozen.id, policy, "Bob", "another act", NOW)
        return reads(*arguments)

    monkeypatch.setattr(freezing, "_words", changed_meanwhile)
    with pytest.raises(Conflict, match="changed while its items were read"):
        frozen.freeze()
    assert frozen.store.certificates(frozen.id) == ()


def test_an_attempt_that_could_not_say_that_it_ended_is_not_repeated(frozen):
    arguments = {"by": "Ada", "event_id": "job 1", "now": NOW, "report": lambda *_: False}
    first = freezing.freeze(frozen.store, frozen.id, TERMS, KEY, **arguments)
    assert freezing.freeze(frozen.store, frozen.id, TERMS, "another key", **arguments) == first


def test_a_freeze_that_is_cancelled_leaves_nothing(frozen):
    with pytest.raises(JobCancelled):
        freezing.freeze(
            frozen.store, frozen.id, TERMS, KEY, by="Ada", event_id="job 1", now=NOW, report=lambda *_: True
        )
    assert frozen.store.certificates(frozen.id) == ()


def test_items_whose_features_are_missing_are_not_frozen(frozen, monkeypatch):
    monkeypatch.setattr(freezing, "_rows_of", lambda _, items: np.full(len(items), -1))
    with pytest.raises(Conflict, match="Wait until all are"):
        frozen.freeze()


def test_the_latest_row_of_an_item_counts():
    ids = np.array([7, 3, 9, 3])
    assert freezing._rows_of(ids, np.array([3, 4, 7, 9, 10])).tolist() == [3, -1, 0, 2, -1]


def test_the_second_certificate_may_spend_less(frozen):
    frozen.judged()
    frozen.sign()
    with pytest.raises(Conflict, match="Only 0 items are left"):
        frozen.freeze(Terms(audits=10))
    assert spent(0.3, 2) == pytest.approx(spent(0.3, 1) / 4)


def test_the_digest_tells_other_items_contents_and_words_apart():
    population = Population(np.array([1, 2]), np.array([0.6, 0.7]), np.array([0, 1]))
    other = [
        drawing.digest_of(replace(population, **change), contents)
        for change, contents in [
            ({}, ["a", "b"]), ({}, ["a", "c"]), ({"items": np.array([1, 3])}, ["a", "b"]),
            ({"confidence": np.array([0.6, 0.8])}, ["a", "b"]), ({"column": np.array([1, 1])}, ["a", "b"]),
        ]
        for contents in [np.array(contents, "S64")]
    ]  # fmt: skip
    assert len(set(other)) == 5
