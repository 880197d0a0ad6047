"""Play the log once more in a copy that is thrown away, and see whether it gives what the workspace shows."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from collab.domain.project import Project
from collab.domain.store import Differing, Store
from collab.loop import rebuilding
from collab.storage.failures import disk_errors

OpenStore = Callable[[Path], Store]
"""Opens the workspace in a folder, whose database lies in it."""

DATABASE = "collab.db"
"""Name of the database in a workspace, and of its copies."""


def rehearse(store: Store, open_store: OpenStore) -> Iterator[tuple[Project, Differing]]:
    """Compare states, decisions, answers in force and counters of each project with what its log gives.

    The workspace isn't changed, and nobody waits: all of it is done in a copy of the database, for which there must be
    space beside the workspace.
    """
    with disk_errors(store.workspace), tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=store.workspace) as folder:
        store.copy_database(Path(folder) / DATABASE)
        with closing(open_store(Path(folder))) as copy:
            for project in copy.projects():
                with copy.transaction(durable=False):
                    copy.keep_projections(project.id)
                    rebuilding.rebuild(copy, project.id)
                    found = copy.differing(project.id)
                yield project, found
