"""Share commits: those who come while a transaction is on its way share the next one.

Refuses to know what the work is. A lone annotator waits for nobody; of fifty, as many share a commit as came during
the one before, so that neither the disk nor the lock of a project says how many answers a second can be saved.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, final

from collab.domain.store import Store
from collab.errors import Concealed, Forbidden, SignedOut
from collab.loop import permitting

T = TypeVar("T")

AT_ONCE = 8
"""Projects whose work is done at the same time; that of one project is done in turn."""
MOST = 50
"""Pieces that share a commit: whoever is in it waits for all of them."""


@final
class Sharing:
    """The work that waits, by project; threads of its own do it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(AT_ONCE, "sharing")
        self._lock = threading.Lock()
        self._waiting: dict[int, list[_Piece]] = {}
        """A project is in it while a thread serves it."""

    def do(self, project: int, work: Callable[[], T], *, durable: bool = True) -> "Future[T]":
        """Have a piece of work done in one transaction with others of the project; the result comes after its commit.

        An error of the work undoes and reaches this piece alone, one of the commit all that were in it.

        Args:
            project: Locked while it is done.
            work: Called in another thread; a second time where it or another piece failed, which undid all.
            durable: False for leases alone: they need not survive a power cut.
        """
        piece = _Piece(work, durable)
        with self._lock:
            served = project in self._waiting
            self._waiting.setdefault(project, []).append(piece)
        if not served:
            self._threads.submit(self._serve, project)
        return piece.future

    def _serve(self, project: int) -> None:
        """Commit after commit, until nobody waits."""
        while (durable := self._next(project)) is not None:
            taken = list[_Piece]()
            try:
                try:
                    self._together(project, durable, taken)
                except _Failed:  # from then on each for itself, which costs more
                    permitting.note_again(project)
                    self._together(project, durable, taken, apart=True)
            except BaseException as error:  # whatever it was, somebody waits to hear of it, and others come after them
                permitting.note_again(project)
                taken = taken or self._take(project, durable)
                for piece in taken:
                    piece.error = _told(error)
            for piece in taken:
                piece.tell()

    def _together(self, project: int, durable: bool, taken: "list[_Piece]", *, apart: bool = False) -> None:
        """Do what waits in one transaction; `taken` is filled where it is empty.

        Args:
            apart: Whether a piece that fails undoes itself alone; else it raises `_Failed`, and undoes all.
        """
        with self._store.transaction(durable=durable):
            self._store.lock(project)
            taken += [] if taken else self._take(project, durable)  # only now: who came before the lock is in it too
            for piece in taken:
                if apart:
                    self._try(piece)
                else:
                    piece.work_on()

    def _next(self, project: int) -> bool | None:
        """Whether the next commit must be durable; None where nobody waits, and the project is served no more."""
        with self._lock:
            if self._waiting[project]:
                return any(piece.durable for piece in self._waiting[project])
            del self._waiting[project]
            return None

    def _take(self, project: int, durable: bool) -> "list[_Piece]":
        """Take those who wait, the first of them where they are many."""
        with self._lock:
            waiting = self._waiting[project]
            taken = [piece for piece in waiting if durable or not piece.durable][:MOST]
            self._waiting[project] = [piece for piece in waiting if piece not in taken]
        return [piece for piece in taken if piece.future.set_running_or_notify_cancel()]

    def _try(self, piece: "_Piece") -> None:
        try:
            with self._store.savepoint():
                piece.work_on()
        except _Failed:
            pass  # it will be told


def _told(error: BaseException) -> Exception:
    """As whoever waits hears of it: what would end a thread must not end theirs, which serves everybody."""
    if isinstance(error, _Failed):
        error = error.__cause__ or error
    if isinstance(error, Exception):
        return error
    broken = RuntimeError("The work was broken off.")
    broken.__cause__ = error
    return broken


class _Failed(Exception):
    """A piece of work failed, not the transaction."""


class _Piece:
    """A piece of work, and what came of it."""

    def __init__(self, work: Callable[[], Any], durable: bool) -> None:
        self.durable = durable
        self.future = Future[Any]()
        self.error: Exception | None = None
        self._work, self._result = work, None

    def work_on(self) -> None:
        """Do it; raises `_Failed` where it fails, but for a refusal, which wrote nothing but a note that must stay."""
        self.error = None
        try:
            self._result = self._work()
        except Exception as error:
            self.error = error
            if not isinstance(error, Forbidden | Concealed | SignedOut):
                raise _Failed from error

    def tell(self) -> None:
        """Let go of whoever waits."""
        if self.error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self.error)
