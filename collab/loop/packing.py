"""Put files under names into a folder, a .zip or a .tar, and take them out again.

It knows no workspace. What it opens was made by others: names that lead outside, links and doubles are refused, and
nothing of it is executed.
"""

import hashlib
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, final

from collab.engine.safe_folders import safe_name
from collab.errors import UnreadableFile, UserError

CHUNK = 1 << 20
SYNCED = 4 << 20
"""Bytes written until they are sent to the disk: the sync of an answer, behind a pile of them, would take long."""
SUFFIXES = (".zip", ".tar")
_OTHERS = (".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError,
)  # fmt: skip
"""What zipfile and tarfile raise of files that are damaged, encrypted, or packed in ways they don't know."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file must be."""

    size: int
    sha256: str


class Packer(Protocol):
    """Puts files in, one after the other."""

    def add(self, name: str, file: Path, *, squeeze: bool = False) -> Stored:
        """Put a file in under a name; `squeeze`: it is worth compressing."""

    def close(self) -> None:
        """Have all of it on the disk."""


class Packed(Protocol):
    """What lies under which name."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes by name."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Read one of them."""

    def close(self) -> None:
        """Let go of it."""


def packer(path: Path, kind: Path) -> Packer:
    """Begin a new folder, or a file of the kind whose suffix `kind` has."""
    suffix = kind.suffix.lower()
    if suffix in _OTHERS:
        raise UserError(f"{kind.name}: a backup is a folder, a .zip or a .tar; name one of these.")
    makers: dict[str, Callable[[Path], Packer]] = {".zip": _ZipPacker, ".tar": _TarPacker}
    return makers.get(suffix, _FolderPacker)(path)


@contextmanager
def unpacked(path: Path) -> Iterator[Packed]:
    """Open what a packer made. Raises `UnreadableFile`: it is nothing of the kind, or holds what could do harm."""
    with _damage(path.name):
        found = _opened(path)
    with closing(found):
        yield found


def read(packed: Packed, name: str) -> bytes:
    """All of a file. Raises `UnreadableFile`."""
    with _damage(name), packed.open(name) as file:
        return file.read(packed.sizes[name])


def take_out(packed: Packed, name: str, wanted: Stored, to: Path | None = None) -> None:
    """Read a file and compare it with what it must be; with `to` it is written there. Raises `UnreadableFile`."""
    if packed.sizes.get(name) != wanted.size:
        raise UnreadableFile(name, "it is missing or has another size than the backup says. Use another backup.")
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
    with _damage(name), packed.open(name) as file, to.open("xb") if to is not None else nullcontext() as out:
        digest = _copied(file, wanted.size, out)
    if digest != wanted.sha256:
        raise UnreadableFile(name, "its bytes are not those that the backup says. Use another backup.")


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except UnreadableFile:
        raise
    except _DAMAGE as error:
        raise UnreadableFile(name, f"it is damaged ({error}). Use another backup.") from error


def _copied(file: IO[bytes], size: int, out: IO[bytes] | None, sync: IO[bytes] | None = None) -> str:
    """Copy so many bytes, not one more; returns their SHA-256."""
    digest, left, piled = hashlib.sha256(), size, 0
    while left and (chunk := file.read(min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
        if out is not None:
            out.write(chunk)
        piled += len(chunk)
        if sync is not None and piled >= SYNCED:
            sync.flush()
            os.fsync(sync.fileno())
            piled = 0
    return "" if left else digest.hexdigest()


@final
class _FolderPacker:
    def __init__(self, path: Path) -> None:
        self._path, self._piled = path, 0
        self._written: list[Path] = []
        path.mkdir()

    def add(self, name: str, file: Path, *, squeeze: bool = False) -> Stored:
        to = self._path / name
        to.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as source, to.open("xb") as out:
            size = os.fstat(source.fileno()).st_size
            digest = _copied(source, size, out, out)
        self._written.append(to)
        self._piled += size
        if self._piled >= SYNCED:
            self._sync()
        return Stored(size, digest)

    def close(self) -> None:
        self._sync()

    def _sync(self) -> None:
        for path in self._written:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        self._written.clear()
        self._piled = 0


@final
class _ZipPacker:
    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._zip = zipfile.ZipFile(self._file, "w", allowZip64=True)

    def add(self, name: str, file: Path, *, squeeze: bool = False) -> Stored:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
        info._compresslevel = 1  # type: ignore[attr-defined]  # ZipInfo has no public name for it before 3.13
        info.external_attr = (stat.S_IFREG | 0o600) << 16
        with file.open("rb") as source:
            info.file_size = size = os.fstat(source.fileno()).st_size
            with self._zip.open(info, "w", force_zip64=True) as out:
                digest = _copied(source, size, out, self._file)
        return Stored(size, digest)

    def close(self) -> None:
        self._zip.close()
        _end(self._file)


@final
class _TarPacker:
    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, file: Path, *, squeeze: bool = False) -> Stored:
        with file.open("rb") as source:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(source.fileno()).st_size, 0o600
            reader = _Hashing(source, self._file)
            self._tar.addfile(info, reader)  # type: ignore[arg-type]  # it only reads
        return Stored(info.size, reader.digest.hexdigest())

    def close(self) -> None:
        self._tar.close()
        _end(self._file)


class _Hashing:
    """A file whose bytes are hashed as they are read, and sent to the disk where they were written."""

    def __init__(self, file: IO[bytes], sync: IO[bytes]) -> None:
        self._file, self._sync, self._piled = file, sync, 0
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        self._piled += len(chunk)
        if self._piled >= SYNCED:
            self._sync.flush()
            os.fsync(self._sync.fileno())
            self._piled = 0
        return chunk


def _end(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _opened(path: Path) -> Packed:
    try:
        if path.is_dir():
            return _Folder(path)
        if zipfile.is_zipfile(path):
            return _Zip(path)
        if tarfile.is_tarfile(path):
            return _Tar(path)
    except FileNotFoundError:
        raise UnreadableFile(path.name, "there is no such file or folder.") from None
    raise UnreadableFile(path.name, "it is no folder, .zip or .tar that `collab backup` made.")


def _safe(path: Path, name: str, known: Mapping[str, object], plain: bool) -> str:
    """The name of a part, where it can do no harm."""
    if not plain:
        raise UnreadableFile(path.name, f"{name!r} in it is a link or no ordinary file. Use another backup.")
    if name in known:
        raise UnreadableFile(path.name, f"it holds {name!r} twice. Use another backup.")
    if not safe_name(name):
        raise UnreadableFile(path.name, f"{name!r} in it leads outside of a workspace. Use another backup.")
    return name


@final
class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes: dict[str, int] = {}
        for folder, folders, files in os.walk(path):
            for each in (*folders, *files):
                found = Path(folder, each)
                mode = found.lstat()
                if not stat.S_ISDIR(mode.st_mode):
                    name = found.relative_to(path).as_posix()
                    self.sizes[_safe(path, name, self.sizes, stat.S_ISREG(mode.st_mode))] = mode.st_size

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return (self._path / name).open("rb")

    def close(self) -> None:
        """Nothing is held."""


@final
class _Zip:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.sizes: dict[str, int] = {}
        with _closed_on_error(self):
            for info in self._zip.infolist():
                if not info.is_dir():
                    plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                    self.sizes[_safe(path, info.filename, self.sizes, plain)] = info.file_size

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return self._zip.open(name)

    def close(self) -> None:
        self._zip.close()


@final
class _Tar:
    def __init__(self, path: Path) -> None:
        self._tar = tarfile.TarFile(path)
        self._members: dict[str, tarfile.TarInfo] = {}
        self.sizes: dict[str, int] = {}
        with _closed_on_error(self):
            for info in self._tar:
                if not info.isdir():
                    name = _safe(path, info.name, self._members, info.isreg())
                    self._members[name], self.sizes[name] = info, info.size

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        found = self._tar.extractfile(self._members[name])
        assert found is not None, "only ordinary files are members"
        return found

    def close(self) -> None:
        self._tar.close()


@contextmanager
def _closed_on_error(packed: Packed) -> Iterator[None]:
    try:
        yield
    except BaseException:
        packed.close()
        raise


def place(beside: Path, to: Path) -> None:
    """Give what is finished its name, in a way that survives a power cut."""
    beside.rename(to)
    if os.name == "posix":  # elsewhere a folder can't be opened
        handle = os.open(to.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove(path: Path) -> None:
    """Remove a file or a folder, whatever is left of it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
