"""What an error of the disk or of a driver means to a person."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collab.errors import StorageError, StoreBusy, StoreCorrupt, StoreFull, StoreReadOnly

_BUSY, _READ_ONLY, _IO, _FULL, _CORRUPT = (5, 6), (3, 8, 14, 23), 10, 13, (11, 26)
"""Primary result codes of SQLite."""

_POSTGRES = {
    "55P03": StoreBusy, "40P01": StoreBusy, "40001": StoreBusy, "57014": StoreBusy,
    "25006": StoreReadOnly, "42501": StoreReadOnly,
    "53100": StoreFull,
}  # fmt: skip


def sqlite_error(error: BaseException, where: str) -> StorageError | None:
    """Say what SQLite's error means; None where it is a mistake of the program."""
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is None:
        return None
    code = extended & 0xFF
    if code in _BUSY:
        return StoreBusy(where)
    if code in _READ_ONLY:
        return StoreReadOnly(where)
    if code == _FULL:
        return StoreFull(where)
    if code in _CORRUPT:
        return StoreCorrupt(where, str(error))
    if code == _IO:
        return StorageError(
            f"The disk can't read or write {where} ({error}). See whether it is full or failing; nothing was stored."
        )
    return None


def postgres_error(error: BaseException, where: str) -> StorageError | None:
    """Say what PostgreSQL's error means; None where it is a mistake of the program."""
    state = getattr(error, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[state](where)
    if state and state.startswith("XX00"):
        return StoreCorrupt(where, str(error))
    unreachable = state is None and type(error).__name__ == "OperationalError"
    if unreachable or (state and state[:2] in ("08", "53", "57", "58", "28", "3D")):
        return StorageError(
            f"{where} can't be reached ({str(error).strip()}). Start it or mend the address; nothing was stored."
        )
    return None


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file into a `StorageError`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreReadOnly(str(path)) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(str(path)) from error
        raise StorageError(f"{path} can't be used ({error.strerror}). Mend that; nothing was stored.") from error
