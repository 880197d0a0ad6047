"""Second looks: what should be looked at again, what was said blind, and what adjudicators said."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them; nothing was looked at again so far."""
    op.create_table(
        "suspect",
        sa.Column("project", _BIG, nullable=False), sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", _BIG, autoincrement=False, nullable=False), sa.Column("score", sa.Float(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False), sa.Column("first", sa.Text()),
        sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_suspect_project"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_suspect_item"),
        sa.PrimaryKeyConstraint("project", "kind", "item", name="pk_suspect"),
    )  # fmt: skip
    op.create_index("ix_suspect_item", "suspect", ["item"])
    _partial("ix_item_look", "item", ["project", "state"], where="state IN ('disputed', 'flagged')")
    op.create_table(
        "adjudication",
        sa.Column("item", _BIG, autoincrement=False, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("event", sa.Text(), nullable=False), sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False), sa.Column("before", sa.Text()),
        sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_adjudication_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_adjudication_project"),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_adjudication_event"),
        sa.PrimaryKeyConstraint("item", name="pk_adjudication"),
    )  # fmt: skip
    op.create_index("ix_adjudication_project", "adjudication", ["project"])
    op.create_table(
        "second_look",
        sa.Column("item", _BIG, autoincrement=False, nullable=False), sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("project", _BIG, nullable=False), sa.Column("event", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_second_look_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_second_look_project"),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_second_look_event"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_second_look"),
    )  # fmt: skip
    op.create_index("ix_second_look_project", "second_look", ["project"])


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
