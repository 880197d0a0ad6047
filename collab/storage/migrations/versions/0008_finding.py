"""Words are split by the program, the same for both databases; indexes for searches; batches of answers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
    op.create_table(
        "batch",
        sa.Column("id", sa.Text(), nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("annotator", sa.Text(), nullable=False), sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        *(sa.Column(name, _BIG, server_default="0", nullable=False) for name in ("made_at", "schema_version")),
        sa.Column("status", sa.Text(), nullable=False),
        *(
            sa.Column(name, _BIG, server_default="0", nullable=False)
            for name in ("at", "until", "answered", "taken_back")
        ),
        sa.Column("undone_at", _BIG),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_batch_project"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
    )  # fmt: skip
    op.create_index("ix_batch_project", "batch", ["project"])
