"""Who is there is what the leases say; it was kept a second time."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Drop the second place."""
    op.drop_table("presence")
