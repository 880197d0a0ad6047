from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from collab.engine.adapting import adapt, depths, merged
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.efficientnet import EfficientNetLite0
from collab.engine.encoders.image import VisionModel
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import SentenceTransformerEncoder
from collab.engine.fine_tuning import fit
from collab.engine.fused import Example, Feed, Fused, Pretrained
from collab.engine.recipe import FineTuning
from collab.engine.tuned import prepared, read_image, read_text, trainable_image
from tests.pictures import disc, stripes
from tests.tiny import opinions, tiny_text, tiny_vision

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
RECIPE = FineTuning(epochs=3, batch=4, rate=3e-3, precision="fp32")


@dataclass
class Mixed:
    """Items of a text, two pictures and a table, some of them missing."""

    table: Table
    count: int = 24

    def __len__(self):
        return self.count

    def __getitem__(self, row):
        return Example(self.text(row), self.pictures(row), self.table.encode([self.cells(row)])[0])

    def text(self, row):
        return opinions(self.count)[0][row]

    def pictures(self, row):
        return (None if row % 5 == 0 else disc(32, 4 + row), stripes(20 + row, 32) if row % 3 else None)

    def cells(self, row):
        return {"age": row}


@pytest.fixture
def mixed(tmp_path):
    text = SentenceTransformerEncoder(tiny_text(tmp_path / "text"))
    vision = VisionModel(tiny_vision(tmp_path / "vision"))
    table = Table.fit((("age", "number"),), [{"age": row} for row in range(24)])
    return Mixed(table), Pretrained(text, vision, 2, table.dim)


def test_blocks_are_joined_as_the_frozen_encoders_join_them(mixed):
    items, start = mixed
    network = Fused(start, 2).eval()
    feed = Feed(network, items, torch.zeros(24, dtype=torch.int64), CPU)
    with torch.no_grad():
        found = network.features(feed.batch(np.arange(24)))
    rows = range(24)
    expected = Blocks(start.text, items.table, (start.images, start.images)).encode(
        [items.text(row) for row in rows],
        [items.cells(row) for row in rows],
        list(zip(*map(items.pictures, rows), strict=True)),
    )
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_an_item_without_its_row_of_the_table_is_no_place_for_the_next_ones(mixed, monkeypatch):
    items, start = mixed
    whole = Mixed.__getitem__
    lacking = lambda self, row: replace(whole(self, row), table=None if row == 3 else self.table.encode([{}])[0])  # noqa: E731  # a method for one test
    monkeypatch.setattr(Mixed, "__getitem__", lacking)
    with pytest.raises(AssertionError, match="its row of the table"):
        Feed(Fused(start, 2), items, torch.zeros(24, dtype=torch.int64), CPU).batch(np.arange(8))


def test_all_encoders_of_mixed_items_are_trained_by_one_loss(mixed, tmp_path):
    items, start = mixed
    labels = np.array(opinions(24)[1])
    done = fit(start, items, labels, 2, RECIPE, tmp_path / "model", checkpoint=tmp_path / "kept")
    text, image = (
        read(tmp_path / "model" / part, "tuned:x") for read, part in ((read_text, "text"), (read_image, "image"))
    )
    assert done.epochs[-1].loss < done.epochs[0].loss
    assert text.digest != start.text.digest
    assert image.digest != start.images.digest
    assert (image.name, image.size, image.encode([disc(9, 3), None]).shape) == ("tuned:x", 32, (2, 16))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_image_encoder_that_comes_with_collab_is_trained_and_read_back(method, tmp_path):
    start = EfficientNetLite0(bf16=False, fused=False)
    pictures = [disc(40, 9), stripes(40, 40)]

    class Pictures:
        def __len__(self):
            return 8

        def __getitem__(self, row):
            return Example(images=(pictures[row % 2],))

    recipe = replace(RECIPE, epochs=1, rate=1e-3, method=method, held_out=0.0)
    fit(
        Pretrained(images=start, image_fields=1), Pictures(), np.arange(8) % 2, 2, recipe,
        tmp_path / "model", checkpoint=tmp_path / "kept",
    )  # fmt: skip
    tuned = read_image(tmp_path / "model" / "image", "tuned:x")
    assert (tuned.name, tuned.digest != start.digest) == ("tuned:x", True)
    assert np.linalg.norm(tuned.encode(pictures) - start.encode(pictures), axis=1).min() > 1e-4


def test_untouched_it_says_what_the_frozen_image_encoder_says():
    start = EfficientNetLite0(bf16=False, fused=False)
    network = trainable_image(start).eval()
    pictures = [disc(40, 9), stripes(224, 224)]
    with torch.no_grad():
        found = network(torch.stack([prepared(each, 224) for each in pictures]))
    np.testing.assert_allclose(found.numpy(), start.encode(pictures), atol=1e-5)


def test_adapters_that_were_never_trained_change_nothing(tmp_path):
    network = trainable_image(VisionModel(tiny_vision(tmp_path))).eval()
    pixels = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        before = network(pixels)
        adapters = adapt(network, 2)
        names = {name.rsplit(".", 3)[-3] for name, weight in network.named_parameters() if weight.requires_grad}
        merged(adapters)
        torch.testing.assert_close(network(pixels), before)
    assert names == {"lora_A", "lora_B"}


def test_rates_fall_from_layer_to_layer():
    names = ["embeddings.word", "encoder.layer.0.key", "encoder.layer.1.key", "pooler.dense", "stem.weight"]
    assert depths(names) == [3, 2, 1, 0, 3]
