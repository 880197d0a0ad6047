"""A fair lock around the write transactions of all threads and processes of a workspace.

SQLite's own waiting is a lottery under load: it sleeps and tries again, and some writers starve. Here threads stand in
line, and processes wait in the kernel, which also frees the lock of one that died.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from collab.errors import StoreBusy
from collab.storage.failures import disk_errors

if sys.platform != "win32":
    import fcntl


class Gate:
    """One writer at a time; `patience` is in seconds."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path, self._patience = path, patience
        self._line = _Line()
        self._file: IO[bytes] | None = None

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Hold the gate. Raises `StoreBusy` where it stays shut."""
        deadline = time.monotonic() + self._patience
        if not self._line.enter(self._patience):
            raise StoreBusy(str(self._path))
        try:
            with disk_errors(self._path):
                self._file = self._file or self._path.open("ab")
            if not _lock(self._file, deadline):
                self._file = None  # a thread still waits on it, and closes it
                raise StoreBusy(str(self._path))
            try:
                yield
            finally:
                _unlock(self._file)
        finally:
            self._line.leave()

    def close(self) -> None:
        """Close the lock's file, once nobody is inside."""
        if self._line.enter(self._patience):
            if self._file is not None:
                self._file.close()
                self._file = None
            self._line.leave()


class _Line:
    """A lock that threads get in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def enter(self, timeout: float) -> bool:
        """Wait for one's turn; False where it didn't come in time."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._lock:
            if turn not in self._waiting:  # it came in the last instant
                return True
            self._waiting.remove(turn)
            return False

    def leave(self) -> None:
        """Hand over to the next in line."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


if sys.platform == "win32":

    def _lock(file: IO[bytes], deadline: float) -> bool:
        return True  # SQLite's own waiting must do

    def _unlock(file: IO[bytes]) -> None:
        """Nothing to undo."""

else:

    def _lock(file: IO[bytes], deadline: float) -> bool:
        """Lock a file; False where another process held it until the deadline."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _wait(file, deadline)
        return True

    def _wait(file: IO[bytes], deadline: float) -> bool:
        # Only a blocked call waits in line with other processes, and it knows no timeout: a thread blocks in our place.
        state = threading.Lock()
        got, late = threading.Event(), False

        def block() -> None:
            fcntl.flock(file, fcntl.LOCK_EX)
            with state:
                if late:
                    file.close()
                else:
                    got.set()

        threading.Thread(target=block, name="gate", daemon=True).start()
        got.wait(max(0.0, deadline - time.monotonic()))
        with state:
            late = not got.is_set()
        return not late

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
