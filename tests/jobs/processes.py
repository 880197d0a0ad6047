"""Which processes of the program live, as Linux tells."""

from pathlib import Path


def lives(pid: int) -> bool:
    """Whether a process is there and isn't only waiting to be buried."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def worker_of(workspace: Path) -> int:
    """The process that holds the workspace's worker lock, or 0."""
    path = workspace / "worker.lock"
    number = int(path.read_text() or 0) if path.exists() else 0
    return number if number and lives(number) else 0


def children_of(pid: int, job: int) -> list[int]:
    """The processes that a worker has started for a job and that live."""
    names = Path(f"/proc/{pid}/task/{pid}/children")
    started = [int(each) for each in names.read_text().split() if lives(int(each))] if names.exists() else []
    return [each for each in started if f"--job\0{job}\0" in Path(f"/proc/{each}/cmdline").read_text()]


def parent_of(pid: int) -> int:
    """Who started a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
