"""The real program, which also counts its commits: `python -m tests.bench.counted run --workspace …`.

It writes their number beside the workspace's other files when it closes the store.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from collab.cli.__main__ import main

FILE = "commits.json"
RELAXED = ("PRAGMA synchronous=NORMAL", "set_config('synchronous_commit', 'off', true)")
"""What the first statement says of a transaction that need not reach the disk."""


def _count(file: Path) -> None:
    found = Counter[str]()

    def begun(connection: sa.Connection, _cursor: Any, statement: str, *_: object) -> None:
        if any(said in statement for said in RELAXED):
            connection.info["relaxed"] = True

    def ended(connection: sa.Connection) -> None:
        found["relaxed" if connection.info.pop("relaxed", False) else "durable"] += 1

    sa.event.listen(sa.Engine, "before_cursor_execute", begun)
    sa.event.listen(sa.Engine, "commit", ended)
    sa.event.listen(sa.Engine, "engine_disposed", lambda _: file.write_text(json.dumps(found)))


if __name__ == "__main__":
    _count(Path(sys.argv[sys.argv.index("--workspace") + 1]) / FILE)
    main()
