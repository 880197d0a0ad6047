"""See to it that exactly one worker runs for a workspace: started, restarted, ended with the app that started it."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ANOTHER_RUNS = 75
"""Exit status of a worker that found the workspace's worker lock taken (EX_TEMPFAIL)."""

LONGEST_PAUSE = 30.0
PEER_PAUSE = 3.0
GRACE = 10.0
NICENESS, JOB_NICENESS = 10, 5
"""How far the worker stands back for the app, and a job for its worker."""


@asynccontextmanager
async def supervise(workspace: Path, url: str) -> AsyncIterator[None]:
    """Keep a worker alive while the context is open.

    Where another app's worker holds the workspace, ask again every few seconds: labeling goes on when that app ends.

    Args:
        workspace: The folder of the workspace.
        url: The database; handed on in the environment, since it may hold a password.
    """
    task = asyncio.create_task(_keep_alive(workspace, url))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_alive(workspace: Path, url: str) -> None:
    pause = 0.5
    worker: asyncio.subprocess.Process | None = None
    try:
        while True:
            started = time.monotonic()
            # The pipe is never written to: its end tells the worker that this app is gone, even after a kill -9.
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "collab.cli", "worker", "--supervised", "--workspace", str(workspace)),
                stdin=asyncio.subprocess.PIPE,
                env={**os.environ, "COLLAB_DATABASE": url},
            )
            status = await worker.wait()
            pause = 0.5 if time.monotonic() - started > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(PEER_PAUSE if status == ANOTHER_RUNS else pause)
    finally:
        if worker is not None and worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()
            try:
                await asyncio.wait_for(worker.wait(), GRACE)
            except TimeoutError:
                worker.kill()
