"""Explanations of suggestions, which people ask for and the worker gives."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them; nobody has asked for one yet."""
    op.create_table(
        "explanation",
        sa.Column("project", _BIG, nullable=False), sa.Column("item", _BIG, autoincrement=False, nullable=False),
        sa.Column("revision", _BIG, server_default="0", nullable=False), sa.Column("content", sa.Text()),
        sa.Column("asked_at", _BIG, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_explanation_project"),
        sa.PrimaryKeyConstraint("project", "item", name="pk_explanation"),
    )  # fmt: skip
