"""Words are split by the program, the same for both databases; lists of what was said of items find their index."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SQLITE = (
    "DROP TABLE item_search",
    "CREATE VIRTUAL TABLE item_search USING fts5 (words, content='', tokenize='ascii')",
)
_POSTGRES = ("TRUNCATE item_search",)


def upgrade() -> None:
    """The index of words is empty then, until the worker has made it anew; until then texts are looked through."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if sqlite else _POSTGRES:
        op.execute(statement)
    op.execute("UPDATE counter SET indexed = 0")
    acted, columns = sa.text("state <> 'open'"), ["project", "state", "id"]
    op.create_index("ix_item_acted", "item", columns, sqlite_where=acted, postgresql_where=acted)
    op.create_index("ix_decision_source", "decision", ["project", "source", "first", "item"])
    op.create_index("ix_annotation_annotator", "annotation", ["project", "annotator", "item"])
