"""Codes of actors, what was erased, and an access log that only its own retention may shorten."""

import json
import time

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Entries go once they are older than the limit that the retention has written beside; a name in them may become a
# pseudonym while an erasure goes on, which says so beside, too.
_LIMIT = "coalesce((SELECT CAST({} AS bigint) FROM setting WHERE name = 'access log since'), 0)"
_SAME = " OR ".join(f"NEW.{c} <> OLD.{c}" for c in ("id", "at", "act", "what", "items"))
_SAME += " OR coalesce(NEW.project, -1) <> coalesce(OLD.project, -1)"
_SAME += " OR NOT EXISTS (SELECT 1 FROM setting WHERE name = 'erasing')"
_SQLITE = (
    f"CREATE TRIGGER access_log_delete BEFORE DELETE ON access_log WHEN OLD.at >= {_LIMIT.format('value')} "
    "BEGIN SELECT RAISE(ABORT, 'the access log is append-only'); END",
    f"CREATE TRIGGER access_log_update BEFORE UPDATE ON access_log WHEN {_SAME} "
    "BEGIN SELECT RAISE(ABORT, 'the access log is append-only'); END",
)
_VALUE = "convert_from(value, 'UTF8')"
_POSTGRES = (
    "CREATE FUNCTION keep_access_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"IF TG_OP = 'DELETE' THEN IF OLD.at < {_LIMIT.format(_VALUE)} THEN RETURN OLD; END IF; "
    f"ELSIF NOT ({_SAME}) THEN RETURN NEW; END IF; "
    "RAISE EXCEPTION 'the access log is append-only'; END $$",
    "CREATE TRIGGER access_log_change BEFORE UPDATE OR DELETE ON access_log "
    "FOR EACH ROW EXECUTE FUNCTION keep_access_log()",
    "CREATE TRIGGER access_log_truncate BEFORE TRUNCATE ON access_log "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    """Add them. Who acted before keeps the digest of their name, under the project's salt, as their code."""
    op.create_table(
        "actor",
        sa.Column("project", _BIG, nullable=False), sa.Column("name", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_actor_project"),
        sa.PrimaryKeyConstraint("project", "name", name="pk_actor"),
    )  # fmt: skip
    op.add_column("item", sa.Column("erased", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("project", sa.Column("purged_at", _BIG, server_default="0", nullable=False))
    # Nobody noted when: they count as deleted today.
    op.execute(sa.text(f"UPDATE project SET deleted_at = {time.time_ns() // 1_000_000} WHERE deleted_at IS NOT NULL"))
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(sa.text(statement))
    known = op.get_bind().execute(sa.text(_ACTORS)).all()
    rows = [{"project": r.project, "name": json.loads(r.content)["actor"], "code": r.actor} for r in known]
    if rows:
        op.get_bind().execute(sa.text("INSERT INTO actor (project, name, code) VALUES (:project, :name, :code)"), rows)


_ACTORS = (
    "SELECT e.project, e.actor, c.content FROM (SELECT project, actor, min(number) AS number FROM event "
    "GROUP BY project, actor) AS first JOIN event e ON e.project = first.project AND e.number = first.number "
    "JOIN event_content c ON c.event = e.id"
)
