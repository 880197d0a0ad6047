"""Places where pictures lie, a folder or a ZIP archive: what is in them, and the bytes of each.

Nothing outside the place is ever read, no link is followed out of it, and no header is trusted on how large a file is.
"""

import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from collab.domain.table import Rejected
from collab.errors import UnreadableFile

TABLE_BYTES = 1 << 30
"""A table inside an archive that unpacks to more is refused."""
DIRECTORY_BYTES = 24_000_000
"""An archive whose list of contents is larger is refused: all of it is held in memory, many times that size."""

Check = Callable[[bytes], object]
"""Told the first bytes of a file; raises where the rest shall not be read."""
Listed = tuple[int, str] | Rejected
"""(number, path below the place), or what can't be taken."""


class Place(Protocol):
    """A folder or an archive."""

    def listing(self) -> Iterator[Listed]:
        """Every file in it, in order of its path; files that systems leave behind are passed over."""

    def read(self, name: str, most: int, check: Check = bool) -> bytes:
        """The bytes of a file; `name` is its path below the place, as a person may have written it.

        Raises:
            UnreadableFile: It isn't there, lies elsewhere, is larger than `most` bytes, or damaged; or as `check` does.
        """

    def opened(self, name: str) -> AbstractContextManager[Path]:
        """A file of it as one that a reader can open by its path."""


def place_of(path: Path) -> Place:
    """The place that a path names: a folder, an archive, or the folder in which a table lies.

    Raises:
        UnreadableFile: It is no ZIP archive, though its suffix says so.
    """
    if path.is_dir():
        return Folder(path)
    return Archive(path) if path.suffix.lower() == ".zip" else Folder(path.parent)


class Folder:
    """A folder with all that is below it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def listing(self) -> Iterator[Listed]:  # noqa: D102  # documented by the protocol
        number = 0
        for folder, below, files in os.walk(self._root):
            below.sort()
            for name in (*sorted(files), *below):
                path = Path(folder) / name
                inside = path.relative_to(self._root).as_posix()
                if _is_junk(inside) or (name in below and not path.is_symlink()):
                    continue
                number += 1
                if name in below:
                    yield Rejected(number, "is a link to a folder; links to folders are not followed", inside)
                elif (reason := self._hindrance(path)) or (reason := _no_picture(inside)):
                    yield Rejected(number, reason, inside)
                else:
                    yield number, inside

    def read(self, name: str, most: int, check: Check = bool) -> bytes:  # noqa: D102  # documented by the protocol
        path = self._path(name)
        try:
            with path.open("rb") as file:
                return _whole(name, file, most, check)
        except OSError as error:
            raise UnreadableFile(name, f"{error.strerror or error}") from error

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:  # noqa: D102  # documented by the protocol
        yield self._path(name)

    def _path(self, name: str) -> Path:
        if "\0" in name:
            raise UnreadableFile(name, "its path has NUL bytes")
        path = self._root / name.replace("\\", "/")
        if reason := self._hindrance(path):
            raise UnreadableFile(name, reason)
        return path

    def _hindrance(self, path: Path) -> str:
        try:
            real = path.resolve()
            if not real.is_relative_to(self._root):
                return "leads out of the folder" + (" by a link" if path.is_symlink() else "")
            return "" if stat.S_ISREG(real.stat().st_mode) else "is no file"  # a pipe would be read forever
        except FileNotFoundError:
            return "is not there"
        except OSError as error:
            return f"can't be opened ({error.strerror or error})"


class Archive:
    """A ZIP archive; nothing of it is ever unpacked under a name of its own."""

    def __init__(self, path: Path) -> None:
        try:
            if _directory_size(path) > DIRECTORY_BYTES:
                raise UnreadableFile(
                    path.name, "too many files are in it, some 200,000 or more. Divide it, or unpack it into a folder."
                )
            self._zip = zipfile.ZipFile(path)
        except UnreadableFile:
            raise
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UnreadableFile(path.name, f"it is no ZIP archive, or damaged ({error}). Pack it again.") from error
        self._entries = {info.filename: info for info in self._zip.infolist()}

    def listing(self) -> Iterator[Listed]:  # noqa: D102  # documented by the protocol
        infos = sorted(self._zip.infolist(), key=lambda info: info.filename)
        for number, info in enumerate((i for i in infos if not i.is_dir() and not _is_junk(i.filename)), 1):
            name = info.filename
            if reason := self._hindrance(info) or _no_picture(name):
                yield Rejected(number, reason, name)
            else:
                yield number, name

    def read(self, name: str, most: int, check: Check = bool) -> bytes:  # noqa: D102  # documented by the protocol
        info = self._entry(name)
        with _whole_in_archive(name), self._zip.open(info) as file:
            return _whole(name, file, most, check)

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:  # noqa: D102  # documented by the protocol
        info = self._entry(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"table{''.join(PurePosixPath(name).suffixes[-2:])}"
            with _whole_in_archive(name), self._zip.open(info) as packed, path.open("wb") as file:
                size = 0
                while piece := packed.read(_PIECE):
                    if (size := size + len(piece)) > TABLE_BYTES:
                        raise UnreadableFile(name, f"it unpacks to more than {TABLE_BYTES:,} bytes.")
                    file.write(piece)
            yield path

    def _entry(self, name: str) -> zipfile.ZipInfo:
        wanted = PurePosixPath(name.replace("\\", "/")).as_posix()
        info = self._entries.get(name) or self._entries.get(wanted)
        if info is None or info.is_dir():
            raise UnreadableFile(name, "is not there")
        if reason := self._hindrance(info):
            raise UnreadableFile(name, reason)
        return info

    def _hindrance(self, info: zipfile.ZipInfo) -> str:
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or info.filename.startswith(("/", "\\")) or info.filename[1:2] == ":":
            return "leads out of the archive"
        if stat.S_ISLNK(info.external_attr >> 16):
            return "is a link; links in an archive are not followed"
        if info.flag_bits & 1:
            return "is encrypted"
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "is packed in a way that is not read; the usual one of ZIP is Deflate"  # and only that has a bound
        return "" if self._entries[info.filename] is info else "comes twice in the archive; the last one is taken"


_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz")
_JUNK = ("__macosx", "thumbs.db", "desktop.ini")
_HERE = (".", "..")
_END, _END_MARK, _LOCATOR = struct.Struct("<4s4H2LH"), b"PK\5\6", 20
_END_64 = 56 + _LOCATOR
_END_MOST = _END.size + _END_64 + (1 << 16)
_PIECE = 1 << 20
_HEAD = 512


def _no_picture(name: str) -> str:
    """Why a file of this name is none that is looked into; what is in the others decides."""
    lower = name.lower()
    return "is an archive inside; unpack it first" if lower.endswith(_ARCHIVES) else ""


def _is_junk(name: str) -> bool:
    """Whether a system left the file there."""
    return any((part.startswith(".") and part not in _HERE) or part.lower() in _JUNK for part in name.split("/"))


def _directory_size(path: Path) -> int:
    """Bytes of an archive's list of contents, as its last record says; 0 where that isn't found."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_MOST))
        end = file.read()
    bare = end[-_END.size :].startswith(_END_MARK) and end.endswith(b"\0\0")  # no comment comes after it
    at = len(end) - _END.size if bare else end.rfind(_END_MARK)
    if at < 0 or at + _END.size > len(end):
        return 0
    large = end[max(0, at - _END_64) : at]
    if large.startswith(b"PK\6\6") and large[-_LOCATOR:].startswith(b"PK\6\7"):
        return int.from_bytes(large[40:48], "little")
    return int(_END.unpack_from(end, at)[5])


@contextmanager
def _whole_in_archive(name: str) -> Iterator[None]:
    """Turn what is raised of a damaged entry into a sentence."""
    try:
        yield
    except UnreadableFile:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableFile(name, f"it is damaged in the archive ({error})") from error


def _whole(name: str, file: IO[bytes], most: int, check: Check) -> bytes:
    head = file.read(_HEAD)
    check(head)
    rest = file.read(max(0, most + 1 - len(head)))
    if len(head) + len(rest) > most:
        raise UnreadableFile(name, f"it is larger than {most:,} bytes")
    return head + rest
