"""A PostgreSQL of its own that writes through to the disk, on loopback alone, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.driving import free_port

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name))


@contextmanager
def postgres() -> Iterator[str]:
    """Start a cluster with its defaults, fsync among them; gives the address of a database in it."""
    programs, port = PLACES[-1], free_port()
    as_postgres = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()  # it refuses to run as root
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        if as_postgres:
            shutil.chown(made, "postgres")
        subprocess.run(
            [*as_postgres, programs / "initdb", "-D", data, "-U", "collab", "--auth=trust", "-E", "UTF8",
             "--locale=C.UTF-8"],
            check=True, stdout=subprocess.DEVNULL, cwd=made,
        )  # fmt: skip
        control = [*as_postgres, programs / "pg_ctl", "-D", data, "-w"]
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories="
        subprocess.run(
            [*control, "-l", data / "log", "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=made
        )
        try:
            yield f"postgresql://collab@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, cwd=made)
