"""What differing answers come to, and rounds in which everybody answers the same items."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG = sa.Text()


def upgrade() -> None:
    """Add the tables; nothing was concluded yet, and no round was held."""
    op.create_table(
        "aggregated",
        sa.Column("item", _BIG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("answer", _LONG, nullable=False), sa.Column("first", _LONG, server_default="", nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_aggregated_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_aggregated_project"),
        sa.PrimaryKeyConstraint("item", name="pk_aggregated"),
    )  # fmt: skip
    op.create_index("ix_aggregated_project", "aggregated", ["project"])
    op.create_table(
        "norming",
        sa.Column("project", _BIG, nullable=False),
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("stage", _LONG, nullable=False), sa.Column("items", _LONG, nullable=False),
        sa.Column("actor", _LONG, nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_norming_project"),
        sa.PrimaryKeyConstraint("project", "number", name="pk_norming"),
    )  # fmt: skip
    op.create_table(
        "norming_item",
        sa.Column("item", _BIG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("number", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_norming_item_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_norming_item_project"),
        sa.PrimaryKeyConstraint("item", name="pk_norming_item"),
    )  # fmt: skip
    op.create_index("ix_norming_item_project", "norming_item", ["project"])
    op.create_table(
        "normed",
        sa.Column("project", _BIG, nullable=False),
        sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("item", _BIG, autoincrement=False, nullable=False),
        sa.Column("annotator", _LONG, nullable=False),
        sa.Column("after", sa.Boolean(), nullable=False),
        sa.Column("event", _LONG, nullable=False), sa.Column("first", _LONG, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_normed_project"),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_normed_event"),
        sa.PrimaryKeyConstraint("project", "number", "item", "annotator", "after", name="pk_normed"),
    )  # fmt: skip
    op.create_table(
        "remark",
        sa.Column("event", _LONG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("number", _BIG, nullable=False), sa.Column("item", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_remark_event"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_remark_project"),
        sa.PrimaryKeyConstraint("event", name="pk_remark"),
    )  # fmt: skip
    op.create_index("ix_remark_project", "remark", ["project", "number"])
