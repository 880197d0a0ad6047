"""Simulated annotators in one process: `python -m tests.bench.annotators WORKSPACE PORT PEOPLE SECONDS [EVERY]`.

Each answers about every `EVERY` seconds (2) and sends what a card sends: each answer at once, or with the next message
where one is under way, and once a second a question for news. Prints as JSON the milliseconds from each answer to its
acknowledgement, and what went wrong.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from collab.domain.project import Answer
from collab.storage.database import open_store
from tests.driving import Person

BEAT = 1.0


@dataclass
class Told:
    """What they went through."""

    saved: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    messages: int = 0
    unanswered: int = 0
    """Answers that were never acknowledged."""
    starved: int = 0
    """How often somebody wanted to answer and had nothing on screen."""


async def main(workspace: Path, port: int, people: int, seconds: float, every: float) -> Told:
    """Let them work, and tell what came of it."""
    store = open_store(workspace, os.environ.get("COLLAB_DATABASE") or None)
    (project,) = store.projects()
    truth = store.truth(project.id)
    crowd = [Person.of(store, port, f"Simulated {n}", project.id) for n in range(people)]
    store.close()
    told, until = Told(), time.monotonic() + seconds
    cards = [_Card(person, truth, told, np.random.default_rng(seed)) for seed, person in enumerate(crowd)]
    await asyncio.gather(*(card.work(until, every) for card in cards))
    return told


class _Card:
    """One person's card, without a browser; all of them share one thread."""

    def __init__(self, person: Person, truth: Mapping[int, Answer], told: Told, rng: np.random.Generator) -> None:
        self._person, self._truth, self._told, self._rng = person, truth, told, rng
        self._made = dict[str, float]()
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._busy = self._again = False

    async def work(self, until: float, every: float) -> None:
        """Answer until the end, then wait for what is still out."""
        await asyncio.sleep(self._rng.uniform(0, max(every, BEAT)))
        await self._sync()
        async with asyncio.TaskGroup() as sent:
            beats = sent.create_task(self._beat(until))
            while time.monotonic() < until:
                await asyncio.sleep(every * self._rng.uniform(0.8, 1.2))
                if self._person.queue:
                    item = self._person.queue[0]["item"]
                    self._made[self._person.answer(self._truth[item])["id"]] = time.perf_counter()
                    sent.create_task(self._sync())
                else:
                    self._told.starved += 1
            await beats
        if self._person.outbox:
            await self._sync()
        self._told.unanswered += len(self._person.outbox)
        if self._line:
            self._line[1].close()

    async def _beat(self, until: float) -> None:
        while time.monotonic() < until:
            await asyncio.sleep(BEAT)
            if not self._busy:
                await self._sync()

    async def _sync(self) -> None:
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, True
        while self._again:
            self._again = False
            try:
                status, reply = await self._post(self._person.message())
            except (OSError, asyncio.IncompleteReadError) as error:
                self._told.errors.append(repr(error))
                self._line = None
                continue
            if status != 200:
                self._told.errors.append(f"{status}: {reply['error']}")
                continue
            self._told.messages += 1
            self._person.take(reply)
            now = time.perf_counter()
            self._told.saved += [1000 * (now - self._made.pop(each)) for each in reply["acked"]]
            self._told.refused += [each["message"] for each in reply["refused"]]
        self._busy = False

    async def _post(self, body: object) -> tuple[int, dict[str, object]]:
        """HTTP by hand: a client of the library would take as much of the machine as the server."""
        self._line = self._line or await asyncio.open_connection("127.0.0.1", self._person.port)
        reader, writer = self._line
        content = json.dumps(body).encode()
        writer.write(
            f"POST /api/v1/sync HTTP/1.1\r\nHost: 127.0.0.1:{self._person.port}\r\n"
            f"Authorization: Bearer {self._person.grant}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        return int(head.split(" ", 2)[1]), json.loads(await reader.readexactly(length))


if __name__ == "__main__":
    folder, place, many, long, *pace = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(main(Path(folder), int(place), int(many), float(long), float(*pace or (2,)))))))
