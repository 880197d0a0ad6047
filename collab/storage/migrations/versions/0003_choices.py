"""Between which classes a suggestion leaves the choice, beside what it stands on."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add it; suggestions of before had none."""
    op.add_column("ask", sa.Column("choices", sa.Text()))
