"""Certificates with their audits and labels, repeats of one's own answers, and figures that the worker makes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them; nothing of before was drawn, or decided by a machine."""
    for name in ("checked", "machine"):
        op.add_column("counter", sa.Column(name, _BIG, server_default="0", nullable=False))
    op.add_column("item", _flag("drawn"))
    op.add_column("decision", sa.Column("certificate", _BIG))
    op.drop_index("ix_decision_first", "decision")
    _partial("ix_decision_first", "decision", ["project", "reserved", "first"], where="source <> 'machine'")
    _partial("ix_decision_machine", "decision", ["project", "certificate"], where="source = 'machine'")
    op.drop_index("uq_ask_slot", "ask")
    _partial("uq_ask_slot", "ask", ["item", "slot"], where="lane NOT IN ('chosen', 'repeat')", unique=True)
    _partial("uq_ask_repeat", "ask", ["item", "annotator"], where="lane = 'repeat'", unique=True)
    op.create_table(
        "repeated",
        sa.Column("item", _BIG, nullable=False), sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("project", _BIG, nullable=False), sa.Column("first", sa.Text(), nullable=False),
        sa.Column("again", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_repeated_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_repeated_project"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_repeated"),
    )  # fmt: skip
    op.create_index("ix_repeated_project", "repeated", ["project"])
    op.create_table(
        "certificate",
        sa.Column("project", _BIG, nullable=False), sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False), sa.Column("content", sa.Text(), nullable=False),
        _flag("applied"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_certificate_project"),
        sa.PrimaryKeyConstraint("project", "number", name="pk_certificate"),
    )  # fmt: skip
    op.create_table(
        "drawn",
        sa.Column("item", _BIG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("certificate", _BIG, nullable=False), sa.Column("place", _BIG, nullable=False),
        _flag("checks"), _flag("queued"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_drawn_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_drawn_project"),
        sa.PrimaryKeyConstraint("item", name="pk_drawn"),
    )  # fmt: skip
    op.create_index("ix_drawn_place", "drawn", ["project", "certificate", "place"])
    op.create_table(
        "machine_label",
        sa.Column("project", _BIG, nullable=False), sa.Column("certificate", _BIG, autoincrement=False, nullable=False),
        sa.Column("item", _BIG, autoincrement=False, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False), sa.Column("first", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_machine_label_project"),
        sa.PrimaryKeyConstraint("project", "certificate", "item", name="pk_machine_label"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "figure",
        sa.Column("project", _BIG, nullable=False), sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_figure_project"),
        sa.PrimaryKeyConstraint("project", "name", name="pk_figure"),
    )  # fmt: skip


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
