"""What a suggestion stands on, beside its model."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add it; rows of before stand on answers, or at least say nothing else."""
    op.add_column("ask", sa.Column("footing", sa.Text(), server_default="", nullable=False))
