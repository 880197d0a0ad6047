"""Runs the migrations by program; nobody needs an alembic.ini."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def config(connection: sa.Connection | None = None) -> Config:
    """Alembic's settings, for a connection that is in a transaction."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: sa.Connection, revision: str = "head") -> None:
    """Bring the database behind a connection to a revision; whoever opened the transaction commits it."""
    command.upgrade(config(connection), revision)
