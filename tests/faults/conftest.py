"""A workspace that the real app runs on, and a crowd that answers while things go wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collab.domain.store import Store
from collab.storage.database import open_store
from tests.faults.crowd import THREE, Crowd, make_project


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> Iterator[Store]:
    opened = open_store(workspace, patience=1.0)
    make_project(opened, items=3000)
    yield opened
    opened.close()


@pytest.fixture
def crowd(store: Store) -> Iterator[Callable[..., Crowd]]:
    """Makes three people, or those who are named, who answer at a port as fast as they can; they end with the test."""
    made: list[Crowd] = []

    def make(port: int, *names: str) -> Crowd:
        made.append(Crowd(store, port, names or THREE))
        return made[-1]

    yield make
    for each in made:
        each.end()
