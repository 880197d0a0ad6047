"""The manifest of a bundle: what a model needs beside its weights, and the digest of each file; checked before use.

Nothing of a bundle is read before all of it is known to be what the manifest lists, and no file can be one that runs.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import IO, Any

from collab.domain.plain import typed
from collab.domain.project import Field, LabelSchema
from collab.engine.safe_folders import PLAIN, refuse_unsafe, safe_name
from collab.errors import InvalidSchema, UnreadableFile, UserError
from collab.storage.failures import disk_errors

FORMAT = 1
"""Raised where an older collab would read a bundle wrongly."""
NAME, HEAD, TABLE, CARD = "manifest.json", "head.safetensors", "table.json", "README.md"
CODE = frozenset({"auto_map", "trust_remote_code", "custom_objects"})
"""Settings by which a library would load code from elsewhere."""
MOST_FILES, MOST_BYTES = 1000, 8 << 20
"""Of a bundle; and of a manifest, or of settings that are looked into."""

PARTS = ("text", "image")
"""Folders of encoders."""

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One file."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoder and what it has to be read as."""

    kind: str
    name: str
    """As the project's policy has it."""
    digest: str
    dim: int
    limit: int | None = None
    """Tokens of a text that are read, None being all; or pixels of a picture's side."""
    precision: str = "float32"
    """What it computed in where the head learned: "bfloat16" where that processor multiplies it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that a model is, but for its weights."""

    format: int
    project: str
    model: str
    """Version and revision, as "3.17"."""
    made_at: int
    """Milliseconds since 1970."""
    labels: int
    """Decisions that the head was fitted on."""
    fields: tuple[Field, ...]
    """What the model reads, in this order; other columns are left alone."""
    schema: LabelSchema
    """The classes are the columns of the head; retired ones are never said."""
    head: str
    dim: int
    """Columns of the features: of the text first, then of each field of pictures, then of the table."""
    temperature: float
    set_threshold: float | None = None
    """What a class must miss less than to be in an item's label set; None: there were too few audits to promise any."""
    set_level: float = 0.0
    text: Encoding | None = None
    image: Encoding | None = None
    table: str = ""
    """Digest of what was measured of the numbers and categories; "": there are none."""
    image_pixels: int = 100_000_000
    image_bytes: int = 50_000_000
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Listed] = field(default_factory=dict)
    """By their path in the bundle; the manifest itself isn't among them."""


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of a folder, with the digest of each file that lies there."""
    found = {name: Listed(_sha256(folder / name), (folder / name).stat().st_size) for name in _names(folder, folder)}
    sealed = replace(manifest, files=found)
    written = json.dumps(asdict(sealed), ensure_ascii=False, indent=1, allow_nan=False)
    (folder / NAME).write_text(written + "\n", encoding="utf-8")
    return sealed


@contextmanager
def opened(bundle: Path) -> Iterator[tuple[Path, Manifest]]:
    """Check a bundle, and lend the folder in which it lies unpacked.

    Args:
        bundle: The .zip that an export made, or the folder that was unpacked from it.

    Raises:
        UnreadableFile: It is none, was written by a newer collab, or holds another file than its manifest lists, or one
            that is not plain: a pickle, a link, a path that leads out of it.
    """
    if not bundle.exists():
        raise UnreadableFile(bundle.name, "it isn't there. Check the path.")
    if bundle.is_dir():
        manifest = _checked_folder(bundle)
        _refuse_parts(bundle)
        yield bundle, manifest
        return
    with tempfile.TemporaryDirectory(prefix="collab-bundle-") as unpacked:
        folder = Path(unpacked)
        manifest = _unpacked(bundle, folder)
        _refuse_parts(folder)
        yield folder, manifest


def _checked_folder(bundle: Path) -> Manifest:
    names = list(_names(bundle, bundle))
    if NAME not in names:
        raise _no_bundle(bundle)
    with disk_errors(bundle / NAME), (bundle / NAME).open("rb") as file:
        manifest = _read(bundle, file)
    _compare(bundle, manifest, {name: (bundle / name).stat().st_size for name in names if name != NAME})
    for name, listed in manifest.files.items():
        if _sha256(bundle / name) != listed.sha256:
            raise _changed(bundle, name)
        _refuse_code(bundle, bundle / name)
    return manifest


def _unpacked(bundle: Path, folder: Path) -> Manifest:
    try:
        with disk_errors(bundle), zipfile.ZipFile(bundle) as archive:
            entries = _entries(bundle, archive)
            if NAME not in entries:
                raise _no_bundle(bundle)
            with archive.open(entries[NAME]) as file:
                manifest = _read(bundle, file)
            _compare(bundle, manifest, {name: info.file_size for name, info in entries.items() if name != NAME})
            for name, listed in manifest.files.items():
                path = folder / name
                with disk_errors(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entries[name]) as packed, path.open("wb") as out:
                        shutil.copyfileobj(packed, out, _PIECE)
                if _sha256(path) != listed.sha256:
                    raise _changed(bundle, name)
                _refuse_code(bundle, path)
    except UserError:
        raise
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError) as error:  # of names in no known writing too
        raise UnreadableFile(bundle.name, f"it is no ZIP archive, or damaged ({error}). Fetch it again.") from error
    return manifest


def _entries(bundle: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name; raises where it could unpack to another place, or to more than it is."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if not safe_name(info.filename.removesuffix("/")):
            raise UnreadableFile(bundle.name, f"{info.filename[:100]!r} leads out of the bundle, or is no plain name.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UnreadableFile(bundle.name, f"{info.filename} is a link; a bundle holds none.")
        if info.is_dir() and not info.file_size:
            continue
        if info.flag_bits & 1 or info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise UnreadableFile(
                bundle.name, f"{info.filename} is packed or encrypted; a bundle is stored plainly, so that nothing in "
                "it can unpack to more than it is. Unpack it, and name the folder.",
            )  # fmt: skip
        if info.filename in found:
            raise UnreadableFile(bundle.name, f"{info.filename} comes twice in it.")
        _refuse_kind(bundle, info.filename)
        found[info.filename] = info
    folders = {str(each) for name in found for each in PurePosixPath(name).parents}
    if both := folders & found.keys():
        raise UnreadableFile(bundle.name, f"{min(both)} is a file and a folder in it.")
    size = bundle.stat().st_size
    if sum(info.file_size for info in found.values()) > size or len(found) > MOST_FILES:
        raise UnreadableFile(bundle.name, f"its files say that they are larger than its {size:,} bytes, or too many.")
    return found


def _names(bundle: Path, folder: Path) -> Iterator[str]:
    """Every file below a folder, none of them a link, nor of a kind that can run."""
    for at, (root, below, files) in enumerate(os.walk(folder)):
        for each in (*below, *sorted(files)):
            path = Path(root) / each
            name = path.relative_to(bundle).as_posix()
            if path.is_symlink():
                raise UnreadableFile(bundle.name, f"{name} is a link; a bundle holds none.")
            if each in below:
                continue
            if not path.is_file():  # a pipe would be read forever
                raise UnreadableFile(bundle.name, f"{name} is no file.")
            _refuse_kind(bundle, name)
            yield name
        if at > MOST_FILES:
            raise UnreadableFile(bundle.name, f"it has more than {MOST_FILES:,} folders.")


def _refuse_kind(bundle: Path, name: str) -> None:
    if PurePosixPath(name).suffix.lower() not in PLAIN:
        raise UnreadableFile(
            bundle.name, f"it holds {name}, which is neither safetensors, JSON nor text. Such files can run code when "
            "they are read.",
        )  # fmt: skip


def _refuse_code(bundle: Path, path: Path) -> None:
    """Refuse settings that would have a library load code from elsewhere, however deep they say so."""
    if not path.name.endswith("config.json"):
        return
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFile(bundle.name, f"its {path.name} is larger than {MOST_BYTES:,} bytes.")
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(bundle.name, f"its {path.name} is no JSON ({error}).") from error
    if _asks_for_code(said):
        raise UnreadableFile(bundle.name, f"its {path.name} asks for code of its own, which is never run.")


def _refuse_parts(folder: Path) -> None:
    for part in PARTS:
        if (folder / part).exists():
            refuse_unsafe(folder / part)


def _asks_for_code(said: Any) -> bool:  # whatever JSON holds
    if isinstance(said, list):
        return any(map(_asks_for_code, said))
    if not isinstance(said, dict):
        return False
    return not CODE.isdisjoint(said) or any(map(_asks_for_code, said.values()))


def _read(bundle: Path, file: IO[bytes]) -> Manifest:
    """Read a manifest; raises where it isn't one that this collab understands."""
    try:
        found = json.loads(file.read(MOST_BYTES))
        written = int(found["format"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise UnreadableFile(bundle.name, f"its {NAME} is damaged. Export the model again.") from error
    if written > FORMAT:
        raise UnreadableFile(
            bundle.name, f"it was written by a newer collab (format {written}; this one knows {FORMAT}). Update collab."
        )
    try:
        manifest = typed(Manifest, found)
        numbers = (manifest.temperature, manifest.set_level, manifest.set_threshold or 0.0)
        sane = all(isfinite(n) for n in numbers) and manifest.temperature > 0 and manifest.dim > 0
        sane &= bool(manifest.fields) and all(isinstance(listed.sha256, str) for listed in manifest.files.values())
    except (TypeError, ValueError, AttributeError, KeyError, InvalidSchema) as error:
        raise UnreadableFile(bundle.name, f"its {NAME} is damaged ({error}). Export the model again.") from error
    if not sane:
        raise UnreadableFile(bundle.name, f"its {NAME} is damaged. Export the model again.")
    return manifest


def _compare(bundle: Path, manifest: Manifest, sizes: Mapping[str, int]) -> None:
    """Refuse what is missing, what is there beside, and what has another size than the manifest says."""
    if HEAD not in manifest.files:
        raise UnreadableFile(bundle.name, "it has no head: there is nothing in it that could name a class.")
    if missing := sorted(set(manifest.files) - set(sizes)):
        raise UnreadableFile(bundle.name, f"{', '.join(missing[:5])} of it is missing. Fetch it again, as a whole.")
    if beside := sorted(set(sizes) - set(manifest.files)):
        raise UnreadableFile(bundle.name, f"it holds {', '.join(beside[:5])}, which its {NAME} doesn't list.")
    if changed := [name for name, listed in manifest.files.items() if listed.bytes != sizes[name]]:
        raise _changed(bundle, changed[0])


def _no_bundle(bundle: Path) -> UnreadableFile:
    return UnreadableFile(bundle.name, f"it has no {NAME}, so it is no model that “collab export model” wrote.")


def _changed(bundle: Path, name: str) -> UnreadableFile:
    return UnreadableFile(bundle.name, f"{name} is not what it was when the model was exported. Fetch it again.")


def _sha256(path: Path) -> str:
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
