"""An index of each person's own answers by time: their number of today is told with every answer."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_annotation_own", "annotation", ["project", "annotator", "at"])
