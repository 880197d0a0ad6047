import numpy as np
import pytest

from collab.domain.annotation import Decision
from collab.engine.encoders.text import encoder_of
from collab.loop.encoding import encode_items
from collab.loop.pooling import OPEN, OUT, Pool


@pytest.fixture
def pool(loop):
    """A pool whose items are all read, without a reserve."""
    signs, encoder = loop(items=12, mark=0.0), encoder_of("hashing")
    encode_items(signs.store, signs.project, encoder, lambda *_: False)
    made = Pool(signs.store, signs.project.id, signs.store.features(signs.project.id, encoder.digest, encoder.dim))
    made.take_features(signs.project.schema)
    return signs, made


def decide(signs, item, source="agreement", **more):
    signs.store.settle_item(signs.project.id, item, "decided", Decision(item, ("minus",), source, **more), 1)


def test_what_people_decided_is_labeled_and_the_rest_is_open(pool):
    signs, made = pool
    item = int(made.items[3])
    decide(signs, item)
    made.take([item], signs.project.schema)
    assert made.labels.tolist() == [OPEN] * 3 + [1] + [OPEN] * 8
    assert made.labeled.tolist() == [3]


def test_a_machines_decision_is_no_label_and_is_not_asked(pool):
    signs, made = pool
    item = int(made.items[3])
    decide(signs, item, "machine", certificate=1, confidence=0.99)
    made.take([item], signs.project.schema)
    assert (made.labels[3], made.labeled.tolist()) == (OUT, [])


def test_what_a_certificate_drew_is_no_label_though_people_have_answered_it(pool):
    signs, made = pool
    item = int(made.items[3])
    signs.store.draw_audits(signs.project.id, 1, [item], 1, "audit")
    decide(signs, item)
    made.take([item], signs.project.schema)
    assert (made.labels[3], made.labeled.tolist()) == (1, [])
    assert np.flatnonzero(made.audits).tolist() == [3]
    assert not made.reserved.any()
