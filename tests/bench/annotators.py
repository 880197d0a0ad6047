"""Simulated annotators in one process: `python -m tests.bench.annotators WORKSPACE PORT PEOPLE SECONDS`.

Each answers about every two seconds, and asks for news once in between, as a card does. Prints the milliseconds from
each answer to its acknowledgement, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from collab.domain.project import Answer
from collab.storage.database import open_store
from tests.driving import Person

EVERY = 2.0


async def main(workspace: Path, port: int, people: int, seconds: float) -> list[float]:
    """Let them work, and return the latencies of their answers."""
    store = open_store(workspace)
    (project,) = store.projects()
    truth = store.truth(project.id)
    crowd = [Person.of(store, port, f"Simulated {n}", project.id) for n in range(people)]
    store.close()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(people))
    until = time.monotonic() + seconds
    spent = await asyncio.gather(*(_work(person, truth, until, seed) for seed, person in enumerate(crowd)))
    return [ms for each in spent for ms in each]


async def _work(person: Person, truth: Mapping[int, Answer], until: float, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    spent: list[float] = []
    await asyncio.sleep(rng.uniform(0, EVERY))
    while time.monotonic() < until:
        await asyncio.to_thread(person.sync)
        pause = EVERY * rng.uniform(0.4, 0.6)
        await asyncio.sleep(pause)
        if person.queue:
            person.answer(truth[person.queue[0]["item"]])
            started = time.perf_counter()
            await asyncio.to_thread(person.sync)
            assert not person.outbox, "every answer is acknowledged"
            spent.append(1000 * (time.perf_counter() - started))
        await asyncio.sleep(pause)
    person.close()
    return spent


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(main(Path(folder), *map(int, numbers)))))
