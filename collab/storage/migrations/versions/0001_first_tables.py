"""The first tables, the triggers that keep the log append-only, and the full-text table.

Written out, not taken from `schema`: that page goes on, this one stays what it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SQLITE = (
    "CREATE TRIGGER event_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "CREATE TRIGGER event_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
    "CREATE VIRTUAL TABLE item_search USING fts5 (words, content='', tokenize='unicode61 remove_diacritics 2')",
)
_POSTGRES = (
    "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$",
    "CREATE TRIGGER event_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TABLE item_search (item bigint PRIMARY KEY REFERENCES item (id), words tsvector NOT NULL)",
    "CREATE INDEX ix_item_search ON item_search USING gin (words)",
)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "annotator",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_annotator"), sa.UniqueConstraint("name", name="uq_annotator_name"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "project",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False), sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.Column("deleted_at", _BIG, nullable=True), sa.PrimaryKeyConstraint("id", name="pk_project"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    _partial("uq_project_name", "project", ["name"], unique=True, where="deleted_at IS NULL")
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False), sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )  # fmt: skip
    op.create_table(
        "counter",
        sa.Column("project", _BIG, nullable=False),
        *_numbers("items", "reserved", "decided", "audited", "events"),
        *_numbers("ranking", "revision", "asks", "visible", "indexed"),
        sa.Column("head", sa.Text(), server_default="", nullable=False),
        sa.Column("reading", sa.Float(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("worker_at", _BIG, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_counter_project"),
        sa.PrimaryKeyConstraint("project", name="pk_counter"),
    )  # fmt: skip
    op.create_table(
        "event",
        sa.Column("project", _BIG, nullable=False), sa.Column("number", _BIG, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False), sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.Column("item", _BIG, nullable=True), sa.Column("ask", _BIG, nullable=True),
        sa.Column("target", sa.Text(), nullable=True), sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("schema_version", sa.Integer(), nullable=False), sa.Column("content", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_event_project"),
        sa.PrimaryKeyConstraint("project", "number", name="pk_event"), sa.UniqueConstraint("id", name="uq_event_id"),
    )  # fmt: skip
    op.create_index("ix_event_actor", "event", ["project", "actor", "number"])
    op.create_table(
        "file_import",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("source", sa.Text(), nullable=False), sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("at", _BIG, nullable=False), *_numbers("added", "stratum", "drawable"),
        sa.Column("mark", sa.Float(), server_default="0", nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_file_import_project"),
        sa.PrimaryKeyConstraint("id", name="pk_file_import"), sqlite_autoincrement=True,
    )  # fmt: skip
    _partial("uq_file_import_open", "file_import", ["project"], unique=True, where="report IS NULL")
    op.create_table(
        "job",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("project", _BIG, nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("live", sa.Text(), nullable=True), sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", _BIG, server_default="0", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("requested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", _BIG, nullable=False), sa.Column("finished_at", _BIG, nullable=True),
        sa.Column("result", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_job_project"),
        sa.PrimaryKeyConstraint("id", name="pk_job"), sa.UniqueConstraint("live", name="uq_job_live"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_job_project", "job", ["project", "id"])
    op.create_table(
        "label_schema",
        sa.Column("project", _BIG, nullable=False), sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_label_schema_project"),
        sa.PrimaryKeyConstraint("project", "version", name="pk_label_schema"),
    )  # fmt: skip
    op.create_table(
        "model",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("encoder", sa.Text(), nullable=False), sa.Column("head", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False), sa.Column("parent", _BIG, nullable=True),
        sa.Column("metrics", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["model.id"], name="fk_model_parent"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_model_project"),
        sa.PrimaryKeyConstraint("id", name="pk_model"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_model_project", "model", ["project"])
    op.create_table(
        "presence",
        sa.Column("project", _BIG, nullable=False), sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("at", _BIG, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_presence_project"),
        sa.PrimaryKeyConstraint("project", "annotator", name="pk_presence"),
    )  # fmt: skip
    op.create_table(
        "training_round",
        sa.Column("project", _BIG, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_training_round_project"),
        sa.PrimaryKeyConstraint("project", "revision", name="pk_training_round"),
    )  # fmt: skip
    op.create_table(
        "event_content",
        sa.Column("event", sa.Text(), nullable=False), sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_event_content_event"),
        sa.PrimaryKeyConstraint("event", name="pk_event_content"),
    )  # fmt: skip
    op.create_table(
        "item",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("file_import", _BIG, nullable=False), sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False), sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("meta", sa.Text(), nullable=False), sa.Column("audit_rank", sa.Float(), nullable=False),
        sa.Column("reserved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False), sa.Column("read_until", sa.Integer()),
        sa.ForeignKeyConstraint(["file_import"], ["file_import.id"], name="fk_item_file_import"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_item_project"),
        sa.PrimaryKeyConstraint("id", name="pk_item"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_item_project", "item", ["project", "id"])
    _partial("ix_item_reserve", "item", ["project", "audit_rank"], where="reserved")
    _partial("ix_item_rank", "item", ["project", "reserved", "audit_rank"], where="state = 'open'")
    op.create_index("ix_item_ref", "item", ["project", "ref"])
    op.create_index("uq_item_digest", "item", ["project", "digest"], unique=True)
    op.create_table(
        "annotation",
        sa.Column("item", _BIG, nullable=False), sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("project", _BIG, nullable=False), sa.Column("event", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False), sa.Column("at", _BIG, nullable=False),
        sa.Column("first", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name="fk_annotation_event"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_annotation_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_annotation_project"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_annotation"),
    )  # fmt: skip
    op.create_index("ix_annotation_at", "annotation", ["project", "at"])
    op.create_table(
        "ask",
        sa.Column("id", _BIG, sa.Identity(), nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("item", _BIG, nullable=False), sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False), sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("blind", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("proba", sa.Text(), nullable=True), sa.Column("ranking", _BIG, server_default="0", nullable=False),
        sa.Column("annotator", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), server_default="", nullable=False), *_numbers("lease_until", "leased_at"),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_ask_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_ask_project"),
        sa.PrimaryKeyConstraint("id", name="pk_ask"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_ask_item", "ask", ["item"])
    _partial("ix_ask_audit", "ask", ["project", "item"], where="lane = 'audit'")
    _partial("ix_ask_live", "ask", ["project", "lease_until"], where="lease_until > 0 AND NOT done")
    _partial(
        "ix_ask_next",
        "ask",
        ["project", "lane", sa.literal_column("ranking DESC"), sa.literal_column("score DESC"), "id"],
        where="NOT done",
    )
    _partial("ix_ask_token", "ask", ["token"], where="token <> ''")
    _partial("uq_ask_chosen", "ask", ["item", "annotator"], unique=True, where="lane = 'chosen'")
    _partial("uq_ask_slot", "ask", ["item", "slot"], unique=True, where="lane <> 'chosen'")
    op.create_table(
        "decision",
        sa.Column("item", _BIG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False), sa.Column("first", sa.Text(), nullable=False),
        sa.Column("reserved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False), sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_decision_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_decision_project"),
        sa.PrimaryKeyConstraint("item", name="pk_decision"),
    )  # fmt: skip
    op.create_index("ix_decision_first", "decision", ["project", "reserved", "first"])
    op.create_table(
        "hidden_truth",
        sa.Column("item", _BIG, nullable=False), sa.Column("project", _BIG, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_hidden_truth_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_hidden_truth_project"),
        sa.PrimaryKeyConstraint("item", name="pk_hidden_truth"),
    )  # fmt: skip
    op.create_index("ix_hidden_truth_project", "hidden_truth", ["project"])
    op.create_table(
        "imported_answer",
        sa.Column("item", _BIG, nullable=False),
        sa.Column("annotator", sa.Text(), server_default="", nullable=False),
        sa.Column("project", _BIG, nullable=False), sa.Column("file_import", _BIG, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["file_import"], ["file_import.id"], name="fk_imported_answer_file_import"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_imported_answer_item"),
        sa.ForeignKeyConstraint(["project"], ["project.id"], name="fk_imported_answer_project"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_imported_answer"),
    )  # fmt: skip
    op.create_index("ix_imported_answer_file_import", "imported_answer", ["file_import"])
    _partial("ix_imported_answer_named", "imported_answer", ["project", "item", "annotator"], where="annotator <> ''")
    op.create_index("ix_imported_answer_project", "imported_answer", ["project"])
    op.create_table(
        "put_off",
        sa.Column("item", _BIG, nullable=False), sa.Column("annotator", sa.Text(), nullable=False),
        sa.Column("until", _BIG, nullable=False),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_put_off_item"),
        sa.PrimaryKeyConstraint("item", "annotator", name="pk_put_off"),
    )  # fmt: skip
    op.create_table(
        "replacement",
        sa.Column("item", _BIG, nullable=False), sa.Column("file_import", _BIG, nullable=False),
        sa.Column("fields", sa.Text(), nullable=False), sa.Column("meta", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("reopen", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["file_import"], ["file_import.id"], name="fk_replacement_file_import"),
        sa.ForeignKeyConstraint(["item"], ["item.id"], name="fk_replacement_item"),
        sa.PrimaryKeyConstraint("item", name="pk_replacement"),
    )  # fmt: skip

    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(sa.text(statement))


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _BIG, server_default="0", nullable=False) for name in names]


def _partial(
    name: str, table: str, columns: list[str | sa.ColumnElement[object]], where: str, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
