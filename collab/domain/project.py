"""What a project is: its fields, its question and classes, its policy, its items."""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from collab.errors import InvalidPolicy, InvalidSchema, UnknownName

FieldKind = Literal["text", "image", "number", "category"]
FieldRole = Literal["both", "shown", "encoded", "id", "metadata"]
Mode = Literal["suggestion first", "answer first", "blind"]
"""When people see the model's word: before they answer, once they have answered (and may change it), or never."""
DecideBy = Literal["agreement", "dawid skene", "crowdlab"]
"""How several answers become a decision: all (or where more are asked, most) are the same; or where they differ, each
annotator counts as much as others bear them out, and the model's word as one more."""
Answer = tuple[str, ...]
"""Ids of the chosen classes, or `NONE` alone; a single-label answer holds one. () is no answer."""

NONE = "∅"
"""Stands alone in the answer that none of the classes of a multi-label question applies; no class may take this id."""

RESERVED_KEYS = frozenset("sfuxz?/")
"""Keys that the card itself uses; no class may take them."""

PALETTE = ("#3f7fd4", "#c8553d", "#2f9463", "#a2559f", "#b8860b", "#0f8fa0", "#7a63c9", "#d1588c", "#6b7d2a", "#8a6a4f")
"""Class colors in the order in which they are handed out."""


@dataclass(frozen=True, slots=True)
class Field:
    """A typed column of an item; its role says whether people see it and whether the encoder reads it."""

    name: str
    kind: FieldKind = "text"
    role: FieldRole = "both"
    unit: str = ""
    """What its numbers are counted in, as "mm"; only shown."""
    personal: bool = False
    """Whether it may tell who somebody is: withheld from roles without the right to see it, and from exports."""

    @property
    def shown(self) -> bool:
        """Whether the card draws it."""
        return self.role in ("both", "shown")

    @property
    def encoded(self) -> bool:
        """Whether the encoder turns it into features."""
        return self.role in ("both", "encoded")


@dataclass(frozen=True, slots=True)
class LabelClass:
    """A possible answer; `id` is given once and never changes, the name may."""

    id: str
    name: str
    key: str = ""
    color: str = ""
    description: str = ""
    example: str = ""
    near_miss: str = ""
    critical: bool = False
    """No machine may label anything else without a bound of its own on how many items of this class it misses."""
    retired: bool = False
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """The question, its classes in the column order of every `proba`, and the guidelines.

    Classes are appended, renamed, retired or merged, never reordered or deleted.
    """

    question: str
    classes: tuple[LabelClass, ...]
    guidelines: str = ""
    task: str = "single label"
    version: int = 1

    def __post_init__(self) -> None:
        live = self.live
        if len(live) < (1 if self.many else 2):
            raise InvalidSchema("A question needs at least two classes to choose from; add one.")
        ids = [c.id for c in self.classes]
        if NONE in ids:
            raise InvalidSchema(f"{NONE} stands for “none of the classes”; give the class another name.")
        names = [folded(c.name) for c in live]
        for name, plain in zip((c.name for c in live), names, strict=True):
            if not name.strip():
                raise InvalidSchema("A class has no name; name it or remove it.")
            if names.count(plain) > 1:
                raise InvalidSchema(f"Two classes are called {name!r}; rename one.")
        if (first := next((name for name in ids if ids.count(name) > 1), None)) is not None:  # names go, ids stay
            raise InvalidSchema(f"Another class was called {first!r} when it was made; give the new one another name.")
        keys = [c.key for c in live if c.key]
        for key in keys:
            if len(key) != 1 or not key.isprintable() or key.isspace() or key.lower() in RESERVED_KEYS:
                raise InvalidSchema(
                    f"{key!r} can't be the key of a class; take one letter or digit; "
                    f"{', '.join(sorted(RESERVED_KEYS)).upper()} are taken."
                )
            if [k.lower() for k in keys].count(key.lower()) > 1:
                raise InvalidSchema(f"Two classes have the key {key!r}; give each its own.")

    @property
    def many(self) -> bool:
        """Whether any number of classes may apply to an item."""
        return self.task == "multi label"

    @property
    def live(self) -> tuple[LabelClass, ...]:
        """Classes that can still be chosen, in their order."""
        return tuple(c for c in self.classes if not c.retired)

    def __getitem__(self, class_id: str) -> LabelClass:
        for c in self.classes:
            if c.id == class_id:
                return c
        raise UnknownName("class", class_id, tuple(c.id for c in self.classes))

    def index(self, class_id: str) -> int:
        """Column of a class in `proba`, merges followed."""
        return [c.id for c in self.classes].index(self.resolve(class_id))

    def resolve(self, class_id: str) -> str:
        """Follow merges to the class that an answer counts as today; `NONE` stays what it is."""
        while class_id != NONE and self[class_id].merged_into:
            class_id = self[class_id].merged_into
        return class_id

    def named(self, text: str) -> str | None:
        """Id of the class that a file's value names (by id, else by name, case and width folded), or None."""
        if any(c.id == text for c in self.classes):
            return text
        return next((c.id for c in self.classes if folded(c.name) == folded(text)), None)


def classes_from_names(names: tuple[str, ...]) -> tuple[LabelClass, ...]:
    """Make classes with ids, keys 1-9 and 0, and colors.

    >>> [(c.id, c.key) for c in classes_from_names(("Yes", "No"))]
    [('Yes', '1'), ('No', '2')]
    """
    keys = (*"1234567890", *[""] * len(names))
    return tuple(
        LabelClass(id=n.strip(), name=n.strip(), key=keys[i], color=PALETTE[i % len(PALETTE)])
        for i, n in enumerate(names)
    )


@dataclass(frozen=True, slots=True)
class LoopPolicy:
    """The whole configuration of a project; fields that this version doesn't know survive in `unknown`."""

    audit_schedule: tuple[tuple[int, int], ...] = ((50, 5), (200, 10))
    """(n, k): one ask in k is an audit until n audits are answered."""
    audit_trickle: int = 50
    """After the schedule, one ask in so many is an audit; 0: none."""
    machine_trickle: int = 50
    """One ask in so many checks a machine's label while there are any; 0: none."""
    repeat_every: int = 25
    """One ask in so many repeats an audit that this person answered before; 0: none."""
    mode: Mode = "suggestion first"
    blind_share: float = 0.15
    annotations_per_item: int = 1
    overlap_share: float = 0.0
    """Share of the items, drawn by a coin, that get `overlap` answers."""
    overlap: int = 2
    answers_most: int = 0
    """Where the first answers differ, further people are asked until most say the same, or so many have; 0: nobody."""
    decide_by: DecideBy = "agreement"
    aggregate_from: float = 0.9
    """Confidence from which a decision that was concluded from differing answers stands; below it they are disputed."""
    relabel: bool = True
    """Whether items whose answer is doubtful are asked again where people err often."""
    strategy: str = "default"
    encoder: str = "minilm"
    """Of texts."""
    image_encoder: str = "efficientnet-lite0"
    image_pixels: int = 100_000_000
    """An image with more is not imported: it may be made to fill the memory."""
    image_bytes: int = 50_000_000
    """Nor is one whose file is larger."""
    head: str = "logistic"
    refit_every: int = 1
    fine_tune_every: int = 0
    """New decisions after which the whole network is trained anew; 0: when a person says so."""
    promote_alone: bool = True
    """Whether a version that the gate calls better suggests from then on; else a person decides."""
    lease_seconds: int = 900
    daily_goal: int = 200
    idle_minutes: int = 15
    accept_from: float = 0.8
    """Lower bound of audited accuracy from which the card fills its Accept button."""
    set_level: float = 0.9
    """How often a set of classes on the card shall hold the right one; 0: no sets."""
    target: float = 0.9
    """Audited accuracy at which the labeling may end."""
    group: str = ""
    """Column that says which items belong together, as patient or document; "": each stands for itself."""
    seed: int = 0
    unknown: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.blind_share < 1:
            raise InvalidPolicy("blind_share", self.blind_share, "at least 0 and under 1")
        if not 1 <= self.annotations_per_item <= 20:
            raise InvalidPolicy("annotations_per_item", self.annotations_per_item, "between 1 and 20")
        if not 0 <= self.overlap_share <= 1:
            raise InvalidPolicy("overlap_share", self.overlap_share, "between 0 and 1")
        if not 2 <= self.overlap <= 20:
            raise InvalidPolicy("overlap", self.overlap, "between 2 and 20")
        if self.answers_most and not 3 <= self.answers_most <= 20:
            raise InvalidPolicy("answers_most", self.answers_most, "0, or between 3 and 20")
        if self.decide_by not in get_args(DecideBy):
            raise InvalidPolicy("decide_by", self.decide_by, f"one of {', '.join(get_args(DecideBy))}")
        if not 0.5 <= self.aggregate_from <= 0.999:
            raise InvalidPolicy("aggregate_from", self.aggregate_from, "between 0.5 and 0.999")
        if any(n < 1 or k < 1 for n, k in self.audit_schedule) or self.audit_trickle < 0:
            raise InvalidPolicy("audit_schedule", self.audit_schedule, "pairs of positive numbers")
        if self.machine_trickle < 0 or self.repeat_every < 0:
            raise InvalidPolicy(
                "machine_trickle and repeat_every", (self.machine_trickle, self.repeat_every), "0 or more"
            )
        if self.mode not in get_args(Mode):
            raise InvalidPolicy("mode", self.mode, f"one of {', '.join(get_args(Mode))}")
        if not 0.5 <= self.target <= 1:
            raise InvalidPolicy("target", self.target, "between 0.5 and 1")
        if self.refit_every < 1:
            raise InvalidPolicy("refit_every", self.refit_every, "at least 1")
        if self.fine_tune_every < 0:
            raise InvalidPolicy("fine_tune_every", self.fine_tune_every, "0 or more")
        if self.set_level != 0 and not 0.5 <= self.set_level <= 0.99:
            raise InvalidPolicy("set_level", self.set_level, "0, or between 0.5 and 0.99")
        if self.image_pixels < 1 or self.image_bytes < 1:
            raise InvalidPolicy("image_pixels and image_bytes", (self.image_pixels, self.image_bytes), "at least 1")
        if not 10 <= self.lease_seconds <= 86_400:
            raise InvalidPolicy("lease_seconds", self.lease_seconds, "between 10 and 86400")

    @property
    def several(self) -> bool:
        """Whether there are items that need more than one answer."""
        return self.annotations_per_item > 1 or self.overlap_share > 0 or self.answers_most > 0

    @property
    def asks_anew(self) -> bool:
        """Whether somebody may yet be asked what another one has answered: they mustn't know that answer."""
        return self.several or self.relabel

    @property
    def by_most(self) -> bool:
        """Whether, where answers differ, most of them decide."""
        return self.answers_most > 0 and self.decide_by == "agreement"

    @property
    def audits(self) -> bool:
        """Whether there are audits at all: without them no item need be reserved, and no figure of quality is shown."""
        return bool(self.audit_schedule) or self.audit_trickle > 0

    def audit_every(self, audited: int) -> int:
        """One ask in how many is an audit once `audited` audits are answered; 0: none.

        >>> [LoopPolicy().audit_every(n) for n in (0, 49, 50, 199, 200)]
        [5, 5, 10, 10, 50]
        """
        return next((k for n, k in self.audit_schedule if audited < n), self.audit_trickle)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for storage, unknown keys included."""
        known = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "unknown"}
        return {**self.unknown, **known}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LoopPolicy":
        """Read what `as_dict` wrote, also by an older or a newer version."""
        names = {f.name for f in dataclasses.fields(cls)} - {"unknown"}
        known = {k: v for k, v in values.items() if k in names}
        if "audit_schedule" in known:
            known["audit_schedule"] = tuple((int(n), int(k)) for n, k in known["audit_schedule"])
        return cls(**known, unknown={k: v for k, v in values.items() if k not in names})


@dataclass(frozen=True, slots=True)
class Project:
    """A name, the fields of its items, its question and its policy."""

    id: int
    name: str
    fields: tuple[Field, ...]
    schema: LabelSchema
    policy: LoopPolicy
    demo: bool = False
    """Its hidden truth may be drawn as a curve that says "demo only"."""
    salt: str = ""
    """Random, known to the server alone: keys the ranks and coins of its items."""

    @property
    def personal(self) -> frozenset[str]:
        """Names of the columns that may tell who somebody is, those beside the fields too."""
        return frozenset(f.name for f in self.fields if f.personal)

    def told(self, digest: str) -> str:
        """The digest of an item as a browser gets it.

        Where a column is personal it is keyed: from the plain one and the other columns, whoever tries all dates could
        tell somebody's day of birth.
        """
        return keyed(digest, self.salt) if self.personal else digest


ItemState = Literal["open", "decided", "unsure", "disputed", "flagged", "unusable"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to label: a row of typed fields."""

    id: int
    project: int
    ref: str
    """What the person's own file calls it: its id column, else its row number."""
    fields: Mapping[str, Any]
    digest: str
    audit_rank: float
    meta: Mapping[str, Any] = field(default_factory=dict)
    """The other columns of its row, as they came, for the export."""
    reserved: bool = False
    """In the audit reserve: asked only as an audit, never trained on."""
    drawn: bool = False
    """Drawn as an audit of a certificate: asked only as that, never trained on."""
    state: ItemState = "open"
    read_until: int | None = None
    """Character of its text at which the encoder stopped reading; None: it read all of it, or hasn't begun."""
    erased: bool = False
    """Whether its content was erased on request; it is unusable then, and stays it."""


def keyed(digest: str, salt: str) -> str:
    """A digest that can be neither computed nor tried without the salt."""
    return hashlib.blake2b(digest.encode(), digest_size=16, key=salt.encode()).hexdigest()


def folded(text: str) -> str:
    """A name as it is compared with others: without case, width and outer spaces."""
    return unicodedata.normalize("NFKC", text).strip().casefold()
