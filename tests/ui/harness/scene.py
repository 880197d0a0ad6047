"""What a test says to the card and to the fake server behind it."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

DWELL = 160  # ms: the card hears nothing in the first 120 after paint


class Table:
    """A page with the card on a scene."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address, self.number = page, address, 0

    def open(self, **switches: Any) -> "Table":
        """Make a scene with these switches and wait for its first item."""
        self.visit(**switches)
        return self._ready()

    def visit(self, **switches: Any) -> None:
        """Make a scene with these switches and go there."""
        self.number = self.page.request.post(f"{self.address}/scene", data=switches).json()["number"]
        self.page.goto(f"{self.address}/?scene={self.number}")

    def load(self) -> "Table":
        """Load the page again and wait for an item."""
        self.page.goto(f"{self.address}/?scene={self.number}")
        return self._ready()

    def load_reopened(self, annotation: str) -> None:
        """Load the page again as one that names an earlier answer, and wait until that one is open."""
        self.page.goto(f"{self.address}/?scene={self.number}&reopen={annotation}")
        expect(self.at("#back")).to_be_visible(timeout=20_000)
        self.settle()

    def _ready(self) -> "Table":
        expect(self.body).to_have_attribute("data-ask", re.compile(r"\d+"), timeout=20_000)
        self.settle()
        return self

    def set(self, **switches: Any) -> None:
        """Throw switches of the scene."""
        self.page.request.post(f"{self.address}/scene/{self.number}/set", data=switches)

    def settle(self) -> None:
        """Wait until the card hears keys."""
        self.page.wait_for_timeout(DWELL)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, each once the card hears it."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def at(self, part: str) -> Locator:
        """A part of the card by its selector."""
        return self.page.locator(f".lc {part}")

    @property
    def body(self) -> Locator:
        return self.at("#body")

    @property
    def ask(self) -> int:
        """Which ask is on screen."""
        return int(self.body.get_attribute("data-ask") or 0)

    def saved(self) -> None:
        """Wait until everything is saved."""
        expect(self.at("#save")).to_have_attribute("data-s", "ok", timeout=10_000)

    @property
    def received(self) -> list[dict[str, Any]]:
        """What the server has stored."""
        return self._told()["received"]

    @property
    def syncs(self) -> list[dict[str, Any]]:
        """Every request that the server has answered."""
        return self._told()["syncs"]

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = self.page.request.get(f"{self.address}/scene/{self.number}").json()
        return told
