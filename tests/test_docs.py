"""The README promises commands: each of them is run here, word for word, with data of the kind that it names."""

import csv
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.engine.encoders.text import Hashing
from collab.loop.encoding import encode_items
from collab.loop.importing import run_import
from collab.loop.planning import ImportPlan
from collab.loop.retraining import Learner
from collab.storage.database import open_store

README = Path(__file__).parents[1] / "README.md"
COMMANDS = re.findall(r"^(?:\.venv/bin/)?(collab .+?)\s*(?:#.*)?$", README.read_text("utf-8"), re.M)
SERVERS = ("collab run", "collab demo")
TAKING = tuple(line for line in COMMANDS if line.startswith(("collab export model", "collab predict")))
"""They need a model that has learned."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that the README speaks of."""
    folder = tmp_path_factory.mktemp("desk")
    moods = {"good": "great lovely happy kind", "bad": "awful terrible sad cold"}
    for name, columns in (("reviews.csv", ["text"]), ("labeled.csv", ["text", "answer"])):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for number in range(160):
                answer = ("good", "bad")[number % 2]
                writer.writerow([f"{moods[answer]} number {number}", answer][: len(columns)])
    credit = (f"{900 + number},{('own', 'rent')[number % 3 > 0]}\n" for number in range(60))
    (folder / "credit.csv").write_text("income,housing\n" + "".join(credit), encoding="utf-8")
    kinds = np.arange(60) % 2
    rows = np.random.default_rng(0).normal(0, 1, (60, 4)) + 3 * kinds[:, None]
    np.savez(folder / "features.npz", X=rows[:40], y=kinds[:40], X_test=rows[40:], y_test=kinds[40:])
    penguins = (
        f"{('Adelie', 'Gentoo')[n % 2]},{40 + 8 * kind + n % 5},{190 + 27 * kind}" for n, kind in enumerate(kinds)
    )
    (folder / "data").mkdir()
    (folder / "data" / "penguins.csv").write_text("\n".join(["species,bill_mm,flipper_mm", *penguins]))
    (folder / "photos").mkdir()
    with zipfile.ZipFile(folder / "pets.zip", "w") as packed:
        for number, kind in enumerate(("cat", "dog")):
            (folder / "photos" / kind).mkdir()
            picture = folder / "photos" / kind / "1.png"
            Image.new("L", (8, 8), 100 * number).save(picture)
            packed.write(picture, f"{kind}.png")
        packed.writestr("pets.csv", "photo,caption\ncat.png,one\ndog.png,two\n")
    return folder


def test_the_readme_names_commands():
    assert {line.split()[1] for line in COMMANDS} >= {"demo", "import", "run", "export", "simulate", "train"}


@pytest.mark.slow
@pytest.mark.parametrize("line", [c for c in dict.fromkeys(COMMANDS) if c not in SERVERS + TAKING])
def test_a_command_of_the_readme_does_what_it_says(desk, line):
    words = [sys.executable, "-m", "collab.cli", *shlex.split(line)[1:]]
    environment = {**os.environ, "COLLAB_DATA": str(desk / "workspace")}
    done = subprocess.run(words, cwd=desk, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_model_of_the_readme_is_taken_away(desk):
    store = open_store(desk / "taught")
    made = replace(LoopPolicy(), encoder="hashing")
    schema = LabelSchema("Good or bad?", classes_from_names(("good", "bad")))
    project = store.create_project("Reviews", (Field("text"),), schema, made, 1)
    plan = ImportPlan(project.fields, answer_column="answer", answers="decisions")
    run_import(store, project, desk / "labeled.csv", plan, now=1, progress=lambda *_: False)
    encode_items(store, project, Hashing(), lambda *_: False)
    learner = Learner(store, project.id, Hashing())
    learner.take_in()
    learner.round(1)
    store.close()
    (desk / "more.csv").write_text("text\ngreat and lovely\nawful and sad\n")
    assert len(TAKING) == 2
    for line in TAKING:
        words = [sys.executable, "-m", "collab.cli", *shlex.split(line)[1:]]
        environment = {**os.environ, "COLLAB_DATA": str(desk / "taught")}
        done = subprocess.run(
            words, cwd=desk, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stderr
    with (desk / "said.csv").open(newline="", encoding="utf-8") as file:
        assert [row["answer"] for row in csv.DictReader(file)] == ["good", "bad"]


@pytest.mark.slow
@pytest.mark.parametrize("line", SERVERS)
def test_a_command_that_serves_answers(desk, line):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "collab.cli", *shlex.split(line)[1:], "--port", str(port)]
    environment = {**os.environ, "COLLAB_DATA": str(desk / "served")}
    server = subprocess.Popen(words, cwd=desk, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert "ok" in answer_of(f"http://127.0.0.1:{port}/healthz", server)
    finally:
        server.terminate()
        server.wait(30)


def answer_of(address, server):
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=2).read().decode()
        except OSError:
            time.sleep(0.2)
    return ""
