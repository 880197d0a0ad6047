"""Everything the app asks of a disk, on one page.

A `Store` is one workspace: its database and its files. Every method is a transaction of its own, or joins the one that
`transaction` has opened on the same thread. Times are integer milliseconds since 1970 and are handed in. What the disk
or the database refuses is a `StorageError`; a method names what else it raises. After any error nothing of the
transaction was stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from collab.domain.access import Access, AccessEntry, AccessFilter, Attempts, Person, Retention, Role, SignIn
from collab.domain.annotation import Annotation, Ask, Decision, DecisionSource, Event, EventKind, Lane, Suggestion
from collab.domain.batch import Batch
from collab.domain.certificate import Certificate
from collab.domain.norming import Normed, Norming, Remark, Stage
from collab.domain.project import Answer, Field, Item, ItemState, LabelSchema, LoopPolicy, Project
from collab.domain.run import ImportReport, Job, JobStatus, Progress, Round, Stratum
from collab.domain.suspect import Adjudicated, Adjudication, Sent, Suspect, SuspectKind
from collab.domain.version import ModelVersion


@dataclass(frozen=True, slots=True)
class NewItem:
    """A row on its way in."""

    ref: str
    fields: Mapping[str, Any]
    digest: str
    audit_rank: float
    meta: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer = ()
    """The answer that came with the row, as class ids; what it becomes is the import's `answers`."""
    annotator: str = ""
    """Who gave it, where the file says so."""
    line: int = field(default=0, compare=False)
    """Where the row begins in its file."""


AnswersAs = Literal["nothing", "decisions", "annotations", "truth"]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a batch of rows."""

    added: int = 0
    duplicates: int = 0
    changed: tuple[tuple[int, NewItem], ...] = ()
    """(id of the item that is there, row with the same ref and other content); left as they were."""
    contradicted: tuple[tuple[Item, NewItem], ...] = ()
    """(item, row with the same content and another answer than the import's earlier row): duplicates that aren't told
    by their number alone."""


@dataclass(frozen=True, slots=True)
class PoolRow:
    """What the worker must know of an item, without its content."""

    item: int
    reserved: bool
    state: ItemState
    audit_rank: float
    answer: Answer = ()
    """Its decision, () where there is none."""
    drawn: bool = False
    """Drawn as an audit of a certificate."""
    machine: bool = False
    """Whether the decision is a machine's."""


@dataclass(frozen=True, slots=True)
class Audit:
    """An item of the audit reserve, or one that a certificate drew, and what became of it."""

    item: int
    stratum: int
    """0 where a certificate drew it."""
    answer: Answer | None
    """None: not answered yet, can't tell, flagged, unusable, disputed."""
    asked: bool
    """Whether it was ever handed out; a late arrival may not have been."""
    held: bool
    """Whether its answer is under way: somebody holds it, or it was given back unseen."""


MOST_COUNTED = 10_000
"""Hits of a search that are counted; where there are more, it says so, and isn't ordered by relevance."""


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """What one field of an item must hold."""

    field: str
    kind: Literal["contains", "equals", "between"]
    text: str = ""
    """Words of a text, or a category."""
    low: float | None = None
    """Bounds of a number, both included; None: there is none."""
    high: float | None = None


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """An answer in force to an item that others may have answered too."""

    item: int
    annotator: str
    answer: Answer
    purpose: str
    """Why it was asked; "" where it wasn't."""
    audit: bool
    """Whether the item is of the reserve, or drawn by a certificate."""
    single: bool
    """Whether somebody gave it to this item alone: not for many at once."""


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items a page wants to see; empty means all of them."""

    text: str = ""
    state: ItemState | Literal["labeled", "machine", "later", ""] = ""
    answer: str = ""
    """Class id that the decision names, or the own answer of `annotator` where that is given; `NONE`: that it is."""
    annotator: str = ""
    include_reserved: bool = False
    """Also the reserve and what certificates drew."""
    source: DecisionSource | Literal[""] = ""
    """Where the decision came from."""
    fields: tuple[FieldFilter, ...] = ()
    """All of them must hold; nothing is found by a personal one."""


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item with what became of it, for a list."""

    item: Item
    decision: Decision | None
    annotation: Annotation | None = None
    """The latest one in force (of the filter's annotator, where given)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what a search found."""

    rows: tuple[ItemRow, ...]
    ids: Any
    """Of all hits that were listed, in their order, shape (n,), int64; at most `MOST_COUNTED`."""
    exact: bool
    """Whether these are all hits."""
    ranked: bool = False
    """Whether the best come first; else they stand in the order in which they were imported."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A project that was deleted, and may be had back until it is purged."""

    id: int
    name: str
    at: int
    items: int


@dataclass(frozen=True, slots=True)
class Differing:
    """What two states of a project's projections differ in."""

    items: tuple[int, ...] = ()
    """Whose state, decision, annotations in force or answers to repeats differ."""
    certificates: tuple[int, ...] = ()
    """Whose status differs, by number."""
    counters: tuple[str, ...] = ()
    """Names of counters, as in `Progress`."""


class Store(Protocol):
    """One workspace."""

    @property
    def workspace(self) -> Path:
        """The folder that holds files, features and, with SQLite, the database."""

    @property
    def url(self) -> str:
        """The database, without its password; names the workspace in messages."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """Open a write transaction, or join the one this thread is in; commits at the outermost exit.

        Args:
            durable: False for leases alone: they need not survive a power cut.
        """

    def savepoint(self) -> AbstractContextManager[None]:
        """Inside a transaction: where the body fails, undo what it wrote, and nothing else of the transaction."""

    def lock(self, project: int) -> None:
        """Inside a transaction: have the acts of a project run one after another from here to its end."""

    def close(self) -> None:
        """Release connections and locks."""

    # ---- people and projects
    def add_annotator(self, name: str) -> None:
        """Make a name known; knowing it already is fine."""

    def annotators(self) -> tuple[str, ...]:
        """Names, in the order in which they came."""

    def people(self) -> tuple[Person, ...]:
        """Everybody, in the order in which they came."""

    def person(self, name: str) -> Person:
        """One. Raises `UnknownName`."""

    def save_person(self, person: Person) -> None:
        """Keep what is known of a person, a new or a known one; who is disabled is signed out."""

    def set_language(self, name: str, language: str) -> None:
        """Keep in which language a person is spoken to, and nothing else; of nobody who is known here: do nothing."""

    def accounts(self) -> tuple[Person, ...]:
        """Those who can sign in, or could if they weren't disabled, by name."""

    def password(self, person: str) -> str:
        """The digest of somebody's password; "" where they have none."""

    def set_password(self, person: str, digest: str, *, stay: bool = False) -> None:
        """Keep the digest of a password, and sign its owner out everywhere, unless they `stay`.

        Raises:
            UnknownName: There is no such person.
        """

    def known_as(self, issuer: str, subject: str) -> Person | None:
        """Whom an identity provider calls so."""

    def sign_in_way(self) -> SignIn:
        """How people say here who they are."""

    def set_sign_in_way(self, way: SignIn) -> None:
        """Choose it. Sessions that are there stay."""

    def access(self, person: str, session: str, now: int) -> Access | None:
        """What somebody may do now; None: that session isn't theirs or has ended, or their account is disabled.

        Without a session everything, to everybody, where names are taken on trust, and nothing anywhere else.
        """

    def start_session(self, session: str, person: str, now: int, until: int, idle: int = 0) -> None:
        """Keep that somebody has signed in, until then; `session` is a secret's digest.

        Args:
            idle: Milliseconds without a sign of them after which it ends all the same, to the minute; 0: it doesn't.
        """

    def signed_in(self, session: str, now: int) -> str | None:
        """Whose session it is; None: it has ended, or their account is disabled."""

    def end_session(self, session: str) -> None:
        """Sign out."""

    def end_sessions(self, person: str) -> None:
        """Sign somebody out everywhere."""

    def count_attempt(self, what: str, now: int) -> Attempts:
        """Count one more attempt to sign in, for all processes that serve this workspace; returns those before it.

        Until the transaction ends, nobody else counts for the same.
        """

    def discount_attempt(self, what: str, before: Attempts) -> None:
        """Count one less, which has not failed, and before which these had; those that came after it still count."""

    def clear_attempts(self, what: str) -> None:
        """Forget them."""

    def forget_attempts(self, before: int) -> None:
        """Drop those whose last one was earlier."""

    def set_role(self, project: int, person: str, role: Role | None) -> None:
        """Say what somebody is in a project; None: no longer a member."""

    def members(self, project: int) -> Mapping[str, Role]:
        """Roles by name, in the order of the names."""

    def note(self, entry: AccessEntry) -> None:
        """Add to the access log; joins the transaction, so that it costs no commit of its own there."""

    def accesses(
        self, project: int | None = None, wanted: AccessFilter = ..., *, before: int | None = None, limit: int = 100
    ) -> list[tuple[int, AccessEntry]]:
        """The latest entries of the access log with their numbers, newest first; those under `before`, where given."""

    def retention(self) -> Retention:
        """How long what is kept is kept."""

    def set_retention(self, retention: Retention) -> None:
        """Say how long."""

    def old_accesses(self, before: int) -> int:
        """How many entries of the access log are older."""

    def shorten_access_log(self, before: int) -> int:
        """Delete the entries that are older; no other way leads to one's being deleted. Returns how many."""

    def create_project(
        self, name: str, fields: Sequence[Field], schema: LabelSchema, policy: LoopPolicy, now: int, demo: bool = False
    ) -> Project:
        """Make a project. Raises `Conflict` where the name is taken."""

    def projects(self) -> tuple[Project, ...]:
        """All of them, newest first."""

    def project(self, project: int) -> Project:
        """One. Raises `UnknownName`."""

    def save_schema(self, project: int, schema: LabelSchema) -> None:
        """Make `schema`, whose version is one above the stored one, the current one; older ones stay readable."""

    def schema_versions(self, project: int) -> tuple[LabelSchema, ...]:
        """Every version, oldest first."""

    def save_policy(self, project: int, policy: LoopPolicy) -> None:
        """Replace the policy."""

    def personal(self, project: int) -> frozenset[str]:
        """Names of the personal columns, "" among them where the items' own names are one; one column read."""

    def save_fields(self, project: int, fields: Sequence[Field]) -> None:
        """Replace what is known of the columns, and bring the index of words in line: with a million items it takes a
        minute, and nobody answers meanwhile. Names, kinds and order of those that are the items' content must stay."""

    def delete_project(self, project: int, now: int) -> None:
        """Hide a project from every list; all of it stays until it is purged, and its log for good."""

    def deleted_projects(self) -> tuple[Deleted, ...]:
        """Those that are hidden and not purged yet, first deleted first."""

    def restore_project(self, project: int) -> None:
        """Show a hidden project again. Raises `UnknownName` where it isn't one, `Conflict` where its name is taken."""

    def progress(self, project: int) -> Progress:
        """The counters; one row read."""

    # ---- importing: invisible until finished
    def begin_import(self, project: int, source: str, answers: AnswersAs, now: int) -> int:
        """Open an import. Raises `Conflict` while another one of this project is under way."""

    def open_import(self, project: int) -> int | None:
        """The import that is under way, or was cut off."""

    def add_items(self, import_id: int, rows: Sequence[NewItem]) -> Added:
        """Store a batch, in one transaction. Rows whose digest is there already are duplicates."""

    def replace_item(self, import_id: int, item: int, row: NewItem, *, reopen: bool) -> None:
        """Give an item new content when the import finishes; `reopen` takes its decision away then."""

    def unjoined(self, project: int, stratum_min: int) -> int:
        """How many items the stratum has already that the next import will belong to."""

    def finish_import(
        self, import_id: int, report: ImportReport, mark: float, stratum_min: int, now: int
    ) -> ImportReport:
        """Make all its items visible at once, set the audit reserve, keep the report.

        The report is returned with the answers that were taken. They are left out where their item is decided or in the
        reserve, or where the same person acted on it.

        Args:
            mark: Items of this stratum with `audit_rank` below it form the reserve, but for those with a decision.
            stratum_min: A stratum with fewer items is joined to the next import.
        """

    def append_answers(self, project: int, now: int) -> int:
        """Turn the next answers of named people that finished imports brought into events; returns how many, 0 at the
        end. One transaction each, so that nobody waits long, and a crash between two leaves the rest for later."""

    def abandon_import(self, import_id: int) -> None:
        """Remove every trace of an unfinished import."""

    def imports(self, project: int) -> tuple[tuple[int, str, int, ImportReport], ...]:
        """(id, source, at, report) of the finished ones, oldest first."""

    # ---- items
    def items(self, ids: Sequence[int]) -> dict[int, Item]:
        """Items by id, content included; unknown ids are absent."""

    def stream_items(self, project: int, after: int = 0, limit: int = 1000) -> list[Item]:
        """The next visible items in order of id, content included, reserve included: for encoding and export."""

    def outcomes(
        self, project: int, after: int = 0, limit: int = 1000
    ) -> list[tuple[Item, Decision | None, tuple[Annotation, ...]]]:
        """The next visible items in order of id, each with its decision and all annotations in force: for export."""

    def item_called(self, project: int, ref: str) -> int:
        """The number of the visible item with this ref, the latest where several have it. Raises `UnknownName`."""

    def set_read_until(self, characters: Mapping[int, int]) -> None:
        """Keep, by item, the character at which the encoder stopped reading."""

    def pool(self, project: int, after: int = 0, limit: int = 50_000) -> list[PoolRow]:
        """The next visible items in order of id, without content: for the worker."""

    def pool_rows(self, project: int, ids: Sequence[int]) -> list[PoolRow]:
        """The same for given items."""

    def find(self, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0) -> tuple[list[ItemRow], int]:
        """A page of items, and how many match in all."""

    def matching(self, project: int, wanted: ItemFilter) -> list[int]:
        """Ids of all that match."""

    def search(
        self,
        project: int,
        wanted: ItemFilter,
        limit: int = 50,
        offset: int = 0,
        *,
        among: Any = None,
        ordered: bool = False,
        seconds: float = 0.1,
    ) -> Found:
        """A page of items, and as many of the other hits as can be listed in that time, up to `MOST_COUNTED`.

        Args:
            project: Whose items.
            wanted: Which ones.
            limit: Rows of the page.
            offset: Hits before it.
            among: Ids of the only items in question, int64; None: all are.
            ordered: Whether `among` stands in the order that is wanted; else by relevance, or as they were imported.
            seconds: How long to look for more hits than this page needs.
        """

    # ---- batches of answers
    def save_batch(self, batch: Batch) -> None:
        """Keep a batch, or how far it is by now."""

    def batch(self, project: int, number: str) -> Batch | None:
        """One of them, by its id."""

    def batches(self, project: int, limit: int) -> tuple[Batch, ...]:
        """Newest first."""

    def spoken(self, items: Sequence[int]) -> list[tuple[int, str, str]]:
        """(item, annotator, kind) of all annotations in force of these items."""

    def index_text(self, project: int, after: int = 0, limit: int = 5000) -> int:
        """Bring the next items into the full-text index; returns the last id done, 0 at the end."""

    def unindexed(self, project: int) -> bool:
        """Whether the full-text index lacks items."""

    def truth(self, project: int) -> dict[int, Answer]:
        """Held-back answers by item. Only simulation and a demo's curve may read them; a report counts them."""

    # ---- the queue
    def put_asks(self, project: int, asks: Sequence[Ask], ranking: int, *, whole: bool, overlap: int) -> None:
        """Write a ranking: rows that exist get the new score, reason and suggestion, others are added.

        Purpose and coin of a row never change once it was leased; nor is such a row deleted. Rows of a newer ranking
        come before those of an older one. Each ask becomes `overlap` rows (slots 0 …), or as many as the
        policy wants of this item where those are more, each with a coin of its own.

        Args:
            whole: Delete the rows of the query lane that are not in `asks` and were never leased.
        """

    def extend_lane(self, project: int, lane: Lane, size: int, overlap: int, blind_below: float, reason: str) -> int:
        """Add rows in order of `audit_rank`, for items that have none: of the reserve (lane "audit", always blind), or
        of the rest (lane "query", purpose "random"; blind where a hash of the item lies below `blind_below`). In the
        lane "certificate" it is the next items of `keep_for_checks`, of certificates that are signed, whose decision is
        still the machine's; they are drawn from then on.

        Late arrivals of the reserve come first by their rank. Returns how many rows it tried to add: 0
        where the lane is at its end.
        """

    def lease(self, project: int, annotator: str, lane: Lane, size: int, token: str, now: int, until: int) -> list[Ask]:
        """Take the best free rows of a lane; atomic: no row goes to two takers. A row whose lease has run out is free.

        Never one whose item this annotator has answered, holds in another slot, or has put off until after `now`.
        """

    def lease_one(
        self, project: int, annotator: str, lanes: Sequence[Lane], token: str, now: int, until: int
    ) -> Ask | None:
        """Take the best free row of the first of these lanes that has one, as `lease` does."""

    def held(self, project: int, annotator: str, token: str, now: int) -> list[Ask]:
        """The asks under a live lease of this annotator's tab, also those set aside, oldest lease first."""

    def hold(self, asks: Sequence[int], annotator: str, token: str, until: int) -> None:
        """Lease these rows where they are free."""

    def renew(self, asks: Sequence[int], token: str, until: int) -> None:
        """Push back the end of leases that are still held under `token`."""

    def release(self, asks: Sequence[int], token: str) -> None:
        """Give asks back that were never painted."""

    def choose_items(self, project: int, annotator: str, items: Sequence[int], reason: str) -> int:
        """Queue items for one annotator (lane "chosen", not blind); reserved ones are left out, and those
        of a norming round. Returns how many."""

    def ask(self, ask: int) -> Ask | None:
        """One row of the queue."""

    def close_ask(self, ask: int, annotator: str, token: str, now: int) -> None:
        """Mark a row done by this annotator, unless another one holds it."""

    def reopen_ask(self, ask: int) -> None:
        """Free a row again: an answer was taken back, or left for another."""

    def put_off(self, item: int, annotator: str, until: int) -> None:
        """Keep an item from an annotator until then."""

    def count_asks(self, project: int, asks: int) -> None:
        """Add to the number of asks handed out."""

    def suggest(self, project: int, words: Mapping[int, Suggestion]) -> None:
        """Give the open rows of these items a new suggestion."""

    def add_slots(self, project: int, overlap: int) -> None:
        """Give every item of the queue as many rows as answers are wanted: `overlap`, or more where the policy picks
        it."""

    def want_answers(self, project: int, item: int, more: int) -> None:
        """See to it that so many rows wait for further answers to an item, in the lane "overlap" (of audits in their
        own); those of the ranking that wait for it stand there too from then on."""

    def begun_items(self, project: int) -> list[int]:
        """Items that somebody has answered, and that wait in the lane "overlap" for others."""

    def put_relabels(self, project: int, asks: Sequence[Ask]) -> None:
        """Replace the rows of the lane "relabel" that nobody was handed: a further answer to items that are decided.
        Items that wait for an answer already are left out."""

    def live_items(self, project: int, now: int) -> list[int]:
        """Items under a live lease: the ones whose suggestion must stay fresh."""

    def live_annotators(self, project: int, since: int) -> int:
        """How many people took a lease or answered since then."""

    # ---- the log and its projections
    def append(self, event: Event) -> bool:
        """Append to the log, chained to the event before; False where its id is there already (nothing is stored)."""

    def log(self, project: int, after: int = 0, limit: int = 1000) -> list[tuple[int, Event]]:
        """The next events with their numbers."""

    def latest(
        self, project: int, kinds: Sequence[EventKind], wanted: AccessFilter, *, before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, Event]]:  # fmt: skip
        """The latest events of these kinds with their numbers, newest first; of the filter its act doesn't count."""

    def event(self, event_id: str) -> Event | None:
        """One event."""

    def chain_head(self, project: int) -> str:
        """The hash of the last event, which stands for the whole log; "" before the first one. Raises `UnknownName`."""

    def check_chain(self, project: int) -> int:
        """Verify every hash; returns the number of events. Raises `StoreCorrupt` at the first that doesn't fit."""

    def current(self, item: int) -> list[Annotation]:
        """At most one annotation for each annotator: the one in force."""

    def set_current(self, item: int, annotator: str, annotation: Annotation | None) -> None:
        """Say which annotation is in force; None: all were taken back."""

    def decision(self, item: int) -> Decision | None:
        """The decision of an item."""

    def annotated(self, project: int) -> list[int]:
        """Items that have an annotation in force."""

    def standing_decision(self, item: int) -> Decision | None:
        """What stands while nobody speaks, whatever people said since: the decision that came with the file, else that
        of a machine under a signed certificate."""

    def set_aggregated(self, project: int, decisions: Sequence[Decision]) -> None:
        """Keep what was concluded from differing answers; a decision without an answer takes the one before back."""

    def aggregated(self, project: int) -> dict[int, Decision]:
        """What was concluded last, by item; of items that people agree on by now it counts for nothing."""

    def beside(self, item: int) -> tuple[Adjudication | None, Decision | None]:
        """What stands beside the answers to an item: an adjudicator's word, and what differing answers came to."""

    def shared_answers(self, project: int, least: int = 2) -> list[SharedAnswer]:
        """Answers in force to items that so many people have answered, by item, in the order in which they came."""

    def settle_item(self, project: int, item: int, state: ItemState, decision: Decision | None, now: int) -> None:
        """Write an item's state and decision, and keep the counters true."""

    def reset_projections(self, project: int) -> None:
        """Forget states, decisions and annotations in force, as before the first event; the log and imports stay."""

    def annotations(
        self, project: int, annotator: str = "", limit: int = 100, before: int | None = None
    ) -> list[tuple[int, Annotation]]:
        """Latest first, with the number of the event; `before` pages back."""

    def audit_answers(self, project: int, now: int) -> list[Audit]:
        """Reserved items below the mark of their stratum, in order of `audit_rank`, up to the last one ever asked."""

    def strata(self, project: int) -> tuple[Stratum, ...]:
        """What has to be audited, in the order in which it came; nothing is counted as answered."""

    def class_counts(self, project: int) -> dict[str, int]:
        """Decisions by class id, with many labels once for each class that an answer names (`NONE` too); audits and a
        machine's are left out."""

    def add_repeat(self, project: int, annotator: str, answers_between: int, reason: str) -> bool:
        """Queue one of this person's own audit answers in force once more (lane "repeat", blind), that so many later
        answers of theirs lie behind, those of batches not counted, in a random order; never one twice. False where
        there is none."""

    def set_repeat(self, item: int, annotator: str, again: Annotation | None) -> None:
        """Keep what a repeat was answered with, beside the first answer; None: it was taken back."""

    def repeats(self, project: int, annotator: str = "") -> list[tuple[Answer, Answer, int]]:
        """(first answer, answer to the repeat, how often), by class ids as they were given; () is "can't tell"."""

    def overlaps(self, project: int) -> list[tuple[Answer, Answer, int]]:
        """Of items that two or more people have answered: (least, greatest of their whole answers in any one order, how
        many); where both are the same, so are all."""

    def answers_by_annotator(self, project: int) -> list[tuple[str, int]]:
        """Answers in force (can't tell included) of each person, most first; imported ones, and those of batches, left
        out."""

    def answers_since(self, project: int, since: int, annotator: str = "") -> int:
        """How many answers (can't tell included) were given since then and are in force, repeats among them; those of
        batches left out."""

    def seconds(self, project: int, annotator: str, limit: int = 200) -> list[float]:
        """Seconds of this person's latest answers that were given one at a time, latest first."""

    # ---- second looks
    def put_suspects(self, project: int, kinds: Sequence[SuspectKind], suspects: Sequence[Suspect], now: int) -> None:
        """Replace what was found of these kinds."""

    def suspects_of(self, item: int) -> tuple[Suspect, ...]:
        """Why an item should be looked at again, the strongest reason first; what its state says isn't there."""

    def looks_left(self, project: int, annotator: str, now: int) -> Mapping[str, int]:
        """How many items wait for a second look by this person, by kind; "": in all, each counted once.

        Left out is what an adjudicator has settled, what this person has put off, and what another one is at.
        """

    def due_looks(
        self, project: int, annotator: str, kind: str, size: int, now: int, token: str = ""
    ) -> list[tuple[int, float]]:
        """The next of them, with their scores: what was sent to this person first, then the most doubtful; among these
        others' items before what this person answered.

        Args:
            kind: Of one kind alone; "": of all.
            token: What is held under it is left out; what this person holds in another tab is taken over.
        """

    def take_looks(
        self, project: int, annotator: str, kind: str, size: int, token: str, now: int, until: int
    ) -> list[Ask]:
        """Take the next of them under a lease (lane "review", blind); the `reason` of an ask is the kind asked for."""

    def send_look(self, project: int, item: int, annotator: str) -> None:
        """Have this person look at an item; nobody else is asked until they have, or as long as they may."""

    def close_look(self, item: int, annotator: str) -> None:
        """This person need not look at an item any more."""

    def close_looks(self, item: int) -> None:
        """An item is settled: nobody need look at it again."""

    def sends(self, project: int) -> list[Sent]:
        """What was sent to somebody and still waits for them, latest first."""

    def adjudication(self, item: int) -> Adjudication | None:
        """What an adjudicator said of an item and nobody has taken back."""

    def set_adjudication(self, project: int, item: int, said: Adjudication | None, at: int = 0) -> None:
        """Say what stands; None: nothing."""

    def set_before(self, item: int, answer: Answer | None) -> None:
        """Say what is decided of an item without the adjudicator whose word stands; None: nothing."""

    def adjudications(self, project: int, limit: int = 100, before: int | None = None) -> list[Adjudicated]:
        """Those in force, latest first; `before`, the number of an event, pages back."""

    def set_second_look(self, item: int, annotator: str, said: Annotation | None) -> None:
        """Keep what a person said blind at a second look, beside what is in force; None: it was taken back."""

    def second_looks(self, item: int) -> list[Annotation]:
        """What people said blind of an item at a second look, in the order in which they said it."""

    # ---- norming rounds
    def save_norming(self, norming: Norming) -> None:
        """Keep a round as it stands; until it is closed, nobody gets its items from another lane."""

    def normings(self, project: int) -> tuple[Norming, ...]:
        """Newest first; one at most isn't closed."""

    def norming_of(self, item: int) -> Norming | None:
        """The round under way that an item is in."""

    def add_norming(self, project: int, annotator: str, reason: str) -> bool:
        """Queue the items of the round that is answered blind for one more person (lane "norming", blind); False where
        there are none that this person was not asked."""

    def ask_norming_again(self, project: int) -> None:
        """Queue what people have answered of the round under way once more, each for the same person."""

    def end_norming_asks(self, project: int) -> None:
        """Ask nothing more of any round."""

    def set_normed(self, norming: Norming, item: int, annotator: str, after: bool, said: Annotation | None) -> None:
        """Keep what somebody answered in a round, before or after it was opened; None: it was taken back."""

    def normed(self, project: int, number: int) -> list[Normed]:
        """All answers of a round, by item and person, the one before it was opened first."""

    def keep_remark(self, project: int, number: int, item: int, event: str) -> None:
        """Keep that an event is a remark on an item of a round."""

    def remarks(self, project: int, number: int) -> list[Remark]:
        """The remarks of a round, oldest first; those that were erased are left out."""

    # ---- certificates
    def save_certificate(self, certificate: Certificate) -> None:
        """Write a certificate as it stands now; its number is its own in the project."""

    def certificates(self, project: int) -> tuple[Certificate, ...]:
        """Newest first."""

    def schedule(self, project: int) -> tuple[tuple[Certificate, ...], Stage | None]:
        """What decides whose turn is next: the certificates, newest first, and how far the last norming round is."""

    def remaining(self, project: int, after: int = 0, limit: int = 50_000) -> list[tuple[int, str]]:
        """The next items that nobody has seen yet, with the digest of their content, in order of id: visible, open, not
        reserved nor drawn, without annotation, and never handed out."""

    def draw_audits(self, project: int, number: int, items: Sequence[int], overlap: int, reason: str) -> None:
        """Set items apart as the audits of a certificate, in this order, and queue them (lane "certificate", blind)."""

    def keep_for_checks(self, project: int, number: int, items: Sequence[int]) -> None:
        """Note in which order machine labels will be checked; `extend_lane` queues them one by one."""

    def certificate_audits(self, project: int, number: int, now: int, *, checks: bool = False) -> list[Audit]:
        """The audits of a certificate in the order in which they were drawn, or (`checks`) those that were queued among
        its machine labels. Answers are people's alone: a machine's decision is none."""

    def release_audits(self, project: int, number: int) -> None:
        """Give back the audits and checks of a certificate that nobody has answered: they may be asked like any other.

        Rows that were never handed out are deleted; others wait in the query lane, blind as they were.
        """

    def stage_labels(self, project: int, number: int, labels: Sequence[tuple[int, Answer, float]]) -> None:
        """Keep (item, answer, confidence) for signing; nothing of it is in force."""

    def apply_labels(self, project: int, number: int, now: int) -> int:
        """Bring the staged labels of a certificate in force, inside the caller's transaction; returns how many.

        Left out, and forgotten, is what is no longer open, is reserved or drawn, or lies before somebody. Rows of the
        queue that were never handed out are deleted.
        """

    def drop_labels(self, project: int, number: int) -> int:
        """Take all machine decisions of a certificate back; what people decided since stands. Returns how many."""

    # ---- figures that the worker makes and pages read
    def put_figures(self, project: int, name: str, content: Mapping[str, Any], now: int) -> None:
        """Replace the figures of that name."""

    def figures(self, project: int, name: str) -> Mapping[str, Any] | None:
        """The latest ones, or None."""

    # ---- why a model suggests what it does
    def ask_why(self, project: int, item: int, now: int) -> None:
        """Have the worker explain the suggestion of an item; asked already, it stays asked. What was explained under an
        older refit is forgotten."""

    def asked_why(self, project: int) -> list[int]:
        """Items whose explanation is waited for, longest first."""

    def put_why(self, project: int, item: int, revision: int, content: Mapping[str, Any], now: int) -> None:
        """Answer: `content` explains the suggestion of that refit. The latest 200 of a project are kept."""

    def why(self, project: int, item: int) -> Mapping[str, Any] | None:
        """The explanation of an item's suggestion under the project's current refit; None: not there yet."""

    # ---- models and rounds
    def add_model(self, model: ModelVersion) -> ModelVersion:
        """Store a version; a new champion retires the old one. Returns it with its id."""

    def save_model(self, model: ModelVersion) -> None:
        """Write a stored version anew; a champion retires the one before. Raises `UnknownName`."""

    def models(self, project: int) -> tuple[ModelVersion, ...]:
        """Newest first."""

    def add_round(self, done: Round) -> None:
        """Store a refit and make its revision the project's."""

    def rounds(self, project: int) -> tuple[Round, ...]:
        """Oldest first, for the curve: without `checks`, and without the classes of their strata."""

    def last_round(self, project: int) -> Round | None:
        """The latest one."""

    def set_worker(self, project: int, doing: str, now: int, reading: float | None = None) -> None:
        """Say what the worker does now, and which share of the items has features."""

    # ---- jobs
    def submit_job(self, kind: str, project: int | None, payload: Mapping[str, Any], by: str, now: int) -> Job:
        """Queue a job; where one of this kind and project is live already, return that one."""

    def claim_job(self, kinds: Sequence[str], now: int, lease_until: int, *, alone: bool = False) -> Job | None:
        """Take the oldest queued job, or one whose lease has run out; adds one to its attempt. After three attempts it
        fails instead. `alone`: none where another one of these kinds runs under its lease, of whichever project."""

    def beat_job(self, job: int, attempt: int, lease_until: int, progress: float, message: str) -> bool:
        """Heartbeat: carries progress out; returns whether a person asked to stop. Raises `JobLost`."""

    def end_job(
        self, job: int, attempt: int, status: JobStatus, message: str, result: Mapping[str, Any], now: int
    ) -> None:
        """Finish. Raises `JobLost` where another attempt owns it."""

    def give_back_job(self, job: int, attempt: int) -> None:
        """Queue a running job again whose process was ended on purpose: that attempt doesn't count. Fine where it isn't
        this attempt's. The process must be gone: the next attempt has the same number."""

    def cancel_job(self, job: int) -> None:
        """Ask a job to stop; a queued one stops at once."""

    def job(self, job: int) -> Job:
        """One. Raises `UnknownName`."""

    def jobs(self, project: int | None = None, limit: int = 20) -> list[Job]:
        """Newest first."""

    def live_jobs(self) -> list[Job]:
        """Those that are queued or running, oldest first."""

    # ---- files
    def write_file(self, name: str, chunks: Iterator[bytes], *, durable: bool = True) -> Path:
        """Write beside, sync, rename: there whole or not at all. `name` may hold folders below `files/`.

        Args:
            name: What to call it.
            chunks: Its content.
            durable: False: it survives a power cut from the next `sync_files` on.
        """

    def sync_files(self) -> None:
        """Have all files that were written survive a power cut."""

    def file(self, name: str) -> Path:
        """Where a file is. Raises `UnknownName` where it isn't, or lies outside the workspace."""

    def folder(self, name: str) -> Path:
        """A folder below `files/`, made where it isn't there. Raises `UnknownName` where it lies outside."""

    def delete_files(self, name: str) -> None:
        """Delete a file, or a folder with all that is in it; fine where it isn't there. Raises as `folder` does."""

    def secret(self) -> bytes:
        """The workspace's signing key, made at first use."""

    # ---- copies
    def copy_database(self, to: Path) -> None:
        """Write the database as it is now into a new SQLite file, whichever database this is; nobody waits for it.

        It holds everything but, from PostgreSQL, the index of words, which `index_text` makes anew.
        """

    def database_bytes(self) -> int:
        """How large the database is."""

    def heads(self) -> Mapping[int, tuple[int, str]]:
        """(events, hash of the last one) of every project, of hidden ones too."""

    def pictures(self) -> Iterator[str]:
        """Names of the stored images that items hold, of hidden projects too; one may come more than once."""

    def end_jobs(self, message: str, now: int) -> int:
        """Cancel every job that is queued or running: what they were at is elsewhere. Returns how many."""

    def keep_projections(self, project: int) -> None:
        """In a copy that is thrown away: set aside what `differing` is to compare with."""

    def differing(self, project: int) -> "Differing":
        """Compare states, decisions, annotations in force and counters with those that were set aside."""

    # ---- privacy: what is taken out for good
    def every_project(self) -> tuple[int, ...]:
        """Ids of all projects, of hidden and purged ones too: each has its log."""

    def next_alias(self) -> str:
        """A name that nobody had, to put in an erased person's place, as "erased 3"."""

    def events_naming(self, project: int, name: str) -> list[tuple[int, Event]]:
        """Events by a person, and those in whose content a text is their name, with their numbers."""

    def events_of_item(self, project: int, item: int) -> list[tuple[int, Event]]:
        """Events about an item, with their numbers."""

    def mentions(self, project: int, name: str) -> int:
        """How many events hold these letters, maybe among others."""

    def retell(self, project: int, events: Sequence[tuple[int, Event]]) -> dict[int, str]:
        """Put other actors and payloads into events of the log; returns the digest of what each says from now on.

        An event of the kind "erase" with these digests as its `told` has to follow in the same transaction: without it
        `check_chain` takes the change for a forgery.
        """

    def rename_person(self, name: str, alias: str) -> None:
        """Put an alias in the place of a name in all tables but the log's contents; sign-ins and leases go."""

    def rename_in_rows(self, items: Sequence[int], name: str, alias: str) -> None:
        """Put an alias wherever a cell beside the fields of these items is the name."""

    def empty_item(self, project: int, item: int) -> str:
        """Erase an item's content, its answers and all that was made of it; returns its new digest, which is random.

        Its events are up to the caller, and so are files and features.
        """

    def erased_items(self, project: int) -> int:
        """How many items were erased."""

    def forget_answers(self, project: int, item: int, now: int) -> None:
        """Put all answers to an erased item out of force, as when its erasure is replayed."""

    def purge_project(self, project: int, now: int) -> None:
        """Erase all content of a hidden project, also what its events say; an "erase" event has to follow."""

    def note_erasure(self, name: str, left: Mapping[str, Any]) -> None:
        """Keep what an erasure has left to be cleared, under a name of its own, in the transaction that erases."""

    def erasures_left(self) -> Mapping[str, Mapping[str, Any]]:
        """What is still to be cleared, by those names: of erasures under way, and of those that were cut off."""

    def end_erasure(self, name: str) -> None:
        """Say that nothing of it is left to be cleared."""

    def scrub(self) -> bool:
        """Write the database anew, so that what was erased is in no free page of its file.

        False where somebody reads an older state, which then stays on the disk until the next time.
        """

    def erase_features(self, project: int, items: Sequence[int]) -> None:
        """Write zeros over all features of these items, under every encoder."""

    def delete_all_features(self, project: int) -> None:
        """Delete the features of a project under every encoder."""

    # ---- features
    def features(self, project: int, encoder: str, dim: int) -> "FeatureFile":
        """The cached features of a project under an encoder; made where there are none."""

    def delete_features(self, project: int, encoder: str, dim: int) -> None:
        """Delete those features; fine where there are none."""

    # ---- health
    def product(self) -> str:
        """Name and version of the database, as "SQLite 3.51.3"."""

    def revision(self) -> str:
        """The migration that the database has seen last."""

    def ping(self) -> None:
        """Raise a `StorageError` where the database doesn't answer."""

    def check(self, *, deep: bool = False) -> None:
        """Raise a `StorageError` where the database can't be read or is damaged."""


class FeatureFile(Protocol):
    """Feature rows with the ids of their items, memory-mapped, append-only; a cache that can be made anew."""

    @property
    def dim(self) -> int:
        """Columns."""

    def __len__(self) -> int:
        """Complete rows."""

    def ids(self) -> Any:
        """Item ids, shape (n_rows,), int64, read-only. A later row of the same item replaces an earlier one."""

    def rows(self) -> Any:
        """Features, shape (n_rows, dim), float32, read-only memory map."""

    def stamps(self) -> Any:
        """What each row was made from, shape (n_rows,), int64, read-only: `stamp` of the item's digest at that time."""

    def append(self, ids: Any, stamps: Any, rows: Any) -> None:
        """Add rows; they count once all of them are on disk. Shapes (m,), (m,) and (m, dim)."""
