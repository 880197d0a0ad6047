"""The route by which people sign in: a password, or a page's word that a provider vouches for them, for a cookie.

The cookie is out of reach of scripts and of other sites, and opens pages and images alone: routes want a grant too.
"""

import functools
import json
import time
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from collab.domain.store import Store
from collab.errors import StorageError, WaitFirst, WrongPassword
from collab.loop import admitting
from collab.loop.admitting import Entered
from collab.ui import words
from collab.ui.grants import (
    DAY,
    is_known,
    issue_known,
    issue_session,
    known_cookie,
    read_ticket,
    session_cookie,
    session_of,
)
from collab.ui.sentences import sentence

MOST_BYTES = 4096
AT_ONCE = 8
"""Requests that may wait for their password to be checked; the threads that keep answers are not theirs."""


class Entry:
    """The endpoint over one store."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.path = store, prefix or "/"
        self.secret = functools.cache(store.secret)
        self.limiter = functools.cache(lambda: anyio.CapacityLimiter(AT_ONCE))

    async def sign_in(self, request: Request) -> Response:
        """Begin a session, and end the one that the browser held."""
        if not same_site(request):
            return told(403, words.word("errors.other_site"))
        raw = b""
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MOST_BYTES:
                return told(413, words.word("errors.too_large", limit=MOST_BYTES // 1024))
        try:
            body = json.loads(raw)
            wanted = {key: body[key] for key in ("name", "password", "ticket") if isinstance(body.get(key), str)}
            "".join(wanted.values()).encode()  # fails at half of a pair of characters
        except (ValueError, AttributeError, RecursionError):
            return told(422, words.word("errors.not_json"))
        address = request.client.host if request.client else ""
        cookies = dict(request.cookies)
        try:
            entered = await anyio.to_thread.run_sync(self._enter, wanted, address, cookies, limiter=self.limiter())
        except WaitFirst as error:
            return told(429, sentence(str(error)), {"Retry-After": str(error.seconds)})
        except WrongPassword as error:
            return told(403, sentence(str(error)))
        except StorageError as error:
            return told(503, sentence(str(error)))
        reply = told(200, "")
        secret = self.secret()
        self._keep(reply, request, session_cookie(secret), issue_session(secret, entered.token), entered.until)
        known = issue_known(secret, cookies, entered.person)
        self._keep(reply, request, known_cookie(secret), known, _now() + 400 * DAY * 1000)
        return reply

    def _enter(self, wanted: dict[str, str], address: str, cookies: dict[str, str]) -> Entered:
        now, secret = _now(), self.secret()
        if "ticket" in wanted:
            found = read_ticket(secret, wanted["ticket"])
            if found is None or self.store.sign_in_way() != "oidc":
                raise WrongPassword
            entered = admitting.enter(self.store, found[0], now, found[1])
        else:
            name = admitting.clean(wanted.get("name", ""))
            known = is_known(secret, cookies, name)
            entered = admitting.sign_in(self.store, name, wanted.get("password", ""), address, now, known=known)
        if before := session_of(secret, cookies):
            self.store.end_session(before)
        return entered

    def _keep(self, reply: Response, request: Request, name: str, value: str, until: int) -> None:
        reply.set_cookie(
            name, value, max_age=(until - _now()) // 1000, path=self.path, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip


def same_site(request: Request) -> bool:
    """Whether a request that changes something comes from a page of ours: another site can't send JSON unasked, and a
    browser says where it comes from."""
    plain = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return plain == "application/json" and ours and site in ("same-origin", "none")


def told(status: int, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A reply with a sentence, which nobody keeps."""
    body: dict[str, Any] = {"error": error} if error else {}  # JSON
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})})


def _now() -> int:
    return int(time.time() * 1000)
