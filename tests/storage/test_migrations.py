import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from collab.domain.annotation import Decision
from collab.domain.store import PoolRow
from collab.errors import StoreNewer
from collab.storage import log
from collab.storage.database import HEAD, SqlStore, open_store
from collab.storage.migrations.running import config, upgrade
from collab.storage.schema import metadata
from tests.samples import answer_of
from tests.storage.conftest import Open


def test_the_known_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


def test_migrations_build_the_tables_of_the_schema(store: SqlStore) -> None:
    with store.connection() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
        assert compare_metadata(context, metadata) == []


def test_migrations_build_what_the_schema_says_to_the_letter(tmp_path: Path) -> None:
    opened = open_store(tmp_path)
    migrated = {name: sql for name, sql in _written(opened).items() if name in metadata.tables or "_" in name}
    opened.close()
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        declared = dict(connection.execute(_OBJECTS).all())
    engine.dispose()

    assert {name: _plain(migrated[name]) for name in declared} == {name: _plain(sql) for name, sql in declared.items()}


def test_opening_again_changes_nothing(reopen: Open) -> None:
    first = reopen()
    first.add_annotator("mia")

    assert reopen().annotators() == ("mia",)


def test_rows_of_an_older_version_are_there_after_its_migration(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'collab.db'}"
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.execute(sa.text("INSERT INTO annotator (name) VALUES ('mia')"))
    engine.dispose()

    opened = open_store(tmp_path)

    assert opened.annotators() == ("mia",)
    opened.close()


def test_a_queue_and_decisions_of_before_certificates_go_on(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'collab.db'}")
    with engine.begin() as connection:
        upgrade(connection, "0003")
        for statement in _BEFORE_CERTIFICATES:
            connection.execute(sa.text(statement))
    engine.dispose()

    opened = open_store(tmp_path)

    assert opened.pool(1) == [PoolRow(1, False, "decided", 0.5, ("Yes",)), PoolRow(2, False, "open", 0.6)]
    assert opened.decision(1) == Decision(1, ("Yes",), "agreement")
    assert [a.item for a in opened.lease(1, "ann", "query", 9, "tab", 1, 2)] == [2]
    assert opened.lease(1, "ann", "chosen", 9, "tab", 1, 2) != []
    assert (opened.progress(1).decided, opened.progress(1).checked, opened.progress(1).machine) == (1, 0, 0)
    opened.close()


def test_a_log_from_before_actors_had_codes_goes_on(tmp_path: Path) -> None:
    before = ScriptDirectory.from_config(config()).get_revision("0010").down_revision
    content = {"actor": "ann", "payload": {"note": "n"}}
    event = {
        "id": "a", "project": 1, "number": 1, "kind": "flag", "actor": "digest of ann", "at": 5, "item": 7, "ask": None,
        "target": None, "batch": None, "schema_version": 1, "content": log._digest("salt", content),
    }  # fmt: skip
    event["hash"] = log._chained("", event)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'collab.db'}")
    with engine.begin() as connection:
        upgrade(connection, before)
        connection.execute(sa.text(_BEFORE_CERTIFICATES[0]))
        connection.execute(sa.text("INSERT INTO counter (project, events, head) VALUES (1, 1, :hash)"), event)
        connection.execute(sa.insert(metadata.tables["event"]), [event])
        connection.execute(
            sa.text("INSERT INTO event_content VALUES ('a', 'salt', :content)"), {"content": json.dumps(content)}
        )
    engine.dispose()

    opened = open_store(tmp_path)
    opened.append(answer_of(1, 8, by="ann").event())

    assert opened.check_chain(1) == 2
    assert [number for number, _ in opened.annotations(1, "ann")] == [2, 1]
    opened.close()


def test_a_newer_database_is_refused_and_left_alone(reopen: Open) -> None:
    opened = reopen()
    opened.write(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreNewer) as refused:
        reopen()

    assert (refused.value.found, refused.value.known) == ("9999", HEAD)
    assert opened.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"


_BEFORE_CERTIFICATES = (
    "INSERT INTO project (id, name, fields, policy, version, salt, at) VALUES (1, 'a', '[]', '{}', 1, 's', 1)",
    "INSERT INTO counter (project, items, decided, visible) VALUES (1, 2, 1, 2)",
    "INSERT INTO file_import (id, project, source, answers, at, report) VALUES (1, 1, 'a', 'nothing', 1, '{}')",
    "INSERT INTO item (id, project, file_import, ref, digest, fields, meta, audit_rank, state) "
    "VALUES (1, 1, 1, '1', 'a', '{}', '{}', 0.5, 'decided'), (2, 1, 1, '2', 'b', '{}', '{}', 0.6, 'open')",
    "INSERT INTO decision (item, project, answer, first, source, at) VALUES (1, 1, '[\"Yes\"]', 'Yes', 'agreement', 1)",
    "INSERT INTO ask (project, item, slot, purpose, lane, score, reason, annotator) "
    "VALUES (1, 2, 0, 'query', 'query', 0.5, 'torn', ''), (1, 2, 0, 'chosen', 'chosen', 0.5, 'torn', 'ann')",
)
_OBJECTS = sa.text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")


def _written(store: SqlStore) -> dict[str, str]:
    return {r.name: r.sql for r in store.rows(_OBJECTS)}


def _plain(sql: str) -> list[str]:
    """The parts of a statement, whatever their order and white space; SQLite adds a column behind the last one."""
    parts = re.split(r",\s*\n|\(\n|, (?=\w+ [A-Z]+(?:,| DEFAULT))", sql)
    return sorted(re.sub(r"\s+", " ", part).strip(" ()") for part in parts)


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and (name == "alembic_version" or str(name).startswith("item_search")))
