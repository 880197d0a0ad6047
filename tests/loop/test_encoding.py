import numpy as np

from collab.engine.encoders.text import encoder_of
from collab.loop.encoding import encode_items
from tests.loop.conftest import NOW, new_item


def encode(signs):
    return encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)


def rows_of(signs):
    encoder = encoder_of("hashing")
    return signs.store.features(signs.project.id, encoder.digest, encoder.dim)


def test_every_item_is_encoded_once(loop):
    signs = loop(items=20)
    assert (encode(signs), encode(signs)) == (20, 0)
    assert rows_of(signs).ids().tolist() == [item.id for item in signs.store.stream_items(signs.project.id)]
    assert signs.store.progress(signs.project.id).reading == 1.0


def test_an_item_whose_content_was_replaced_is_encoded_again(loop):
    signs = loop(items=3)
    encode(signs)
    item = signs.store.stream_items(signs.project.id)[1]
    opened = signs.store.begin_import(signs.project.id, "again.csv", "nothing", NOW)
    signs.store.replace_item(opened, item.id, new_item(99), reopen=True)
    signs.store.finish_import(opened, signs.store.imports(signs.project.id)[0][3], 0.2, 500, NOW)
    assert encode(signs) == 1
    assert rows_of(signs).ids().tolist()[-1] == item.id
    expected = encoder_of("hashing").encode([new_item(99).fields["text"]])
    np.testing.assert_array_equal(rows_of(signs).rows()[-1:], expected)


def test_where_the_encoder_stopped_reading_is_kept(loop, monkeypatch):
    signs = loop(items=2)
    monkeypatch.setattr(
        "collab.engine.encoders.text.Hashing.read_until", lambda self, text: 5 if "number 1" in text else None
    )
    encode(signs)
    assert [item.read_until for item in signs.store.stream_items(signs.project.id)] == [None, 5]
