from dataclasses import replace

import numpy as np
import pytest

from collab.domain.media import thumb_of, view_of
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.engine.encoders.fitting import fitted
from collab.loop.encoding import blocks_of, encode_items, picture_of
from collab.loop.measuring import model_name
from collab.loop.retraining import Learner
from tests.loop.conftest import NOW, Loop
from tests.pictures import disc, stored, stripes


class Colours:
    """Mean colour of a picture: an encoder to be worked out by hand."""

    name, dim, size, digest = "colours", 3, 32, "colours-1"

    def encode(self, images):
        rows = np.zeros((len(images), 3), np.float32)
        for row, image in zip(rows, images, strict=True):
            if image is not None:
                row[:] = fitted(image, self.size).mean(axis=(0, 1))
                row /= np.linalg.norm(row) or 1
        return rows


@pytest.fixture
def pictures(store):
    schema = LabelSchema("Disc or stripes?", classes_from_names(("disc", "stripes")))
    fields = (Field("picture", "image"),)
    project = store.create_project("Shapes", fields, schema, LoopPolicy(image_encoder="colours"), NOW)
    names = [stored(store, disc(40, 8 + n)) if n % 2 else stored(store, stripes(40, 20 + n)) for n in range(8)]
    import_id = store.begin_import(project.id, "made up", "truth", NOW)
    truth = [("disc",) if n % 2 else ("stripes",) for n in range(8)]
    rows = [
        NewItem(str(n), {"picture": name}, f"{n:015x}", 0.1 * n, answer=truth[n])
        for n, name in enumerate([*names[:7], ""])
    ]
    store.add_items(import_id, rows)
    store.finish_import(import_id, ImportReport(added=8), 0.2, 500, NOW)
    return Loop(store, project)


def test_pictures_become_features_from_their_thumbnails(pictures):
    assert encode_items(pictures.store, pictures.project, None, lambda *_: False, Colours()) == 8
    features = pictures.store.features(pictures.project.id, "colours-1", 3).rows()
    assert features[1] == pytest.approx(Colours().encode([disc(40, 9)])[0], abs=0.02)
    assert not features[7].any()


def test_a_large_encoder_reads_what_people_see_and_not_the_thumbnail(pictures):
    name = stored(pictures.store, disc(600, 200))
    assert picture_of(pictures.store, name, 300).shape == (600, 600, 3)
    assert picture_of(pictures.store, name, 32).shape == (64, 64, 3)


def test_a_lost_or_damaged_thumbnail_is_made_again_from_the_original(pictures):
    name = stored(pictures.store, disc(40, 11))
    seen = picture_of(pictures.store, name, 32)
    thumb = pictures.store.file(thumb_of(name))
    thumb.write_bytes(thumb.read_bytes()[:40])
    assert picture_of(pictures.store, name, 32) == pytest.approx(seen, abs=8)
    thumb.unlink()
    assert picture_of(pictures.store, name, 32) == pytest.approx(seen, abs=8)


def test_a_picture_of_which_nothing_is_left_is_none(pictures):
    name = stored(pictures.store, disc(40, 12))
    for each in (name, thumb_of(name), view_of(name)):
        pictures.store.file(each).unlink(missing_ok=True)
    assert picture_of(pictures.store, name, 32) is None


def test_the_model_is_named_after_the_encoder_of_its_pictures(pictures):
    store, project = pictures.store, pictures.project
    assert model_name(store, project) == "colours"
    both = replace(project, fields=(*project.fields, Field("title")))
    assert model_name(store, both) == "minilm + colours"


def test_a_project_without_pictures_does_not_care_which_encoder_reads_them(loop):
    signs = loop(image_encoder="colours")
    assert model_name(signs.store, signs.project) == "hashing"
    assert blocks_of(signs.store, signs.project, None).images == ()


def test_a_learner_no_longer_serves_once_another_encoder_was_chosen(pictures):
    store, project = pictures.store, pictures.project
    encode_items(store, project, None, lambda *_: False, Colours())
    learner = Learner(store, project.id, None, Colours())
    assert learner.serves(project)
    assert not learner.serves(replace(project, policy=replace(project.policy, image_encoder="efficientnet-lite0")))
