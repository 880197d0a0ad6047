"""What the items of a batch held when it was begun, for those that change before their turn."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add it. Batches that are under way know nothing of it, and answer their items as they are."""
    op.add_column("batch", sa.Column("seen", sa.Text(), server_default="[]", nullable=False))
