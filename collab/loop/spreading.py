"""Spread independent pieces of work over processes. What the work is, it doesn't know."""

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from collab.errors import CollabError, JobError

Piece = TypeVar("Piece")
Said = TypeVar("Said")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def cores() -> int:
    """How many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(
    work: Callable[[Piece], Iterator[Said]], pieces: Sequence[Piece], jobs: int
) -> Generator[tuple[Piece, Said]]:
    """Do every piece, and give what the work says of it as soon as it says it.

    A process does one piece after the other with one thread of its own, for its start costs seconds of imports. They
    are spawned, not forked: a fork copies locks that another thread holds. With one job all is done in this process.

    Args:
        work: A function of a module, or a `partial` of one: it travels by pickle, as pieces and what is said do.
        pieces: What there is to do, in this order.
        jobs: How many processes.

    Raises:
        JobError: A piece failed, or its process died. All processes are ended first, also where the caller gives up.
    """
    if min(jobs, len(pieces)) <= 1:
        with threadpool_limits(1):
            for piece in pieces:
                for said in work(piece):
                    yield piece, said
        return
    waiting = list(reversed(pieces))
    at_work: dict[Connection, Piece] = {}
    with _processes(work, min(jobs, len(pieces))) as connections:
        for connection in connections:
            at_work[connection] = waiting.pop()
            connection.send(at_work[connection])
        while at_work:
            for ready in wait(list(at_work)):
                assert isinstance(ready, Connection)
                done, said = _hear(ready)
                if not done:
                    yield at_work[ready], said
                elif waiting:
                    at_work[ready] = waiting.pop()
                    ready.send(at_work[ready])
                else:
                    del at_work[ready]


def _hear(connection: Connection) -> tuple[bool, Said]:
    try:
        done, said, failed = connection.recv()
    except EOFError:
        raise JobError(
            "A process of the simulation died, perhaps for want of memory: run the command again with fewer --jobs."
        ) from None
    if failed:
        raise JobError(failed)
    return done, said


@contextmanager
def _processes(work: Callable[[Piece], Iterator[Said]], number: int) -> Iterator[list[Connection]]:
    spawning = get_context("spawn")
    connections: list[Connection] = []
    processes: list[SpawnProcess] = []
    try:
        with _single_threaded():
            for _ in range(number):
                mine, theirs = spawning.Pipe()
                process = spawning.Process(target=_serve, args=(work, theirs), daemon=True)
                process.start()
                theirs.close()  # else nobody would notice that the process has died
                connections.append(mine)
                processes.append(process)
        yield connections
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        for connection in connections:
            connection.close()


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that start now have one thread: what a library has read at its own start can't be mended later."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _serve(work: Callable[[Piece], Iterator[Said]], connection: Connection) -> None:
    """Do what comes until nothing more does, also because the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; the parent ends its children
    with suppress(EOFError, BrokenPipeError):
        while True:
            piece = connection.recv()
            try:
                with threadpool_limits(1):
                    for said in work(piece):
                        connection.send((False, said, ""))
            except CollabError as e:
                connection.send((True, None, str(e)))
            except Exception as e:  # the door of this process: the parent would take a bug for a want of memory
                said_of = f"{type(e).__name__}: {e}"
                connection.send((True, None, f"The simulation failed ({said_of}); with --jobs 1 it shows where."))
            else:
                connection.send((True, None, ""))
