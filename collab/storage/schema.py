"""The tables, once, for SQLite and PostgreSQL.

Only migrations change a database; a test compares what they build with this page. The triggers that keep the log
append-only and the full-text table differ between the two databases and stand in the migrations alone.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)  # fmt: skip

from collab.storage.json_text import Json

# SQLite numbers rows by itself only where the key is exactly INTEGER.
Big = BigInteger().with_variant(Integer, "sqlite")
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Big, Identity(), primary_key=True)


def _project(**options: Any) -> Column[int]:
    return Column("project", Big, ForeignKey("project.id"), **options)


def _number(name: str) -> Column[int]:
    return Column(name, Big, nullable=False, server_default="0")


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _partial(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


annotator = Table(
    "annotator", metadata, _id(), Column("name", Text, nullable=False, unique=True),
    *map(_flag, ("admin", "disabled", "erased")), *map(_words, ("password", "language", "issuer", "subject")),
    sqlite_autoincrement=True,
)  # fmt: skip
_partial(
    "uq_annotator_subject", annotator.c.issuer, annotator.c.subject, where="issuer <> ''", unique=True
)  # fmt: skip

project = Table(
    "project", metadata, _id(),
    Column("name", Text, nullable=False),
    Column("fields", Json, nullable=False),
    Column("policy", Json, nullable=False),
    Column("version", Integer, nullable=False),
    _flag("demo"),
    Column("salt", Text, nullable=False),
    Column("at", Big, nullable=False),
    Column("deleted_at", Big), _number("purged_at"),
    sqlite_autoincrement=True,
)  # fmt: skip
_partial("uq_project_name", project.c.name, where="deleted_at IS NULL", unique=True)

label_schema = Table(
    "label_schema", metadata, _project(primary_key=True), Column("version", Integer, primary_key=True),
    Column("definition", Json, nullable=False),
)  # fmt: skip

counter = Table(
    "counter", metadata, _project(primary_key=True),
    *map(_number, ("items", "reserved", "decided", "audited", "events")),
    *map(_number, ("ranking", "revision", "asks", "visible", "indexed")),
    _words("head"), Column("reading", Float, nullable=False, server_default="0"), _words("worker"),
    *map(_number, ("worker_at", "checked", "machine")),
)  # fmt: skip
"""One row for each project. Items up to `visible` are published, up to `indexed` searchable; `head` ends the chain."""

file_import = Table(
    "file_import", metadata, _id(), _project(nullable=False),
    Column("source", Text, nullable=False),
    Column("answers", Text, nullable=False),
    Column("at", Big, nullable=False),
    _number("added"), _number("stratum"), _number("drawable"),
    Column("mark", Float, nullable=False, server_default="0"),
    Column("report", Json),
    sqlite_autoincrement=True,
)  # fmt: skip
"""Audits are drawn from `drawable` of its items: those with an `audit_rank` below the `mark` form the reserve."""
_partial("uq_file_import_open", file_import.c.project, where="report IS NULL", unique=True)

item = Table(
    "item", metadata, _id(), _project(nullable=False),
    Column("file_import", Big, ForeignKey("file_import.id"), nullable=False),
    Column("ref", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("fields", Json, nullable=False),
    Column("meta", Json, nullable=False),
    Column("audit_rank", Float, nullable=False),
    _flag("reserved"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("read_until", Integer),
    _flag("drawn"), _flag("erased"),
    sqlite_autoincrement=True,
)  # fmt: skip
Index("uq_item_digest", item.c.project, item.c.digest, unique=True)
Index("ix_item_ref", item.c.project, item.c.ref)
Index("ix_item_project", item.c.project, item.c.id)
_partial("ix_item_reserve", item.c.project, item.c.audit_rank, where="reserved")
_partial("ix_item_rank", item.c.project, item.c.reserved, item.c.audit_rank, where="state = 'open'")

_partial("ix_item_acted", item.c.project, item.c.state, item.c.id, where="state <> 'open'")

replacement = Table(
    "replacement", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("file_import", Big, ForeignKey("file_import.id"), nullable=False),
    Column("fields", Json, nullable=False), Column("meta", Json, nullable=False),
    Column("digest", Text, nullable=False), _flag("reopen"),
)  # fmt: skip

hidden_truth = Table(
    "hidden_truth", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    _project(nullable=False, index=True), Column("answer", Json, nullable=False),
)  # fmt: skip

imported_answer = Table(
    "imported_answer", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("annotator", Text, primary_key=True, server_default=""),
    Column("file_import", Big, ForeignKey("file_import.id"), nullable=False, index=True),
    _project(nullable=False, index=True), Column("answer", Json, nullable=False), _words("first"),
)  # fmt: skip
"""Answers that came with a file: decisions where nobody is named, else annotations that the log doesn't hold yet.

`first`, here and in other tables, is the whole answer as one word: its class, or all of them, "\x1f" between.
"""
_partial(
    "ix_imported_answer_named", imported_answer.c.project, imported_answer.c.item, imported_answer.c.annotator,
    where="annotator <> ''",
)  # fmt: skip

decision = Table(
    "decision", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True), _project(nullable=False),
    Column("answer", Json, nullable=False), Column("first", Text, nullable=False), _flag("reserved"),
    Column("source", Text, nullable=False), Column("confidence", Float), Column("at", Big, nullable=False),
    Column("certificate", Big),
)  # fmt: skip
_partial(
    "ix_decision_first", decision.c.project, decision.c.reserved, decision.c.first, where="source <> 'machine'"
)  # fmt: skip
_partial("ix_decision_machine", decision.c.project, decision.c.certificate, where="source = 'machine'")
Index("ix_decision_source", decision.c.project, decision.c.source, decision.c.first, decision.c.item)

event = Table(
    "event", metadata, _project(primary_key=True), Column("number", Big, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Big, nullable=False),
    Column("item", Big), Column("ask", Big), Column("target", Text), Column("batch", Text),
    Column("schema_version", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("hash", Text, nullable=False),
)  # fmt: skip
"""Append-only. `actor` is a code, `content` a salted digest; what they stand for is in `actor` and `event_content`."""
Index("ix_event_actor", event.c.project, event.c.actor, event.c.number)

event_content = Table(
    "event_content", metadata, Column("event", Text, ForeignKey("event.id"), primary_key=True),
    Column("salt", Text, nullable=False), Column("content", Json, nullable=False),
)  # fmt: skip
"""Who acted and what was said; a row may be erased, the chain stays whole."""

annotation = Table(
    "annotation", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("annotator", Text, primary_key=True), _project(nullable=False),
    Column("event", Text, ForeignKey("event.id"), nullable=False),
    Column("kind", Text, nullable=False), Column("at", Big, nullable=False), _words("first"),
)  # fmt: skip
"""Which annotation of each person is in force."""
Index("ix_annotation_at", annotation.c.project, annotation.c.at)
Index("ix_annotation_own", annotation.c.project, annotation.c.annotator, annotation.c.at)
Index("ix_annotation_annotator", annotation.c.project, annotation.c.annotator, annotation.c.item)

put_off = Table(
    "put_off", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("annotator", Text, primary_key=True), Column("until", Big, nullable=False),
)  # fmt: skip

SHARED = "lane NOT IN ('chosen', 'repeat', 'review', 'norming')"
"""Rows of the queue that anybody may take; the others belong to one person."""

ask = Table(
    "ask", metadata, _id(), _project(nullable=False),
    Column("item", Big, ForeignKey("item.id"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("score", Float, nullable=False),
    _flag("blind"),
    Column("reason", Text, nullable=False),
    _words("model"), Column("proba", Json),
    _number("ranking"), _words("annotator"), _words("token"), _number("lease_until"), _number("leased_at"),
    _flag("done"), _words("footing"), Column("choices", Json),
    sqlite_autoincrement=True,
)  # fmt: skip
"""The queue; the lease stands in the row. `leased_at` is 0 for a row that was never handed out.

Columns stand in the order in which the migrations made them: `RETURNING *` gives them back so.
"""
_partial("uq_ask_slot", ask.c.item, ask.c.slot, where=SHARED, unique=True)
_partial("uq_ask_chosen", ask.c.item, ask.c.annotator, where="lane = 'chosen'", unique=True)
_partial("uq_ask_repeat", ask.c.item, ask.c.annotator, where="lane = 'repeat'", unique=True)
_partial("uq_ask_review", ask.c.item, ask.c.annotator, where="lane = 'review'", unique=True)
_partial("uq_ask_norming", ask.c.item, ask.c.annotator, where="lane = 'norming'", unique=True)
Index("ix_ask_item", ask.c.item)
_partial("ix_ask_audit", ask.c.project, ask.c.item, where="lane = 'audit'")
_partial("ix_ask_next", ask.c.project, ask.c.lane, ask.c.ranking.desc(), ask.c.score.desc(), ask.c.id, where="NOT done")
_partial("ix_ask_token", ask.c.token, where="token <> ''")
_partial("ix_ask_live", ask.c.project, ask.c.lease_until, where="lease_until > 0 AND NOT done")

repeated = Table(
    "repeated", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("annotator", Text, primary_key=True), _project(nullable=False, index=True),
    Column("first", Json, nullable=False), Column("again", Json, nullable=False), Column("at", Big, nullable=False),
)  # fmt: skip
"""What a person answered first and what to the repeat; [] is "can't tell"."""

certificate = Table(
    "certificate", metadata, _project(primary_key=True),
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False), Column("content", Json, nullable=False), _flag("applied"),
)  # fmt: skip
"""`applied`: its staged labels came in force once, and what had to be left out of them is forgotten."""

drawn = Table(
    "drawn", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True), _project(nullable=False),
    Column("certificate", Big, nullable=False), Column("place", Big, nullable=False), _flag("checks"), _flag("queued"),
)  # fmt: skip
"""Audits of certificates, and machine labels in the order in which they will be checked (`checks`). Those that are
`queued`, and they alone, are the items that are `drawn`."""
Index("ix_drawn_place", drawn.c.project, drawn.c.certificate, drawn.c.place)

machine_label = Table(
    "machine_label", metadata, _project(primary_key=True),
    Column("certificate", Big, primary_key=True, autoincrement=False),
    Column("item", Big, primary_key=True, autoincrement=False),
    Column("answer", Json, nullable=False), Column("first", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
"""What a machine says under a certificate; in force while that is signed, and nobody has said otherwise. No foreign key
to its item: whoever deletes items would look through all of it for each."""

figure = Table(
    "figure", metadata, _project(primary_key=True), Column("name", Text, primary_key=True),
    Column("content", Json, nullable=False), Column("at", Big, nullable=False),
)  # fmt: skip

explanation = Table(
    "explanation", metadata, _project(primary_key=True), Column("item", Big, primary_key=True, autoincrement=False),
    _number("revision"), Column("content", Json), _number("asked_at"),
)  # fmt: skip
"""Without `content` it is asked for."""

model = Table(
    "model", metadata, _id(), _project(nullable=False, index=True),
    Column("encoder", Text, nullable=False), Column("head", Text, nullable=False),
    Column("status", Text, nullable=False), Column("parent", Big, ForeignKey("model.id")),
    Column("metrics", Json, nullable=False), Column("at", Big, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

training_round = Table(
    "training_round", metadata, _project(primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("content", Json, nullable=False),
)  # fmt: skip

job = Table(
    "job", metadata, _id(), Column("kind", Text, nullable=False), _project(nullable=True),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("live", Text, unique=True),
    Column("payload", Json, nullable=False), Column("progress", Float, nullable=False, server_default="0"),
    _words("message"), Column("attempt", Integer, nullable=False, server_default="0"), _number("lease_until"),
    _flag("cancel_requested"), _words("requested_by"), Column("created_at", Big, nullable=False),
    Column("finished_at", Big),
    Column("result", Json, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)  # fmt: skip
"""`live` names kind and project while the job is queued or running, so that only one of them can be."""
Index("ix_job_project", job.c.project, job.c.id)

setting = Table(
    "setting", metadata, Column("name", Text, primary_key=True), Column("value", LargeBinary, nullable=False)
)

member = Table(
    "member", metadata, _project(primary_key=True), Column("person", Text, primary_key=True, index=True),
    Column("role", Text, nullable=False),
)  # fmt: skip

session = Table(
    "session", metadata, Column("id", Text, primary_key=True), Column("person", Text, nullable=False, index=True),
    Column("at", Big, nullable=False), Column("until", Big, nullable=False),
    Column("idle", Big, nullable=False), Column("seen", Big, nullable=False),
)  # fmt: skip
"""Somebody who signed in, until then, and no longer than `idle` ms after they were last seen (0: that doesn't matter);
whoever signs out or is disabled loses the row."""

attempt = Table(
    "attempt", metadata, Column("what", Text, primary_key=True), Column("failed", Big, nullable=False),
    Column("last", Big, nullable=False),
)  # fmt: skip
"""Failed attempts to sign in, by the digest of what they are counted for."""

access_log = Table(
    "access_log", metadata, _id(),
    Column("at", Big, nullable=False, index=True), Column("person", Text, nullable=False),
    Column("act", Text, nullable=False), Column("what", Text, nullable=False), Column("project", Big),
    Column("items", Json, nullable=False), Column("detail", Json, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip
"""Who saw, changed or took away what. No foreign key: an entry outlives what it speaks of."""

aggregated = Table(
    "aggregated", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    _project(nullable=False, index=True), Column("answer", Json, nullable=False), _words("first"),
    Column("confidence", Float, nullable=False),
)  # fmt: skip
"""What was concluded last from answers that differ."""

norming = Table(
    "norming", metadata, _project(primary_key=True), Column("number", Big, primary_key=True, autoincrement=False),
    Column("stage", Text, nullable=False), Column("items", Json, nullable=False),
    Column("actor", Text, nullable=False), Column("at", Big, nullable=False),
)  # fmt: skip

norming_item = Table(
    "norming_item", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    _project(nullable=False, index=True), Column("number", Big, nullable=False),
)  # fmt: skip
"""Items of the round under way: nobody gets them from another lane."""

normed = Table(
    "normed", metadata, _project(primary_key=True), Column("number", Big, primary_key=True, autoincrement=False),
    Column("item", Big, primary_key=True, autoincrement=False), Column("annotator", Text, primary_key=True),
    Column("after", Boolean, primary_key=True), Column("event", Text, ForeignKey("event.id"), nullable=False),
    _words("first"),
)  # fmt: skip
"""What each person answered in a round, first (blind) and after it was discussed; "?" is "can't tell"."""

remark = Table(
    "remark", metadata, Column("event", Text, ForeignKey("event.id"), primary_key=True), _project(nullable=False),
    Column("number", Big, nullable=False), Column("item", Big, nullable=False),
)  # fmt: skip
"""Which events are remarks on an item of a round; what they say stands in the log alone, where it can be erased."""
Index("ix_remark_project", remark.c.project, remark.c.number)

suspect = Table(
    "suspect", metadata, _project(primary_key=True), Column("kind", Text, primary_key=True),
    Column("item", Big, ForeignKey("item.id"), primary_key=True, index=True),
    Column("score", Float, nullable=False), Column("detail", Json, nullable=False), Column("first", Text),
    Column("at", Big, nullable=False),
)  # fmt: skip
"""Why items should be looked at again; `first` is the decision that is in doubt, NULL where it doesn't matter."""
_partial("ix_item_look", item.c.project, item.c.state, where="state IN ('disputed', 'flagged')")

adjudication = Table(
    "adjudication", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    _project(nullable=False, index=True),
    Column("event", Text, ForeignKey("event.id"), nullable=False), Column("verdict", Text, nullable=False),
    Column("answer", Json, nullable=False), Column("before", Json), Column("at", Big, nullable=False),
)  # fmt: skip
"""What an adjudicator said; `before` is what had been decided without one: the figures of audits go by it."""

second_look = Table(
    "second_look", metadata, Column("item", Big, ForeignKey("item.id"), primary_key=True),
    Column("annotator", Text, primary_key=True), _project(nullable=False, index=True),
    Column("event", Text, ForeignKey("event.id"), nullable=False),
)  # fmt: skip
"""What people said blind at a second look; it stands beside what is in force and settles nothing."""

actor = Table(
    "actor", metadata, _project(primary_key=True), Column("name", Text, primary_key=True),
    Column("code", Text, nullable=False),
)  # fmt: skip
"""The code under which each person stands in a log. Random: where the name was erased, nothing tells whose it was."""

batch = Table(
    "batch", metadata, Column("id", Text, primary_key=True), _project(nullable=False, index=True),
    Column("annotator", Text, nullable=False), Column("answer", Json, nullable=False),
    Column("items", Json, nullable=False), _words("reason"), _number("made_at"), _number("schema_version"),
    Column("status", Text, nullable=False), *map(_number, ("at", "until", "answered", "taken_back")),
    Column("undone_at", Big), Column("seen", Json, nullable=False, server_default="[]"),
)  # fmt: skip
"""One answer for many items: what is to be done, and how far it is. What was done is in the log."""
