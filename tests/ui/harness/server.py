"""A sync server in memory that speaks the card's protocol, and a Streamlit page that mounts the card on it.

Each scene is a project of its own with its own state, so that tests don't see each other. POST /scene makes one, POST
/scene/{n}/set throws its switches, GET /scene/{n} says what it has received.
"""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

import collab.ui
from collab.domain.media import THUMB_SIDE
from tests.ui.harness.pictures import webp

SENTENCES = (
    "Having a lazy day today and I have not decided yet whether that is a good thing.",
    "The left hinge cracked after about two weeks of normal use, and nobody answers the phone.",
    "Thank you so much, that made my whole week!",
    "It is what it is.",
    "Parcel has said “out for delivery” for four days now. The courier says that it is back at the depot, the chat "
    "says that it is with the courier. I just need it before the weekend.",
    "Why does it always rain on the one day on which I left my coat at home?",
)
CLASSES = (("pos", "Positive", "#2f9463"), ("neu", "Neutral", "#3f7fd4"), ("neg", "Negative", "#c8553d"))


@dataclasses.dataclass
class Scene:
    """One project, with the switches of a test and everything that it has received."""

    number: int
    classes: int = 3
    many: bool = False
    """Whether any number of classes may apply."""
    suggested: tuple[int, ...] = ()
    """Columns that its suggestions name, where any number may."""
    keys: str = "1234567890"
    """Of the first classes, one each."""
    answers: tuple[str, ...] = ()
    """What each answer of an earlier session says; (): one class, by turns."""
    texts: tuple[str, ...] = SENTENCES
    blind: tuple[int, ...] = ()
    lang: str = "en"
    length: int = 1000
    truncated_at: int | None = None
    mode: str = "suggestion first"
    suggests: bool = True
    footing: str = ""
    """What its suggestions stand on."""
    choices: tuple[int, ...] = ()
    """Columns of the label set that they bring."""
    level: float = 0.9
    checked: bool = True
    accept_filled: bool = False
    reading: float = 1.0
    goal: int = 200
    idle_minutes: float = 15
    keys_on: bool = True
    status: int = 200
    shut: bool = False
    error: str = ""
    delay: float = 0.0
    refuse: str = ""
    gone: bool = False
    before: int = 0
    """How many answers of earlier sessions there are."""
    ranking: int = 1
    drop_unseen: bool = False
    why_waits: int = 0
    """How often reasons are not there yet."""
    facts: list[list[str]] = dataclasses.field(default_factory=lambda: [["author", "web form"]])
    """Numbers and categories of every item."""
    pictures: tuple[str, ...] = ()
    """Names of the fields of every item that hold a picture."""
    picture_size: tuple[int, int] = (640, 480)
    lacking: tuple[int, ...] = ()
    """Items without their pictures."""
    reviews: bool = False
    """Whether the card is in its mode of second looks."""
    decided: str = "neg"
    """What was decided of every item before it is looked at again; "": nothing."""
    experts: tuple[str, ...] = ("Eve", "Pat")
    """Who else may be asked to look."""
    reason: str = "error"
    """Why an item is looked at again."""
    today: int = 18
    received: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    syncs: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    looked: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    dropped: set[int] = dataclasses.field(default_factory=set)
    handed: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    next: int = 1

    def ids(self) -> list[str]:
        return [c[0] for c in CLASSES][: self.classes] if self.classes <= 3 else [f"c{i}" for i in range(self.classes)]

    def word(self, ask: int) -> dict[str, Any] | None:
        if not self.suggests or ask in self.blind:
            return None
        n, best = len(self.ids()), (ask + self.ranking) % len(self.ids())
        proba = [0.64 if i == best else 0.36 / (n - 1) for i in range(n)]
        often = {"n": round(10 * self.level), "bound": "about"}
        more: dict[str, Any] = {}
        if self.many:
            proba = [0.8 if i in self.suggested else 0.1 for i in range(n)]
            told = [{"n": round(10 * p), "bound": "about"} for p in proba]
            more = {"suggested": self.suggested, "each": told}
        return {
            "proba": proba, "often": {"n": 6, "bound": "about"}, "model": f"1.{self.ranking}", "footing": self.footing,
            "choices": {"columns": self.choices, "level": self.level, "often": often} if self.choices else None,
            **more,
        }  # fmt: skip

    def item(self, item: int) -> dict[str, Any]:
        texts = self.texts[(item - 1) % max(1, len(self.texts)) :][:1]
        return {
            "item": item, "ref": f"T-{item:04d}",
            "fields": [
                *(self.picture(item, place, name) for place, name in enumerate(self.pictures)),
                *({"name": "text", "kind": "text", "value": text} for text in texts),
            ],
            "meta": self.facts, "lang": self.lang,
        }  # fmt: skip

    def picture(self, item: int, place: int, name: str) -> dict[str, Any]:
        width, height = self.picture_size
        link = "" if item in self.lacking else f"/api/v1/media/{self.number}/{100 * place + item}/{width}x{height}"
        return {"name": name, "kind": "image", "thumb": link and f"{link}/thumb", "view": link and f"{link}/view"}

    def ask(self, ask: int) -> dict[str, Any]:
        blind = ask in self.blind or self.mode != "suggestion first"
        reason = "blind" if blind else "unsure"
        return {
            "id": ask, "blind": blind, "first": self.mode == "answer first", "reason": reason, "doubt": not blind,
            "chosen": False, "truncated_at": self.truncated_at, "suggestion": None if blind else self.word(ask),
            **self.item(ask),
        }  # fmt: skip

    def sync(self, body: dict[str, Any]) -> dict[str, Any]:
        self.syncs.append(body)
        refused = [{"id": a["id"], "message": self.refuse, "gone": self.gone} for a in body["answers"] if self.refuse]
        kept = [] if self.refuse else body["answers"]
        self.received.extend(a for a in kept if a["id"] not in {r["id"] for r in self.received})
        answered = {a["ask"] for a in self.received} | {a["ask"] for a in body["answers"]}
        held = [*body["have"], *([body["on_screen"]] if body["on_screen"] is not None else [])]
        lease = self.handed.setdefault(body["tab"], [])
        give = [a for a in lease if a not in answered and a not in held and a not in self.dropped]
        while len(give) + len(body["have"]) < body["want"] and self.next <= self.length:
            give.append(self.next)
            lease.append(self.next)
            self.next += 1
        stale = body["ranking"] != self.ranking
        drop = body["have"][1:] if stale and self.drop_unseen else []
        self.dropped |= set(drop)
        shows = self.mode == "suggestion first"
        fresh = {str(a): self.word(a) for a in body["have"] if stale and shows and self.word(a)}
        told = {a["id"]: self.word(a["ask"]) for a in kept if a["id"] == body["waits"]}
        revealed = {id_: word for id_, word in told.items() if word and self.mode == "answer first"}
        out_of_asks = self.next > self.length and not give and not body["have"] and body["on_screen"] is None
        return {
            "acked": [a["id"] for a in kept], "refused": refused, "asks": [self.ask(a) for a in give], "drop": drop,
            "fresh": fresh, "revealed": revealed, "ranking": self.ranking,
            "tally": {"today": self.today + self._answers(), "decided": self._answers(), "items": self.length},
            "state": {
                "reading": self.reading, "checked": self.checked, "checked_on": 60, "accept_filled": self.accept_filled,
                "exhausted": out_of_asks, "schema_version": 1, "fields": len(self.facts),
            },
        }  # fmt: skip

    def review(self, body: dict[str, Any]) -> dict[str, Any]:
        """As `sync`, but that an item stays until a verdict, and that who has answered it learns what others said."""
        acts = {"settle", "discard", "send", "withdraw", "later"}
        looks = [a for a in body["answers"] if a["kind"] not in acts]
        self.looked |= {a["item"]: a for a in looks}
        reply = self.sync({**body, "waits": None, "answers": [a for a in body["answers"] if a not in looks]})
        reply["acked"] += [a["id"] for a in looks]
        waits = body["looking"]
        told = {str(waits): self.look({"item": waits})} if waits in self.looked else {}
        settled = sum(a["kind"] in acts - {"withdraw"} for a in self.received)
        left = dict.fromkeys(("sent", "disputed", "flagged", "contradiction", "flip", "machine", "audit"), 0)
        left |= {"error": self.length - settled, "": self.length - settled}
        asks = [
            {**ask, "suggestion": None, "blind": True, "look": self.look(ask) if ask["item"] in self.looked else None}
            for ask in reply["asks"]
        ]
        return {**reply, "asks": asks, "looks": told, "left": left, "kind": body["kind"]}

    def look(self, body: dict[str, Any]) -> dict[str, Any]:
        mine = self.looked.get(body["item"], {"id": "x", "kind": "answer", "answer": ["pos"]})
        names = {c[0]: c[1] for c in CLASSES}
        decision = {"answer": [self.decided], "name": names[self.decided], "source": "Ada"} if self.decided else None
        near = self.why({"class": "pos"})["near"]
        parts = [{"of": "both", "text": "Having a "}, {"of": "first", "text": "lazy"}, {"of": "second", "text": "bad"}]
        return {
            "item": body["item"], "mine": {k: mine[k] for k in ("id", "kind", "answer")},
            "same": mine["answer"] == [self.decided], "decision": decision,
            "kinds": [{"kind": self.reason, "name": "Likely an error" if self.reason == "error" else "Sent to you"}],
            "said": [
                {"who": "Ada", "answer": "Negative", "color": "#c8553d", "note": "a note", "how": "", "day": "today"}
            ],
            "suggested": {"name": "Positive", "sure": 0.8}, "flipped": None,
            "contrast": {**near[0], "texts": [{"name": "text", "parts": parts}], "values": []},
            "near": near[1:], "experts": self.experts,
        }  # fmt: skip

    def reviewed(self, _body: dict[str, Any]) -> dict[str, Any]:
        return {"entries": [], "more": False}

    def media(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"link": f"{body['link']}?anew"}

    def _answers(self) -> int:
        return sum(a["kind"] in ("answer", "unsure") and not a["target"] for a in self.received)

    def history(self, body: dict[str, Any]) -> dict[str, Any]:
        last = (body["before"] or self.before + 1) - 1
        numbers = list(range(last, max(0, last - body["limit"]), -1))
        entries = [
            {
                "number": n, "id": f"earlier-{n:08d}", "ask": None, "kind": "answer",
                "answer": self.answers or [self.ids()[n % len(self.ids())]],
                "at": n, "changed": False, "blind": False, **self.item(10_000 + n),
            }
            for n in numbers
        ]  # fmt: skip
        return {"entries": entries, "more": bool(numbers) and numbers[-1] > 1}

    def why(self, body: dict[str, Any]) -> dict[str, Any]:
        self.why_waits -= 1
        if self.why_waits >= 0:
            return {"waiting": True}
        order = sorted(CLASSES, key=lambda c: c[0] != body["class"])
        words = [] if not self.texts else [("text", 0, 6, 0.4), ("text", 9, 13, -1.0)]
        return {
            "waiting": False, "failed": False, "for": order[0][1], "over": order[1][1], "classes": [],
            "words": [{"field": f, "start": start, "end": end, "push": p} for f, start, end, p in words],
            "facts": [{"name": n, "value": v, "push": 1 - 1.5 * i} for i, (n, v) in enumerate(self.facts[1:3])],
            "unseen": 0.0, "pictures": [], "kinds": [], "taught": True,
            "near": [
                {
                    "ref": f"T-{n}", "excerpt": SENTENCES[n], "answer": CLASSES[n][1], "color": CLASSES[n][2],
                    "by": "Ada", "alike": "alike", "cosine": 0.6,
                }
                for n in range(3)
            ],
        }  # fmt: skip


SCENES: dict[int, Scene] = {}


async def make(request: Request) -> JSONResponse:
    number = len(SCENES) + 1
    SCENES[number] = Scene(number)
    _set(SCENES[number], await request.json())
    return JSONResponse({"number": number})


async def switch(request: Request) -> JSONResponse:
    _set(SCENES[request.path_params["number"]], await request.json())
    return JSONResponse({})


async def told(request: Request) -> JSONResponse:
    scene = SCENES[request.path_params["number"]]
    return JSONResponse({"received": scene.received, "syncs": scene.syncs, "today": scene.today})


async def speak(request: Request) -> JSONResponse:
    scene = SCENES[int(request.headers["authorization"].removeprefix("Bearer ").partition("/")[0])]
    await asyncio.sleep(scene.delay)
    if scene.status != 200:
        return JSONResponse({"error": scene.error, "shut": scene.shut}, scene.status)
    return JSONResponse(getattr(scene, request.path_params["door"])(await request.json()))


async def picture(request: Request) -> Response:
    told = request.path_params
    width, height = map(int, told["size"].split("x"))
    shrunk = min(1, THUMB_SIDE / max(width, height)) if told["kind"] == "thumb" else 1
    content = webp(told["number"], round(width * shrunk), round(height * shrunk))
    return Response(content, media_type="image/webp", headers={"Cache-Control": "private, max-age=60"})


async def font(_request: Request) -> FileResponse:
    return FileResponse(Path(collab.ui.__file__).with_name("static") / "inter.woff2")


def _set(scene: Scene, switches: dict[str, Any]) -> None:
    for name, value in switches.items():
        setattr(scene, name, tuple(value) if isinstance(value, list) else value)


app = st.App(
    Path(__file__).with_name("page.py"),
    routes=[
        Route("/scene", make, methods=["POST"]),
        Route("/scene/{number:int}", told, methods=["GET"]),
        Route("/scene/{number:int}/set", switch, methods=["POST"]),
        Route("/inter.woff2", font, methods=["GET"]),
        Route("/api/v1/media/{scene:int}/{number:int}/{size:str}/{kind:str}", picture, methods=["GET"]),
        Route("/api/v1/{door:str}", speak, methods=["POST"]),
    ],
)
