"""Has every route answer in the language that its request asks for: a card's own, or that of a browser with a link."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from collab.ui import words


class Hearing:
    """Speaks for one request, and for the threads that it starts. Plain ASGI, so that nothing is buffered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as ASGI says."""
        if scope["type"] == "http":
            words.speak(words.heard(Headers(scope=scope).get("accept-language", "")))
        await self.app(scope, receive, send)
