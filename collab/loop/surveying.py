"""Hold the files of a workspace against what its database names: what is missing, what is damaged, what nobody names.

It reads bytes and digests alone; what is in the files is up to others.
"""

import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from collab.domain.media import thumb_of, view_of
from collab.domain.store import Store
from collab.domain.version import TUNED
from collab.errors import UnknownName
from collab.loop.measuring import image_fields, reads_text, tuned_folder

PASSING = ("uploads", "jobs")
"""Folders of what is under way: uploads until they are imported, work of jobs that run."""
REMADE = ("exports",)
"""What people have fetched, and can have made once more."""
_OWN = (*PASSING, *REMADE, "bundles", "certificates", "heads", "imports", "models", "tables")
"""Folders of what projects make; pictures are told one by one."""
_WEIGHTS = ("collab.json", "model.safetensors")
"""What a folder of weights can't be read without; a model fills one file, unless it is larger than 50 GB."""
_CHUNK = 1 << 20
_JOBS = 1_000_000
_STANDING = ("auditing", "certified", "signed")
"""Certificates that still need their files."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found; names are those below `files/`."""

    files: int
    size: int
    """Bytes."""
    missing: tuple[str, ...] = ()
    """Named, and not there."""
    remade: tuple[str, ...] = ()
    """Views of pictures that aren't there, but are made anew from their originals when they are read again."""
    damaged: tuple[str, ...] = ()
    """Pictures whose bytes aren't those that their names say."""
    unnamed: tuple[str, ...] = ()
    unnamed_size: int = 0
    read: bool = True
    """Whether the bytes of pictures were read."""


def survey(store: Store, *, read: bool = True) -> Survey:
    """Look at all files; `read`: also at the bytes of all pictures."""
    originals, needed = sorted(set(store.pictures())), tuple(_needed(store))
    # Only now: a file is there before the row that names it.
    sizes = {name: size for name, _, size in files_of(store.workspace)}
    made = {each for name in originals for each in (view_of(name), thumb_of(name))}
    named = {*originals, *made}
    unnamed = [name for name in sizes if name not in named and name.partition("/")[0] not in _OWN]
    unnamed += [name for name in sizes if name.startswith(_OWN) and "/." in name]
    damaged = [name for name in originals if name in sizes and read and not _whole(store, name)]
    return Survey(
        files=len(sizes),
        size=sum(sizes.values()),
        missing=absent((*originals, *needed), sizes),
        remade=tuple(sorted(each for each in made if not sizes.get(each))),
        damaged=tuple(damaged),
        unnamed=tuple(sorted(unnamed)),
        unnamed_size=sum(sizes[name] for name in unnamed),
        read=read,
    )


def named(store: Store) -> tuple[str, ...]:
    """Files, and folders, that the database names, and that can't be made anew."""
    return (*sorted(set(store.pictures())), *_needed(store))


def absent(names: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that aren't among the files that are there, nor folders of them."""
    known = {each for name in there for each in (name, *(f"{up.as_posix()}/" for up in PurePosixPath(name).parents))}
    return tuple(name for name in names if name not in known)


def files_of(workspace: Path) -> Iterator[tuple[str, Path, int]]:
    """Names, paths and sizes of all files of a workspace, in order; links are left out."""
    root = workspace / "files"
    for path in sorted(root.rglob("*")):
        with suppress(FileNotFoundError):  # it was one that is written beside its place
            if stat.S_ISREG((found := path.lstat()).st_mode):
                yield path.relative_to(root).as_posix(), path, found.st_size


def _needed(store: Store) -> Iterator[str]:
    """Names of files, and of folders, that a project can't go on without, or that people were promised."""
    for project in store.projects():
        for *_, report in store.imports(project.id):
            if report.rejected_file:
                yield report.rejected_file
        for certificate in store.certificates(project.id):
            if certificate.status in _STANDING:
                yield f"certificates/{project.id}/{certificate.number}.safetensors"
                yield f"certificates/{project.id}/{certificate.number}-head.safetensors"
        kept = [model.record for model in store.models(project.id) if not model.record.deleted_by]
        named = {("text", each.text_encoder) for each in kept} | {("image", each.image_encoder) for each in kept}
        named |= {("text", project.policy.encoder)} if reads_text(project) else set()
        named |= {("image", project.policy.image_encoder)} if image_fields(project) else set()
        for part, encoder in sorted(named):
            if encoder.startswith(TUNED):
                yield from (f"{tuned_folder(project.id, encoder)}/{part}/{file}" for file in _WEIGHTS)
    for job in store.jobs(limit=_JOBS):
        if job.kind == "train" and isinstance(file := job.result.get("file"), str):
            yield file


def _whole(store: Store, name: str) -> bool:
    """Whether a picture's bytes are those that it is named after."""
    digest = blake2b(digest_size=16)
    try:
        with store.file(name).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except (UnknownName, OSError):  # gone since, or the disk can't read it
        return False
    return digest.hexdigest() == Path(name).name.partition(".")[0]
