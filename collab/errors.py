"""Every error that collab raises on purpose, as one tree.

CollabError
├── UserError                 a person can mend it; the message is shown as written
│   ├── InvalidAnswer         (ValueError) an answer that the task does not allow
│   ├── InvalidSchema         (ValueError) classes, keys or fields that contradict each other
│   ├── InvalidPolicy         (ValueError) a setting outside its range
│   ├── UnreadableFile        (ValueError) a file that no reader can read
│   ├── TooLarge              (ValueError) more than a format can hold
│   ├── UnknownName           (LookupError) a project, item, strategy, encoder … that isn't there
│   │   └── Concealed         one that is there, but not for this person, who isn't told so
│   ├── ItemErased            (LookupError) an item of which nothing is kept
│   ├── NotInstalled          (ImportError) an optional extra is missing
│   ├── NotShown              (LookupError) what this person doesn't see now
│   ├── Forbidden             (PermissionError) what this person's role doesn't allow
│   ├── SignedOut             (PermissionError) a session that has ended
│   │   └── AccountShut       (PermissionError) an account that was disabled or erased while somebody was signed in
│   ├── WrongPassword         (PermissionError) a name and a password that don't belong together
│   ├── NotAlone              (PermissionError) a server that others reach, where names are taken on trust
│   ├── WaitFirst             (PermissionError) too many attempts to sign in
│   ├── AuditsAmong           (ValueError) one answer for many items, audits among them
│   ├── NothingToLearn        (ValueError) a table that no model can be trained on
│   ├── Diverged              (ArithmeticError) a training whose loss ran away
│   ├── OutOfMemory           (MemoryError) a training that doesn't fit here at all
│   └── Conflict              (RuntimeError) something else is under way that must end first
├── StorageError              the disk or the database said no; nothing was stored
│   ├── StoreBusy             (TimeoutError) another program holds the database
│   ├── StoreReadOnly         (PermissionError) the database can't be written
│   ├── StoreFull             (OSError) no space is left
│   ├── StoreCorrupt          (OSError) the database or the event chain is damaged
│   └── StoreNewer            (RuntimeError) a newer collab wrote this workspace
└── JobError                  a background job can't go on
    ├── JobCancelled          a person asked it to stop
    └── JobLost               another attempt has taken the job over
"""

_RIGHTS = {
    "see": "see this project",
    "annotate": "answer",
    "review": "review others' answers",
    "lead": "change this project",
    "export": "take data away",
    "see personal": "see personal fields",
    "administer": "administer this",
}


class CollabError(Exception):
    """Root of the tree; `message` is a whole sentence that says what to do next."""


class UserError(CollabError):
    """A person can mend it."""


class InvalidAnswer(UserError, ValueError):
    def __init__(self, answer: object, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{answer!r} is not a class; choose from {', '.join(allowed)}.")
        self.answer, self.allowed = answer, allowed


class InvalidSchema(UserError, ValueError):
    """Classes, keys or fields contradict each other."""


class InvalidPolicy(UserError, ValueError):
    def __init__(self, setting: str, value: object, wanted: str) -> None:
        super().__init__(f"{setting} is {value!r}; it must be {wanted}.")
        self.setting, self.value, self.wanted = setting, value, wanted


class UnreadableFile(UserError, ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} can't be read: {reason}")
        self.name, self.reason = name, reason


class TooLarge(UserError, ValueError):
    def __init__(self, what: str, limit: str, instead: str) -> None:
        super().__init__(f"More than {what} can hold ({limit}). {instead}")
        self.what, self.limit, self.instead = what, limit, instead


class UnknownName(UserError, LookupError):
    def __init__(self, kind: str, name: object, known: tuple[str, ...] = ()) -> None:
        hint = f"; there is {', '.join(known)}" if known else ""
        super().__init__(f"There is no {kind} {name!r}{hint}.")
        self.kind, self.name, self.known = kind, name, known


class Concealed(UnknownName):
    """The access log has the attempt."""


class ItemErased(UserError, LookupError):
    def __init__(self) -> None:
        super().__init__("This item was erased meanwhile: nothing of it is kept, and no answer to it counts.")


class NotInstalled(UserError, ImportError):
    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more packages; install them with: pip install 'collab[{extra}]'")
        self.what, self.extra = what, extra


class NotShown(UserError, LookupError):
    def __init__(self) -> None:
        super().__init__("There is no suggestion on your screen that could be explained; go on to the next item.")


class Forbidden(UserError, PermissionError):
    def __init__(self, right: str) -> None:
        super().__init__(
            f"Your role here doesn't include the right to {_RIGHTS.get(right, right)}. Ask an administrator."
        )
        self.right = right


class SignedOut(UserError, PermissionError):
    def __init__(
        self, said: str = "You are signed out. Sign in again; answers that aren't saved yet wait in this browser."
    ) -> None:
        super().__init__(said)


class AccountShut(SignedOut):
    def __init__(self) -> None:
        super().__init__("Your account is shut: nothing more is saved, and nothing is sent. Ask an administrator.")


class WrongPassword(UserError, PermissionError):
    def __init__(self) -> None:
        super().__init__("Name and password don't belong together, or the account is disabled.")


class NotAlone(UserError, PermissionError):
    def __init__(self, host: str) -> None:
        super().__init__(
            f"On {host} other machines reach this workspace, in which names are taken on trust. "
            "Make an account first: collab member add NAME --admin."
        )
        self.host = host


class WaitFirst(UserError, PermissionError):
    def __init__(self, seconds: int) -> None:
        time = f"{seconds} s" if seconds < 100 else f"{-(-seconds // 60)} minutes"
        super().__init__(f"Too many attempts have failed. Wait {time}, then try again.")
        self.seconds = seconds


class NothingToLearn(UserError, ValueError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Nothing can be learned from {name}: {reason}")
        self.name, self.reason = name, reason


class Diverged(UserError, ArithmeticError):
    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__(
            f"The loss ran away in epoch {epoch}. Use a smaller learning rate than {rate:g}, such as {rate / 10:g}."
        )
        self.epoch, self.rate = epoch, rate


class OutOfMemory(UserError, MemoryError):
    def __init__(self, batch: int) -> None:
        items = "one item at a time" if batch == 1 else f"{batch} items at a time, in several processes,"
        super().__init__(
            f"There isn't memory enough to train on {items}. Close other programs, or choose adapters (LoRA), "
            "a smaller encoder or a smaller batch."
        )
        self.batch = batch


class AuditsAmong(UserError, ValueError):
    def __init__(self, audits: int) -> None:
        what = "One of these items is" if audits == 1 else f"{audits:,} of these items are"
        super().__init__(
            f"{what} kept for audits, which are asked one by one and blind: one answer for many would spoil the "
            "figures of quality. Nothing was answered; choose others."
        )
        self.audits = audits


class Conflict(UserError, RuntimeError):
    """Something else is under way that must end first."""


class StorageError(CollabError):
    """The disk or the database said no; nothing was stored."""


class StoreBusy(StorageError, TimeoutError):
    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is busy: a long step of collab, or another program, holds it. "
            "collab tries again by itself; nothing is lost."
        )
        self.where = where


class StoreReadOnly(StorageError, PermissionError):
    def __init__(self, where: str) -> None:
        super().__init__(f"{where} can't be written. Give this account write access to the file and to its folder.")
        self.where = where


class StoreFull(StorageError, OSError):
    def __init__(self, where: str) -> None:
        super().__init__(f"No space is left for {where}. Free some space; nothing that was saved is lost.")
        self.where = where


class StoreCorrupt(StorageError, OSError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"{where} is damaged ({reason}). Stop collab, keep a copy of the file, and put a backup in its place."
        )
        self.where, self.reason = where, reason


class StoreNewer(StorageError, RuntimeError):
    def __init__(self, where: str, found: str, known: str) -> None:
        super().__init__(
            f"{where} was written by a newer collab (schema {found}; this one knows {known}). "
            "Update collab; nothing was touched."
        )
        self.where, self.found, self.known = where, found, known


class JobError(CollabError):
    """A background job can't go on."""


class JobCancelled(JobError):
    """A person asked the job to stop."""


class JobLost(JobError):
    """Another attempt has taken the job over; this one must publish nothing."""
