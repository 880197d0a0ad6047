"""Where names are taken on trust, lets in this machine alone; where people sign in, everybody who gets here.

Outermost of all, so that pages, their websocket and every route are behind it, however the app is served.
"""

import ipaddress
import time
from collections.abc import Callable

import anyio.to_thread
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from collab.domain.access import SignIn
from collab.errors import StorageError
from collab.ui.words import word

KEPT_SECONDS = 1.0
PASSED_ON = (b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"forwarded")
"""Headers of a proxy: whoever stands behind it may be anywhere."""
NAMES = ("localhost", "127.0.0.1", "::1")


class Loopback:
    """Refuses what doesn't come from this machine. Plain ASGI, for websockets too."""

    def __init__(self, app: ASGIApp, way: Callable[[], SignIn]) -> None:
        self.app, self.way = app, way
        self.known: SignIn = "none"
        self.asked = -KEPT_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as ASGI says."""
        if scope["type"] not in ("http", "websocket") or is_near(scope) or await self._signed() != "none":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the handshake; closed before it is accepted, it ends as 403
            await send({"type": "websocket.close", "code": 1008, "reason": "no accounts"})
        else:
            await PlainTextResponse(word("errors.not_here"), 403, {"Cache-Control": "no-store"})(scope, receive, send)

    async def _signed(self) -> SignIn:
        """How people sign in. Read anew after a moment: who has just made an account shouldn't need to start anew."""
        if time.monotonic() - self.asked >= KEPT_SECONDS:
            try:
                self.known = await anyio.to_thread.run_sync(self.way)
            except StorageError:
                return "none"
            self.asked = time.monotonic()
        return self.known


def is_near(scope: Scope) -> bool:
    """Whether a request was sent by this machine, to this machine under a name that no other site can take."""
    client = scope.get("client")
    if not client or not _is_loopback(client[0]):
        return False
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    if any(name in PASSED_ON for name, _ in headers):
        return False
    return all(_host(value) in NAMES for name, value in headers if name == b"host")


def _host(value: bytes) -> str:
    """A host without its port."""
    text = value.decode("latin-1").lower()
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
