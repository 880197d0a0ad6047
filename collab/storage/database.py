"""Opens a workspace: its database, brought up to date, and its files; puts the parts of the store together."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import final

import sqlalchemy as sa

from collab.errors import Conflict, NotInstalled, StorageError, StoreCorrupt, StoreNewer
from collab.storage import (
    aggregates,
    answers,
    batches,
    certificates,
    differences,
    draws,
    erasures,
    explanations,
    features,
    files,
    hits,
    imports,
    items,
    log,
    normings,
    people,
    projections,
    queue,
    records,
    repeats,
    replicas,
    reserve,
    runs,
    search,
    slots,
    suspects,
    verdicts,
)
from collab.storage.connection import Database
from collab.storage.failures import disk_errors

HEAD = "0013"
"""The migration that this version knows as the last one."""


def open_store(workspace: Path, url: str | None = None, *, patience: float = 5.0) -> "SqlStore":
    """Open a workspace, made where there is none, with its database migrated to what this version knows.

    Args:
        workspace: The folder that holds files, features and, without `url`, the database `collab.db`.
        url: A database elsewhere, as "postgresql://user:password@host/name".
        patience: Seconds to wait for a lock before `StoreBusy`.

    Raises:
        StoreNewer: A newer version wrote it; nothing was touched.
        StorageError: It can't be read or written.
    """
    with disk_errors(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
    store = SqlStore(workspace, _address(workspace, url), patience)
    try:
        store.migrate()
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def fill_store(workspace: Path, url: str, copy: Path, *, patience: float = 60.0) -> Iterator["SqlStore"]:
    """Fill an empty PostgreSQL database from a copy that `copy_database` has made; an error in the body undoes all.

    Raises:
        Conflict: It has tables already.
        StorageError: It is no PostgreSQL database, or can't be written.
    """
    address = _address(workspace, url)
    if address.get_backend_name() != "postgresql":
        raise StorageError("A backup goes into a folder, or into postgresql://…; name one of them.")
    store = SqlStore(workspace, address, patience)
    try:
        with store.transaction():
            if replicas.tables_of(store):
                raise Conflict(f"{store.url} has tables already. Make an empty database, and name that one.")
            replicas.fill(store, copy)
            yield store
    finally:
        store.close()


@final
class SqlStore(Database):
    """The store of one workspace. Each verb is a function of the module that knows its tables."""

    def migrate(self) -> None:
        """Bring the tables up to date. Raises `StoreNewer` where they are ahead."""
        if (found := self._version()) == HEAD:
            if self.is_sqlite and self.scalar(sa.text("PRAGMA journal_mode")) != "wal":  # a copy out of a backup
                self.rows(sa.text("PRAGMA journal_mode=WAL"))
            return
        self._refuse_newer(found)
        if self.is_sqlite:
            self.rows(sa.text("PRAGMA journal_mode=WAL"))
        with self.transaction():
            if not self.is_sqlite:
                self.rows(sa.text("SELECT pg_advisory_xact_lock(hashtext('collab migration'))"))
            if self._version() != HEAD:  # else another process was faster
                with self.connection() as connection:
                    # Only here: Alembic takes longer to import than a whole start.
                    from collab.storage.migrations.running import upgrade

                    upgrade(connection)

    def ping(self) -> None:  # noqa: D102  # the Store protocol documents it
        self.scalar(sa.text("SELECT 1"))

    def check(self, *, deep: bool = False) -> None:  # noqa: D102  # the Store protocol documents it
        self._refuse_newer(self._version())
        if self.is_sqlite:
            pragma = "integrity_check" if deep else "quick_check"
            reason = self.scalar(sa.text(f"PRAGMA {pragma}(1)"))
            if reason != "ok":
                raise StoreCorrupt(self.url, str(reason))
        if deep:
            for project in records.every_project(self):
                log.check_chain(self, project)

    def product(self) -> str:  # noqa: D102  # the Store protocol documents it
        found = self.scalar(sa.text("SELECT sqlite_version()" if self.is_sqlite else "SHOW server_version"))
        return f"{'SQLite' if self.is_sqlite else 'PostgreSQL'} {found}"

    def revision(self) -> str:  # noqa: D102  # the Store protocol documents it
        return self._version() or ""

    def _version(self) -> str | None:
        """The last migration that the database has seen; None where it has no tables."""
        with self.connection() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
        return str(self.scalar(sa.text("SELECT version_num FROM alembic_version")))

    def _refuse_newer(self, found: str | None) -> None:
        if found is not None and found > HEAD:
            raise StoreNewer(self.url, found, HEAD)

    add_annotator = people.add_annotator
    annotators = people.annotators
    person = people.person
    save_person = people.save_person
    set_language = people.set_language

    accounts = people.accounts
    password = people.password
    set_password = people.set_password
    known_as = people.known_as
    signed_in = people.signed_in
    count_attempt = people.count_attempt
    discount_attempt = people.discount_attempt
    clear_attempts = people.clear_attempts
    forget_attempts = people.forget_attempts
    sign_in_way = people.sign_in_way
    set_sign_in_way = people.set_sign_in_way
    access = people.access
    start_session = people.start_session
    end_session = people.end_session
    end_sessions = people.end_sessions
    set_role = people.set_role
    members = people.members
    note = people.note
    accesses = people.accesses
    retention = people.retention
    set_retention = people.set_retention
    old_accesses = people.old_accesses
    shorten_access_log = people.shorten_access_log
    create_project = records.create_project
    projects = records.projects
    project = records.project
    save_schema = records.save_schema
    schema_versions = records.schema_versions
    save_policy = records.save_policy
    save_fields = records.save_fields
    delete_project = records.delete_project
    deleted_projects = records.deleted_projects
    restore_project = records.restore_project
    progress = records.progress
    count_asks = records.count_asks
    lock = Database.lock_project
    set_worker = records.set_worker

    begin_import = imports.begin_import
    open_import = imports.open_import
    add_items = imports.add_items
    replace_item = imports.replace_item
    unjoined = imports.unjoined
    finish_import = imports.finish_import
    append_answers = answers.append_answers
    abandon_import = imports.abandon_import

    strata = reserve.strata
    audit_answers = reserve.audit_answers

    stream_items = items.stream_items
    outcomes = items.outcomes
    set_read_until = items.set_read_until
    item_called = items.item_called
    pool = items.pool
    pool_rows = items.pool_rows
    find = hits.find
    matching = hits.matching

    save_batch = batches.save_batch
    batch = batches.batch
    spoken = batches.spoken
    truth = items.truth

    index_text = search.index_text
    personal = search.personal
    unindexed = search.unindexed

    put_asks = queue.put_asks
    extend_lane = queue.extend_lane
    lease = queue.lease
    lease_one = queue.lease_one
    held = queue.held
    hold = queue.hold
    renew = queue.renew
    release = queue.release
    choose_items = queue.choose_items
    ask = queue.ask
    close_ask = queue.close_ask
    reopen_ask = queue.reopen_ask
    put_off = queue.put_off
    add_slots = queue.add_slots
    suggest = queue.suggest
    live_items = queue.live_items
    live_annotators = queue.live_annotators

    append = log.append
    event = log.event
    chain_head = log.chain_head
    check_chain = log.check_chain
    latest = log.latest
    annotations = log.annotations
    seconds = log.seconds

    current = projections.current
    set_current = projections.set_current
    decision = projections.decision
    annotated = projections.annotated
    standing_decision = projections.standing_decision
    settle_item = projections.settle_item
    reset_projections = projections.reset_projections
    class_counts = projections.class_counts
    answers_since = projections.answers_since
    overlaps = projections.overlaps
    answers_by_annotator = projections.answers_by_annotator

    set_aggregated = aggregates.set_aggregated
    aggregated = aggregates.aggregated
    shared_answers = aggregates.shared_answers
    want_answers = slots.want_answers
    begun_items = slots.begun_items
    put_relabels = slots.put_relabels

    save_norming = normings.save_norming
    norming_of = normings.norming_of
    add_norming = normings.add_norming
    ask_norming_again = normings.ask_norming_again
    end_norming_asks = normings.end_norming_asks
    set_normed = normings.set_normed
    normed = normings.normed
    keep_remark = normings.keep_remark
    remarks = normings.remarks

    add_repeat = repeats.add_repeat
    set_repeat = repeats.set_repeat

    put_suspects = suspects.put_suspects
    suspects_of = suspects.suspects_of
    looks_left = suspects.looks_left
    due_looks = suspects.due_looks
    take_looks = suspects.take_looks
    send_look = suspects.send_look
    close_look = suspects.close_look
    close_looks = suspects.close_looks
    sends = suspects.sends
    adjudication = verdicts.adjudication
    beside = verdicts.beside
    set_adjudication = verdicts.set_adjudication
    set_before = verdicts.set_before
    adjudications = verdicts.adjudications
    set_second_look = verdicts.set_second_look
    second_looks = verdicts.second_looks

    save_certificate = certificates.save_certificate
    schedule = certificates.schedule
    stage_labels = certificates.stage_labels
    apply_labels = certificates.apply_labels
    drop_labels = certificates.drop_labels

    remaining = draws.remaining
    draw_audits = draws.draw_audits
    keep_for_checks = draws.keep_for_checks
    certificate_audits = draws.certificate_audits
    release_audits = draws.release_audits

    add_model = runs.add_model
    save_model = runs.save_model
    models = runs.models
    add_round = runs.add_round
    rounds = runs.rounds
    last_round = runs.last_round
    put_figures = runs.put_figures
    figures = runs.figures
    ask_why = explanations.ask_why
    asked_why = explanations.asked_why
    put_why = explanations.put_why
    why = explanations.why
    submit_job = runs.submit_job
    claim_job = runs.claim_job
    beat_job = runs.beat_job
    end_job = runs.end_job
    give_back_job = runs.give_back_job
    cancel_job = runs.cancel_job
    job = runs.job
    jobs = runs.jobs
    live_jobs = runs.live_jobs

    copy_database = replicas.copy_database
    database_bytes = replicas.database_bytes
    heads = log.heads
    pictures = items.pictures
    end_jobs = runs.end_jobs
    keep_projections = differences.keep_projections
    differing = differences.differing

    every_project = records.every_project
    next_alias = erasures.next_alias
    events_naming = log.naming
    events_of_item = log.of_item
    mentions = log.mentions
    retell = log.retell
    rename_person = erasures.rename_person
    rename_in_rows = erasures.rename_in_rows
    empty_item = erasures.empty_item
    erased_items = erasures.erased_items
    forget_answers = erasures.forget_answers
    purge_project = erasures.purge_project
    note_erasure = erasures.note_erasure
    erasures_left = erasures.erasures_left
    end_erasure = erasures.end_erasure
    scrub = erasures.scrub
    erase_features = features.erase_features
    delete_all_features = features.delete_all_features

    write_file = files.write_file
    sync_files = files.sync_files
    file = files.file
    folder = files.folder
    delete_files = files.delete_files
    secret = files.secret

    # Last: from here on these names mean the verbs, no longer the modules.
    imports = imports.imports
    items = items.items
    people = people.people
    log = log.log
    delete_features = features.delete_features
    features = features.features
    repeats = repeats.repeats
    normings = normings.normings
    certificates = certificates.certificates
    search = hits.search
    batches = batches.batches


def _address(workspace: Path, url: str | None) -> sa.URL:
    if url is None:
        return sa.URL.create("sqlite", database=str(workspace / "collab.db"))
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StorageError(
            "The address of the database can't be read; write it as postgresql://user:password@host/name."
        ) from None
    if address.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        raise NotInstalled("PostgreSQL", "postgres")
    if address.get_backend_name() not in ("postgresql", "sqlite"):
        raise StorageError(
            f"{address.get_backend_name()} is not a database that collab knows; use SQLite or postgresql://…"
        )
    return address
