"""A model that is taken away says elsewhere what it says in the app."""

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from PIL import Image
from sentence_transformers import SentenceTransformer

from collab.domain.annotation import Annotation
from collab.domain.project import NONE, Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.run import Round
from collab.domain.version import TUNED, Change, Making, Verdict, VersionRecord
from collab.engine import label_sets
from collab.engine.encoders import keeping
from collab.engine.encoders.efficientnet import EfficientNetLite0
from collab.engine.encoders.image import VisionModel
from collab.engine.encoders.minilm import MiniLM, has_bf16
from collab.engine.encoders.text import SentenceTransformerEncoder, encoder_of
from collab.engine.tuned import digest_of, trainable_image, trainable_text
from collab.errors import Conflict, UnreadableFile, UserError
from collab.loop import annotating
from collab.loop.bundling import bundle
from collab.loop.encoding import encode_items, image_encoder, text_encoder
from collab.loop.importing import run_import
from collab.loop.measuring import tuned_folder
from collab.loop.planning import ImportPlan
from collab.loop.predicting import Model
from collab.loop.retraining import Learner
from collab.loop.suggesting import proba_of
from collab.loop.telling import predict_file
from collab.storage.database import open_store
from tests.driving import ROOT, environment
from tests.pictures import disc, stripes
from tests.tiny import tiny_text

NOW = 1_700_000_000_000
WORDS = {"sun": "bright sunny warm", "rain": "wet drops umbrella", "wind": "storm gust blowing"}
PREDICT = """
import sys
from pathlib import Path
from collab.loop.telling import predict_file
for bundle, file, out in zip(*[map(Path, sys.argv[1:])] * 3):
    predict_file(bundle, file, out)
"""


@dataclass
class Taught:
    """A project whose model has learned from half of a file, and what its people say of each row."""

    project: Project
    file: Path
    done: Round
    proba: np.ndarray
    """By the rows of the file."""


def go_on(*_):
    return False


def teach(store, file, fields, schema, say, text=None, images=None, **policy):
    """Import a file, answer some of its items and the audits, and do a round of the head."""
    wanted = LoopPolicy(encoder=text.name if text else "hashing", **policy)
    project = store.create_project(file.stem, fields, schema, wanted, NOW)
    run_import(store, project, file, ImportPlan(fields), now=NOW, progress=go_on)
    encode_items(store, project, text, go_on, images)
    items = store.stream_items(project.id)
    store.extend_lane(project.id, "audit", len(items), 1, 0.0, "blind")
    store.lease(project.id, "Ada", "audit", len(items), "tab", NOW - 2000, NOW - 1000)
    asked = [item for item in items if item.reserved] + [item for item in items if not item.reserved][: len(items) // 2]
    with store.transaction():
        for item in asked:
            said = Annotation(f"{project.id}.{item.id}", project.id, item.id, "Ada|d", "answer", NOW, say(item))
            annotating.submit(store, said, "", NOW)
    return learn(store, project, file, text, images)


def learn(store, project, file, text, images):
    """Do a round of the head, on features that are there."""
    learner = Learner(store, project.id, text, images)
    learner.take_in()
    done = learner.round(NOW + 120_000)
    features = learner._file
    proba = proba_of(learner.head.logits(features.rows()), done.temperature, project.schema)
    rows = {item.id: int(item.ref) - 1 for item in store.stream_items(project.id)}
    return Taught(project, file, done, proba[np.argsort([rows[i] for i in features.ids().tolist()])])


def table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def kind_of(number):
    return ("sun", "rain", "wind")[number % 3]


def texts(path, items=400):
    rng = np.random.default_rng(0)
    rows = []
    for n in range(items):
        other = kind_of(int(rng.integers(3)))
        rows.append({"n": n, "text": f"{WORDS[kind_of(n)]} {WORDS[other]} {WORDS[other]} report number {n}"})
    return table(path, rows)


ONE = LabelSchema("What was it?", classes_from_names(("sun", "rain", "wind")))
MANY = replace(ONE, task="multi label")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("desk") / "workspace")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Where the files lie."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def weather(store, desk):
    """Short texts, one class each, read by MiniLM."""
    file = texts(desk / "weather.csv", 60)
    return teach(store, file, (Field("text"),), ONE, lambda item: (kind_of(int(item.meta["n"])),), MiniLM())


@pytest.fixture(scope="module")
def several(store, desk):
    """The same, any number of classes, hashed."""
    words = {next(iter(said.split())): name for name, said in WORDS.items()}

    def say(item):
        return tuple(name for word, name in words.items() if word in item.fields["text"]) or (NONE,)

    return teach(store, texts(desk / "several.csv"), (Field("text"),), MANY, say, encoder_of("hashing"))


@pytest.fixture(scope="module")
def pets(store, desk):
    """Captions, pictures, numbers and categories, side by side."""
    (desk / "pets").mkdir()
    rows = []
    for n in range(14):
        picture = disc(60, 8 + n // 2) if n % 2 else stripes(50, 30 + n)
        Image.fromarray(picture).save(desk / "pets" / f"{n}.png")
        rows.append({
            "photo": f"{n}.png" if n % 7 else "", "caption": f"picture {n}", "weight": "" if n % 9 == 0 else n * 0.7,
            "coat": ("long", "short", "none")[n % 3], "nr": n,
        })  # fmt: skip
    fields = (Field("caption"), Field("photo", "image"), Field("weight", "number"), Field("coat", "category"))
    schema = LabelSchema("Which?", classes_from_names(("disc", "stripes")))
    return teach(
        store, table(desk / "pets" / "pets.csv", rows), fields, schema,
        lambda item: ("disc" if int(item.meta["nr"]) % 2 else "stripes",), encoder_of("hashing"),
        EfficientNetLite0(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def scales(store, desk):
    """A table alone, with a committee of perceptrons on it."""
    rng = np.random.default_rng(1)
    rows = [{"a": f"{rng.normal() + n % 2:.3f}", "day": f"2024-01-{1 + n % 28:02}", "n": n} for n in range(400)]
    schema = LabelSchema("Heavy?", classes_from_names(("no", "yes")))
    fields = (Field("a", "number"), Field("day", "category"))
    return teach(
        store, table(desk / "scales.csv", rows), fields, schema,
        lambda item: (("no", "yes")[int(item.meta["n"]) % 2],), head="mlp",
    )  # fmt: skip


@pytest.fixture(scope="module")
def taken(store, desk):
    """Gives the bundle of a project, out of the workspace."""

    @cache
    def take(project):
        made = bundle(store, store.project(project), now=NOW, report=go_on)
        return made.path.rename(desk / f"{project}.zip")

    return lambda taught: take(taught.project.id)


@pytest.mark.slow
def test_in_a_new_process_without_a_workspace_it_says_what_it_says_in_the_app(
    taken, tmp_path, weather, several, pets, scales
):
    every = (weather, several, pets, scales)
    arguments = [(taken(t), t.file, tmp_path / f"{t.project.name}.jsonl") for t in every]
    away = tmp_path / "elsewhere"
    away.mkdir()
    subprocess.run(
        [sys.executable, "-c", PREDICT, *(str(path) for each in arguments for path in each)],
        cwd=away, env=environment(PYTHONPATH=str(ROOT)), check=True, timeout=120,
    )  # fmt: skip
    assert list(away.iterdir()) == []
    for taught, (_, _, out) in zip(every, arguments, strict=True):
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        names = [c.name for c in taught.project.schema.classes]
        found = np.array([[row[f"probability: {name}"] for name in names] for row in rows])
        np.testing.assert_allclose(found, taught.proba, atol=1e-5)
        assert [row["line"] for row in rows] == list(range(2, len(rows) + 2))
    assert [t.done.temperature != 1 for t in every] == [False, True, False, True]


@pytest.mark.slow
def test_on_a_processor_that_cannot_round_as_the_app_did_it_says_so_and_is_close(taken, weather, monkeypatch):
    assert Model.load(taken(weather)).as_in_the_app
    monkeypatch.setattr(keeping, "has_bf16", lambda: False)
    model = Model.load(taken(weather))
    assert model.as_in_the_app is not has_bf16()
    said = model.predict(pd.read_csv(weather.file))
    found = said[[f"probability: {name}" for name in model.classes]]
    np.testing.assert_allclose(found, weather.proba, atol=0.02)


@pytest.mark.slow
def test_sets_and_flags_are_those_of_the_app(taken, tmp_path, several):
    out = predict_file(taken(several), several.file, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in out.file.read_text(encoding="utf-8").splitlines()]
    names = [c.name for c in MANY.classes]
    sets = label_sets.predict(several.proba, several.done.set_threshold)
    assert [row["set"] for row in rows] == [[n for n, i in zip(names, inside, strict=True) if i] for inside in sets]
    applies = several.proba >= 0.5
    assert [row["answer"] for row in rows] == [[n for n, a in zip(names, row, strict=True) if a] for row in applies]
    assert [[row[f"answer: {n}"] for n in names] for row in rows] == applies.astype(int).tolist()
    assert rows[0]["probability"] == pytest.approx(np.maximum(several.proba[0], 1 - several.proba[0]).prod(), abs=1e-5)


@pytest.mark.slow
def test_the_text_encoder_loads_in_plain_sentence_transformers(taken, tmp_path, weather):
    file = taken(weather)
    with zipfile.ZipFile(file) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        archive.extractall(tmp_path / "unpacked")
    said = ["The sun is out.", "long " * 400, "为什么"]
    plain = SentenceTransformer(str(tmp_path / "unpacked" / "text"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(plain.encode(said), MiniLM(bf16=False).encode(said), atol=1e-5)
    model = Model.load(tmp_path / "unpacked")
    frame = pd.DataFrame({"text": [f"{WORDS['rain']} report", None]}, index=["a", "b"])
    answered = model.predict(frame)
    assert answered.index.tolist() == ["a", "b"]
    assert answered.loc["a", ["answer", "error"]].tolist() == ["rain", ""]
    assert answered.loc["a", "probability"] == answered.loc["a", "probability: rain"]
    assert "nothing is there" in answered.loc["b", "error"]


@pytest.mark.slow
def test_models_of_the_libraries_are_taken_along_as_they_came_and_fine_tuned(store, tmp_path):
    text, images = SentenceTransformerEncoder(tiny_text(tmp_path)), tiny_image(tmp_path / "vit")
    came = mixed(store, tmp_path / "mix", text, images, image_encoder=images.name)
    assert agrees(model_of(store, came), came)
    project, made = came.project, tmp_path / "made"
    for part, module in (("text", trainable_text(text)), ("image", trainable_image(images))):
        with torch.no_grad():
            for weight in module.parameters():
                weight += 0.3 * torch.randn_like(weight)
        module.write(made / part)
    name = TUNED + digest_of(made, ("text", "image"))
    folder = store.workspace / "files" / tuned_folder(project.id, name)
    shutil.copytree(made, folder)
    store.save_policy(project.id, replace(project.policy, encoder=name, image_encoder=name))
    project = store.project(project.id)
    encoders = text_encoder(store, project), image_encoder(store, project)
    encode_items(store, project, encoders[0], go_on, encoders[1])
    tuned = learn(store, project, came.file, *encoders)
    model = model_of(store, tuned)
    assert not agrees(model, came)
    assert agrees(model, tuned)
    assert model.manifest.text.name == name
    with (folder / "text" / "model.safetensors").open("r+b") as weights:
        weights.seek(-4, 2)
        weights.write(b"\xff\xff\x7f\x3f")
    with pytest.raises(UnreadableFile, match="damaged"):
        text_encoder(store, project)


def tiny_image(folder):
    """A vision model with random weights."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8
    )
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    said = '{"size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.4, 0.3]}'
    (folder / "preprocessor_config.json").write_text(said)
    return VisionModel(str(folder))


def model_of(store, taught):
    """Its model, as it reads elsewhere."""
    return Model.load(bundle(store, taught.project, now=NOW, report=go_on).path)


def mixed(store, folder, text, images, **policy):
    """A dozen pictures with a line each."""
    folder.mkdir()
    for n in range(12):
        Image.fromarray(disc(40, 5 + n) if n % 2 else stripes(40, 40 + n)).save(folder / f"{n}.png")
    file = table(
        folder / f"{folder.name}.csv",
        [{"p": f"{n}.png", "text": f"it is {('good', 'bad')[n % 2]}", "n": n} for n in range(12)],
    )
    schema = LabelSchema("Which?", classes_from_names(("disc", "stripes")))
    return teach(
        store, file, (Field("text"), Field("p", "image")), schema,
        lambda item: ("disc" if int(item.meta["n"]) % 2 else "stripes",), text, images, **policy,
    )  # fmt: skip


def agrees(model, taught):
    """Whether it says of a frame what was said in the app."""
    said = model.predict(pd.read_csv(taught.file), pictures=taught.file.parent)
    return np.allclose(said[[f"probability: {name}" for name in model.classes]], taught.proba, atol=1e-5)


def test_it_says_what_the_file_lacks_and_which_rows_it_cannot_read(taken, tmp_path, pets):
    file = taken(pets)
    broken = tmp_path / "broken"
    broken.mkdir()
    rows = [
        {"photo": "none.png", "caption": "a", "weight": "1", "coat": "long", "answer": "x"},
        {"photo": "", "caption": "b", "weight": "heavy", "coat": "long", "answer": "y"},
        {"photo": "", "caption": "=1+1", "weight": "2", "coat": "long", "answer": "z"},
    ]
    made = predict_file(file, table(broken / "t.csv", rows), tmp_path / "out.csv")
    said = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert (made.rows, made.errors) == (3, 2)
    assert [row["error"] for row in said] == ["photo: is not there", "weight is 'heavy', which is no number", ""]
    assert [(row["answer"], row["collab_answer"] != "") for row in said] == [("x", False), ("y", False), ("z", True)]
    assert said[2]["caption"] == "'=1+1"
    with pytest.raises(UnreadableFile, match="has no column photo, weight, which the model reads; there is caption"):
        predict_file(file, table(broken / "u.csv", [{"caption": "a", "coat": "b"}]), tmp_path / "u.csv")
    with pytest.raises(UserError, match="is there already"):
        predict_file(file, broken / "t.csv", tmp_path / "out.csv")
    with pytest.raises(UserError, match="written over"):
        predict_file(file, broken / "t.csv", broken / "t.csv")


def test_columns_of_its_own_output_keep_their_names(taken, tmp_path, scales):
    once = predict_file(taken(scales), scales.file, tmp_path / "once.csv").file
    twice = predict_file(taken(scales), once, tmp_path / "twice.csv").file
    thrice = predict_file(taken(scales), twice, tmp_path / "thrice.csv").file
    head, *rows = csv.reader(thrice.read_text(encoding="utf-8").splitlines())
    assert len(set(head)) == len(head) == len(rows[0])
    assert {"answer", "collab_answer", "collab_collab_answer", "collab_collab_line"} <= set(head)


def test_an_export_takes_the_place_of_older_ones_of_the_same_project(store, several):
    first = bundle(store, several.project, now=NOW, report=go_on)
    of_old = first.path.with_name(first.path.name.replace("-model-", "-model-9"))
    others = [
        first.path.with_name(name) for name in ("999-several-model-1.zip", f"{several.project.id}-several-x-1.zip")
    ]
    for each in (of_old, *others):
        each.write_bytes(b"")
    bundle(store, several.project, now=NOW, report=go_on, lasting=False)
    assert of_old.exists()  # a page has it to be fetched
    again = bundle(store, several.project, now=NOW, report=go_on)
    assert (first.name, again.new) == (again.name, False)
    assert [each.exists() for each in (again.path, of_old, *others)] == [True, False, True, True]


def test_without_a_model_of_today_there_is_nothing_to_take_away(store, scales, make_project):
    with pytest.raises(UserError, match="nothing to take away yet: label at least two classes"):
        bundle(store, make_project(4), now=NOW, report=go_on)
    policy = replace(scales.project.policy, head="logistic")
    store.save_policy(scales.project.id, policy)
    with pytest.raises(Conflict, match="hasn't learned since"):
        bundle(store, store.project(scales.project.id), now=NOW, report=go_on)
    store.save_policy(scales.project.id, scales.project.policy)


def test_the_model_card_says_what_is_known_and_what_is_not(store, several):
    audits = tuple(item.id for item in store.stream_items(several.project.id) if item.reserved)[:7]
    verdict = Verdict("can't tell", 0, audits, Change(0.1, 0.0, 0.2), Change(0.0, -0.1, 0.1), 6, 7)
    making = Making(1, "lora", 160, 16, 3, 2, 32, "processor, 2 threads", 9.0)
    (model,) = store.models(several.project.id)
    store.save_model(replace(model, record=VersionRecord("hashing", "", making, verdict, overruled_by="B*b")))
    with zipfile.ZipFile(bundle(store, several.project, now=NOW, report=go_on).path) as archive:
        card = archive.read("README.md").decode()
    for said in (
        "“What was it?” with any number of 3 classes", "| several.csv |", "| Ada\\|d |", "| sun |", "Brier score",
        f"learned from {several.done.labels} decisions", f"of {several.done.audits} blind answers", "19 times in 20",
        "7 of the blind answers also chose between versions", "fine-tuned (lora) on 160 decisions in 2 epochs",
        "B\\*b promoted it though the gate had not", "None: no certificate", "No decision about a person",
        "weights never learned from these, which only set its temperature",
    ):  # fmt: skip
        assert said in card, said
    table = replace(making, method="mlp")
    store.save_model(replace(model, record=VersionRecord("hashing", "", table, verdict)))
    with zipfile.ZipFile(bundle(store, several.project, now=NOW, report=go_on).path) as archive:
        card = archive.read("README.md").decode()
    assert "fine-tuned (mlp)" not in card
    assert "Its head is a small network, trained on 160 decisions of a table" in card
