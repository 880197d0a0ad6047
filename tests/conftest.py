"""Fixtures for every floor: a real SQLite store in `tmp_path`, and projects in it."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from collab.domain.project import Field, LabelSchema, LoopPolicy, Project
from collab.domain.run import ImportReport
from collab.domain.store import AnswersAs, NewItem, Store
from collab.storage.database import open_store
from tests.samples import YES_NO, rows

_POLICY = LoopPolicy()


class MakeProject(Protocol):
    """Makes a project of two classes with items in it."""

    def __call__(
        self,
        items: int | Sequence[NewItem] = 0,
        *,
        name: str = "Reviews",
        mark: float = 0.0,
        answers: AnswersAs = "nothing",
        schema: LabelSchema = YES_NO,
        policy: LoopPolicy = ...,
        demo: bool = False,
    ) -> Project:
        """Items with an audit rank below `mark` form the reserve."""


os.environ["COLUMNS"] = "200"  # what commands print must not depend on the terminal that runs the tests


@pytest.fixture(autouse=True)
def _own_main() -> Iterator[None]:
    """Give the test runner its main module back: Streamlit's tests put a page there, and a spawned process runs it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture
def make_project(store: Store) -> MakeProject:
    def make(
        items: int | Sequence[NewItem] = 0,
        *,
        name: str = "Reviews",
        mark: float = 0.0,
        answers: AnswersAs = "nothing",
        schema: LabelSchema = YES_NO,
        policy: LoopPolicy = _POLICY,
        demo: bool = False,
    ) -> Project:
        made = store.create_project(name, (Field("text"),), schema, policy, 1, demo)
        new = rows(items) if isinstance(items, int) else items
        if new:
            opened = store.begin_import(made.id, "reviews.csv", answers, 1)
            added = store.add_items(opened, new).added
            store.finish_import(opened, ImportReport(added=added), mark, 500, 2)
        return made

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    if skipped := terminalreporter.stats.get("skipped"):
        terminalreporter.write_line(f"{len(skipped)} tests were skipped; the lines above say how to have them run.")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where everything must be there (`COLLAB_TEST_COMPLETE`), a skipped test is a failed one."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("COLLAB_TEST_COMPLETE") and exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
