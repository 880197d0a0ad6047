"""Alembic's entry: runs on the connection that `running` hands in, inside its transaction."""

from alembic import context

from collab.storage.schema import metadata

# No batch mode: it rebuilds a table, and drops the triggers that keep the log append-only.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
