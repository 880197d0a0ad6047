"""People with accounts, sessions and roles; the access log; queues of second looks and of norming."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SHARED = "lane NOT IN ('chosen', 'repeat', 'review', 'norming')"


def upgrade() -> None:
    """Add them; whoever was here before has no account, and the workspace goes on taking names on trust."""
    for name in ("admin", "disabled", "erased"):
        op.add_column("annotator", sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
    for name in ("password", "language", "issuer", "subject"):
        op.add_column("annotator", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.create_index(
        "uq_annotator_subject", "annotator", ["issuer", "subject"], unique=True,
        sqlite_where=sa.text("issuer <> ''"), postgresql_where=sa.text("issuer <> ''"),
    )  # fmt: skip
    op.create_table(
        "member",
        sa.Column("project", _BIG, nullable=False), sa.Column("person", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_member_project"),
        sa.PrimaryKeyConstraint("project", "person", name="pk_member"),
    )  # fmt: skip
    op.create_index("ix_member_person", "member", ["person"])
    op.create_table(
        "session",
        sa.Column("id", sa.Text(), nullable=False), sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False), sa.Column("until", _BIG, nullable=False),
        sa.Column("idle", _BIG, nullable=False), sa.Column("seen", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
    )  # fmt: skip
    op.create_index("ix_session_person", "session", ["person"])
    op.create_table(
        "attempt",
        sa.Column("what", sa.Text(), nullable=False), sa.Column("failed", _BIG, nullable=False),
        sa.Column("last", _BIG, nullable=False), sa.PrimaryKeyConstraint("what", name="pk_attempt"),
    )  # fmt: skip
    op.create_table(
        "access_log",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        sa.Column("at", _BIG, nullable=False), sa.Column("person", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False), sa.Column("what", sa.Text(), nullable=False),
        sa.Column("project", _BIG), sa.Column("items", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_access_log_at", "access_log", ["at"])
    op.drop_index("uq_ask_slot", "ask")
    _partial("uq_ask_slot", ["item", "slot"], _SHARED)
    for lane in ("review", "norming"):
        _partial(f"uq_ask_{lane}", ["item", "annotator"], f"lane = '{lane}'")


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "ask", columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
