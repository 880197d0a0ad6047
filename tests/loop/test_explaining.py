from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from collab.domain.media import media_name, thumb_of
from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.engine.encoders.text import encoder_of
from collab.engine.explaining import GRID
from collab.engine.heads import FittedLinear, Standard
from collab.loop.encoding import encode_items
from collab.loop.explaining import Grounds, answer_why, explain
from collab.loop.retraining import Learner
from tests.loop.conftest import NOW, new_item
from tests.loop.test_retraining import answer_truly
from tests.samples import row


@pytest.fixture
def signs(loop):
    """A project with answers, and the grounds of its suggestions."""
    made = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    encode_items(made.store, made.project, encoder_of("hashing"), lambda *_: False)
    learner = Learner(made.store, made.project.id, encoder_of("hashing"))
    answer_truly(made, "Ada", 16)
    learner.take_in()
    learner.round(made.now)
    return made, learner.grounds()


def item_of(made, number):
    ref = str(number)
    return next(item for item in made.store.stream_items(made.project.id) if item.ref == ref)


def test_the_effect_of_a_word_is_how_far_the_logits_fall_without_it(signs):
    made, grounds = signs
    item = item_of(made, 30)
    found = explain(made.store, grounds, item)
    text, start, end, effects = item.fields["text"], *found["words"][2][1:]
    read = grounds.score(encoder_of("hashing").encode([text, text[:start] + text[end:]]))
    order = [("plus", "minus").index(c) for c in found["classes"]]
    assert (text[start:end], found["classes"][0]) == ("happy", "plus")
    assert effects == pytest.approx((read[0] - read[1])[order], abs=1e-3)


def test_neighbours_are_labeled_items_that_the_head_learned_from_and_never_the_item_itself(signs):
    made, grounds = signs
    learned = {int(grounds.items[r]) for r in grounds.labeled}
    item = made.store.items([next(iter(learned))]).popitem()[1]
    near = explain(made.store, grounds, item)["near"]
    assert {i for i, _ in near} <= learned - {item.id}
    assert [c for _, c in near] == sorted((c for _, c in near), reverse=True)
    assert made.store.decision(near[0][0]).answer == made.store.decision(item.id).answer


def test_what_is_explained_waits_in_the_store_until_the_next_refit(signs):
    made, grounds = signs
    item = item_of(made, 30).id
    made.store.ask_why(made.project.id, item, NOW)
    answer_why(made.store, grounds, item, NOW)
    assert made.store.asked_why(made.project.id) == []
    assert made.store.why(made.project.id, item)["words"]


def test_of_an_item_that_is_gone_nothing_is_said(signs):
    made, grounds = signs
    answer_why(made.store, grounds, 9_999, NOW)
    assert made.store.why(made.project.id, 9_999) == {}


def test_columns_and_kinds_of_a_mixed_item_add_up_and_name_the_column_that_counts(store):
    fields = (Field("text"), Field("size", "number"), Field("hue", "category"))
    schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
    policy = replace(LoopPolicy(encoder="hashing"), audit_schedule=(), audit_trickle=0)
    project = store.create_project("Mixed", fields, schema, policy, NOW)
    rows = [
        replace(
            new_item(n), fields={"text": "the same", "size": float(n % 2), "hue": "rg"[n % 3 == 0]}, digest=f"{n:064}"
        )
        for n in range(40)
    ]
    opened = store.begin_import(project.id, "made up", "decisions", NOW)
    store.add_items(opened, rows)
    store.finish_import(opened, ImportReport(added=40), 0.0, 500, NOW)
    encode_items(store, project, encoder_of("hashing"), lambda *_: False)
    learner = Learner(store, project.id, encoder_of("hashing"))
    learner.take_in()
    learner.round(NOW)
    found = explain(store, learner.grounds(), store.stream_items(project.id)[0])
    lead = {name: e[0] - e[1] for name, e in found["fields"]}
    kinds = {kind: e[0] - e[1] for kind, _, e in found["kinds"]}
    assert (found["classes"][0], set(kinds)) == ("plus", {"text", "table"})
    assert lead["size"] > 5 * abs(lead["hue"])
    assert kinds["table"] == pytest.approx(sum(lead.values()), abs=1e-3)


class Bright:
    """Sees how bright the right lower corner is."""

    size = 64

    def encode(self, images):
        seen = np.float32([[image[-8:, -8:].mean() / 255, 0] for image in images])
        return seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)


class Plain:
    """Blocks of one picture."""

    text, table, widths = None, None, (2,)


def test_the_patch_of_a_picture_that_the_suggestion_rests_on_is_found(store, make_project, tmp_path):
    name = media_name("ab" * 16, ".png")
    picture = Image.new("RGB", (60, 60))
    picture.paste((255, 255, 255), (50, 50, 60, 60))
    picture.save(tmp_path / "thumb.webp", lossless=True)
    store.write_file(thumb_of(name), iter([(tmp_path / "thumb.webp").read_bytes()]))
    project = replace(make_project([row(1)]), fields=(Field("photo", "image"),))
    item = replace(store.stream_items(project.id)[0], fields={"photo": name})
    head = FittedLinear(np.float32([[1, 0], [-1, 0]]), np.zeros(2, np.float32), 1.0, 4)
    standard = Standard(np.zeros(2, np.float32), np.ones(2, np.float32))
    grounds = Grounds(
        project, Plain(), np.float32([[1, 0]]), np.array([item.id]), {item.id: 0}, np.empty(0, np.int64), head.logits,
        standard, Bright(),
    )  # fmt: skip
    ((field, grid, effects),) = explain(store, grounds, item)["pictures"]
    assert (field, grid, len(effects)) == ("photo", GRID, GRID * GRID)
