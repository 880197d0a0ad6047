"""Drives the real program from outside: app and worker as processes, and people as clients of the card's route."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collab.domain.store import Store
from collab.ui.grants import Grant, issue_grant

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0


def command(*arguments: str | Path) -> list[str]:
    """The command line of `collab` with these arguments."""
    return [sys.executable, "-m", "collab.cli", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of the program: its own one thread, and no workspace but the one that is named."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COLLAB_")}
    return {**kept, "OMP_NUM_THREADS": "1", **more}


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class App:
    """A running `collab run`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it answers."""
        assert self.process.poll() is None, self.log.read_text()
        with suppress(OSError, http.client.HTTPException), closing(self._connection(1.0)) as line:
            line.request("GET", "/_stcore/health")
            return line.getresponse().status == 200
        return False

    def wait_until_ready(self) -> None:
        """Wait for the first answer."""
        wait_for(self.ready, START_SECONDS)

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as Ctrl+C does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def _connection(self, patience: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)


@contextmanager
def running_app(
    workspace: Path, database: str = "", port: int | None = None, *, program: str = "collab.cli"
) -> Iterator[App]:
    """Start app and worker on a workspace; they end with the context."""
    port = port or free_port()
    log = workspace / f"app-{port}.log"
    arguments = [sys.executable, "-m", program, "run", "--workspace", str(workspace), "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env=environment(COLLAB_DATABASE=database),
            stdin=subprocess.DEVNULL,
        )
    app = App(process, port, log)
    try:
        yield app
    finally:
        app.stop()


def wait_for(fact: Any, seconds: float, every: float = 0.02) -> Any:
    """Wait until `fact()` is true, and return it; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := fact()):
        assert time.monotonic() < deadline, f"{fact} didn't become true within {seconds:g} s"
        time.sleep(every)
    return found


@dataclass
class Person:
    """One annotator at a card without a browser: holds asks, keeps answers until they are acknowledged."""

    port: int
    grant: str
    tab: str = field(default_factory=lambda: str(uuid.uuid4()))
    queue: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    acked: list[str] = field(default_factory=list)
    ranking: int = 0
    patience: float = 20.0
    _line: http.client.HTTPConnection | None = None

    @classmethod
    def of(cls, store: Store, port: int, name: str, project: int) -> "Person":
        """Someone who has opened the label page of a project."""
        store.add_annotator(name)
        return cls(port, issue_grant(store.secret(), Grant(name, project)))

    def answer(self, classes: Sequence[str], kind: str = "answer") -> dict[str, Any]:
        """Answer the ask on screen; it waits in the outbox until `sync`."""
        ask = self.queue.pop(0)
        entry = {
            "id": str(uuid.uuid4()), "ask": ask["id"], "item": ask["item"], "kind": kind, "answer": list(classes),
            "note": "", "target": None, "seconds": 1.0, "shown": ask["suggestion"], "schema_version": 1,
        }  # fmt: skip
        self.outbox.append(entry)
        return entry

    def sync(self, want: int = 5) -> dict[str, Any]:
        """Send what waits, and take what comes.

        Raises:
            ConnectionError: Nobody answers.
            Refusal: The reply is not 200.
        """
        reply = self._post("/api/v1/sync", self.message(want))
        self.take(reply)
        return reply

    def message(self, want: int = 5) -> dict[str, Any]:
        """What a card sends: what it holds, and the answers that wait."""
        on_screen, unseen = self.queue[:1], self.queue[1:]
        return {
            "tab": self.tab, "want": want, "have": [a["id"] for a in unseen], "ranking": self.ranking, "idle": False,
            "on_screen": on_screen[0]["id"] if on_screen else None, "answers": self.outbox[:100],
        }  # fmt: skip

    def take(self, reply: Mapping[str, Any]) -> None:
        """Do what a card does with a reply."""
        done = {*reply["acked"], *(r["id"] for r in reply["refused"])}
        self.acked += reply["acked"]
        self.outbox = [entry for entry in self.outbox if entry["id"] not in done]
        kept = [a for a in self.queue if a["id"] not in reply["drop"]]
        for ask in kept[1:]:
            ask["suggestion"] = reply["fresh"].get(str(ask["id"]), ask["suggestion"])
        answered = {entry["ask"] for entry in self.outbox}
        self.queue = kept + [ask for ask in reply["asks"] if ask["id"] not in answered]
        self.ranking = reply["ranking"]

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.grant}", "Content-Type": "application/json"}
        reused = self._line is not None  # the server closes a line on which nothing was said for a while
        self._line = self._line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            self._line.request("POST", path, json.dumps(body), headers)
            response = self._line.getresponse()
            reply = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if reused:
                return self._post(path, body)
            raise ConnectionError(str(error)) from error
        if response.status != 200:
            raise Refusal(response.status, reply["error"])
        return dict(reply)


class Refusal(Exception):
    """The route said no."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status, self.sentence = status, sentence
