import numpy as np
import pytest

from collab.engine.dealing import batches, dealt, refuse_too_few
from collab.errors import NothingToLearn


def test_each_answer_gives_its_share_of_what_is_held_out():
    labels = np.repeat([0, 1, 2], [100, 60, 41])
    labels[-1] = 3  # a class of one decision is learned from
    learn, watch = dealt(labels, 0.15, seed=1)
    assert np.bincount(labels[watch], minlength=4).tolist() == [15, 9, 6, 0]
    assert sorted([*learn, *watch]) == list(range(201))


def test_the_same_seed_deals_the_same_way_and_nothing_may_be_held_out():
    labels = np.arange(50) % 2
    assert np.array_equal(dealt(labels, 0.2, 3)[1], dealt(labels, 0.2, 3)[1])
    assert not np.array_equal(dealt(labels, 0.2, 3)[1], dealt(labels, 0.2, 4)[1])
    assert len(dealt(labels, 0, 3)[1]) == 0


def test_answers_of_several_classes_are_dealt_too():
    labels = np.array([[at % 2 == 0, at % 3 == 0] for at in range(60)])
    _, watch = dealt(labels, 0.2, seed=0)
    assert len(watch) == 12
    assert labels[watch].mean(axis=0) == pytest.approx([0.5, 1 / 3], abs=0.1)


def test_texts_of_about_one_length_stand_together_in_another_order_each_epoch():
    rows, lengths = np.arange(400), np.random.default_rng(0).integers(4, 100, 400).tolist()
    known = np.array(lengths)

    def padding(found):
        return sum(len(part) * known[part].max() for part in found) / known.sum()

    grouped, other = (batches(rows, lengths, 16, seed=0, epoch=epoch) for epoch in (1, 2))
    assert np.array_equal(np.sort(np.concatenate(grouped)), rows)
    assert padding(grouped) < 1.3 < 1.7 < padding(batches(rows, None, 16, 0, 1))
    assert [part.tolist() for part in grouped] != [part.tolist() for part in other]
    assert [part.tolist() for part in grouped] == [part.tolist() for part in batches(rows, lengths, 16, 0, 1)]


def test_a_second_answer_must_have_been_given_twice():
    with pytest.raises(NothingToLearn, match="a second one needs 2 decisions"):
        refuse_too_few(np.array([0] * 9 + [1]))
    refuse_too_few(np.array([0] * 9 + [1, 1, 2]))


def test_of_any_number_of_classes_one_must_apply_to_some_and_not_to_others():
    bits = np.arange(8)[:, None] >> np.arange(3) & 1 > 0  # no two of these answers are the same
    refuse_too_few(bits)
    with pytest.raises(NothingToLearn, match="no class applies to 2 of them and doesn't to 2 others"):
        refuse_too_few(np.eye(8, dtype=bool))
