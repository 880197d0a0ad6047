"""A workspace with an empty project, and a table to bring in."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.domain.project import Field, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.domain.store import Store
from collab.storage.database import open_store
from tests.loop.conftest import loop as loop  # the same small project

ROWS = 60_000


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    opened = open_store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def project(store: Store) -> Project:
    schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
    return store.create_project("Signs", (Field("text"),), schema, LoopPolicy(encoder="hashing"), 1)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "signs.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["text"], *([f"a text of some ten words that ends with number {n}"] for n in range(ROWS))]
        )
    return path
