"""The HTTP routes beside the pages: the card's sync, history and reasons, images, downloads, health.

All blocking work leaves the event loop. Who is meant is decided by the grant, never by the body; and where people sign
in, a grant is good only together with the session that it was given in, and a cookie alone for nothing but images.
"""

import asyncio
import functools
import json
import time
import zlib
from collections.abc import Callable, Mapping
from contextvars import copy_context
from pathlib import Path, PurePosixPath
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from collab.domain.project import Project
from collab.domain.run import Progress
from collab.domain.store import Store
from collab.engine.encoders.table import Table
from collab.errors import AccountShut, Forbidden, ItemErased, SignedOut, StorageError, UnknownName, UserError
from collab.loop import annotating, looking, permitting, reporting, reviewing
from collab.loop.exchanging import Sent, exchange
from collab.loop.inquiring import inquire
from collab.loop.measuring import measured
from collab.loop.permitting import Desk
from collab.loop.recalling import recall
from collab.loop.reporting import AuditReport
from collab.loop.sharing import Sharing
from collab.ui import protocol, reasons, second_looks, words
from collab.ui.entry import Entry
from collab.ui.grants import DAY, Grant, issue_media, may_see, read_download, read_grant, session_of
from collab.ui.protocol import BadMessage, Json, Link, Refused
from collab.ui.sentences import told

MOST_BYTES = 512 * 1024
SEALED = "default-src 'none'; sandbox"
"""What a file may do that a browser opens by itself: nothing."""


def routes(store: Store, base: str = "") -> list[BaseRoute]:
    """Every route of ours, under the prefix that Streamlit doesn't give to routes which aren't its own."""
    prefix = f"/{base.strip('/')}" if base.strip("/") else ""
    doors = _Doors(store, prefix)
    return [
        Route(f"{prefix}/api/v1/sign-in", Entry(store, prefix).sign_in, methods=["POST"]),
        Route(f"{prefix}/api/v1/sync", doors.sync, methods=["POST"]),
        Route(f"{prefix}/api/v1/history", doors.history, methods=["POST"]),
        Route(f"{prefix}/api/v1/why", doors.why, methods=["POST"]),
        Route(f"{prefix}/api/v1/review", doors.review, methods=["POST"]),
        Route(f"{prefix}/api/v1/reviewed", doors.reviewed, methods=["POST"]),
        Route(f"{prefix}/api/v1/look", doors.look, methods=["POST"]),
        Route(f"{prefix}/api/v1/media", doors.renew, methods=["POST"]),
        Route(f"{prefix}/api/v1/media/{{name:path}}", doors.media, methods=["GET"]),
        Route(f"{prefix}/api/v1/download/{{name:path}}", doors.download, methods=["GET"]),
        Route(f"{prefix}/healthz", doors.health, methods=["GET"]),
    ]


class _Doors:
    """The endpoints over one store."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix
        # It changes with a round or an import; to read it anew for each answer would cost more than the answer itself.
        self.report = functools.lru_cache(maxsize=64)(self._report)
        self.secret = functools.cache(store.secret)
        self.table = functools.lru_cache(maxsize=16)(Table.from_json)
        self.sharing = Sharing(store)

    async def sync(self, request: Request) -> Response:
        """Answers in, asks out; a resend changes nothing. All who wait at the same moment share a commit."""
        return await self._reply(request, self._sync, shared=True)

    async def history(self, request: Request) -> Response:
        """The person's own annotations in force, latest first."""
        return await self._reply(request, self._history)

    async def why(self, request: Request) -> Response:
        """Why the item on screen gets its suggestion; asked again until the worker has found out."""
        return await self._reply(request, self._why)

    async def review(self, request: Request) -> Response:
        """Answers and verdicts in, second looks out; a resend changes nothing."""
        return await self._reply(request, self._review)

    async def reviewed(self, request: Request) -> Response:
        """The person's own verdicts in force, latest first."""
        return await self._reply(request, self._reviewed)

    async def look(self, request: Request) -> Response:
        """What others said of an item, for whom has answered it blind."""
        return await self._reply(request, self._look)

    async def renew(self, request: Request) -> Response:
        """A link to an image anew, for whom holds one that has run out."""
        return await self._reply(request, self._renew)

    async def media(self, request: Request) -> Response:
        """An image as people see it, or its thumbnail, by a signed link; the bytes of a name never change."""
        name, token = f"media/{request.path_params['name']}", request.query_params.get("t", "")

        cookies = dict(request.cookies)

        def look() -> Path | None:
            project = may_see(self.secret(), token, name, time.time())
            if project is None:
                return None
            if (desk := self._visitor(cookies)) is not None:
                looking.progress(desk, project)
            self.store.project(project)  # a link doesn't outlive its project
            return self.store.file(name)

        try:
            path = await anyio.to_thread.run_sync(look)
        except UnknownName:
            return _error(404, words.word("errors.no_image"))
        except SignedOut as error:
            return _error(401, told(error))
        except Forbidden as error:
            return _error(403, told(error))
        except StorageError as error:
            return _error(503, told(error))
        if path is None:
            return _error(403, words.word("errors.link_expired"))
        headers = {
            "Cache-Control": f"private, max-age={DAY}, immutable",
            "Content-Security-Policy": SEALED,
            "X-Content-Type-Options": "nosniff",
        }
        return FileResponse(path, media_type="image/webp", headers=headers)

    async def download(self, request: Request) -> Response:
        """A file of the workspace, by a signed link that runs out."""
        name, token = request.path_params["name"], request.query_params.get("t", "")
        cookies = dict(request.cookies)

        def look() -> Path | None:
            link = read_download(self.secret(), token, name)
            if link is None:
                return None
            desk = self._desk(link.person, link.session, link.project, cookies, "download")
            return looking.file(desk, link.project, name, link.right)

        try:
            path = await anyio.to_thread.run_sync(look)
        except UnknownName as error:
            return _error(404, told(error))
        except SignedOut as error:
            if await anyio.to_thread.run_sync(self._someone, cookies):
                return _error(403, words.word("errors.link_of_another"))
            return _error(401, told(error))
        except Forbidden as error:
            return _error(403, told(error))
        except StorageError as error:
            return _error(503, told(error))
        if path is None:
            return _error(403, words.word("errors.link_expired"))
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": SEALED}
        return FileResponse(
            path, filename=PurePosixPath(name).name, media_type="application/octet-stream", headers=headers
        )

    async def health(self, _request: Request) -> Response:
        """Whether the store answers; anybody may ask, so it costs next to nothing."""
        try:
            await anyio.to_thread.run_sync(self.store.ping)
        except StorageError as error:
            return _error(503, told(error))
        return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})

    def _desk(self, person: str, session: str, project: int | None, cookies: Mapping[str, str], what: str) -> Desk:
        """A desk for whom a note names, who must hold the session that it was given in. Raises `SignedOut`."""
        desk = Desk(self.store, person, session)
        if session and session_of(self.secret(), cookies) != session:
            permitting.refused(desk, f"route {what}", "the browser holds another session", project)
            raise SignedOut
        return desk

    def _someone(self, cookies: Mapping[str, str]) -> bool:
        """Whether somebody is signed in in this browser."""
        return self.store.signed_in(session_of(self.secret(), cookies), _now()) is not None

    def _visitor(self, cookies: Mapping[str, str]) -> Desk | None:
        """A desk for whom the cookie alone names; None where names are taken on trust. Raises `SignedOut`."""
        if self.store.sign_in_way() == "none":
            return None
        session = session_of(self.secret(), cookies)
        person = self.store.signed_in(session, _now())
        if person is None:
            raise SignedOut
        return Desk(self.store, person, session)

    async def _reply(
        self, request: Request, work: Callable[[Grant, Desk, Any], Json], *, shared: bool = False
    ) -> Response:
        """Take the message in, then do everything else in threads; every error becomes a status and a sentence."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        raw, cookies = await _body(request), dict(request.cookies)
        if raw is None:
            return _error(413, words.word("errors.too_large", limit=MOST_BYTES // 1024))

        def read() -> tuple[int, bool, Callable[[], Json]] | None:
            grant = read_grant(self.secret(), token) if scheme.lower() == "bearer" else None
            if grant is None:
                return None
            desk = self._desk(
                grant.annotator, grant.session, grant.project, cookies, request.url.path.rpartition("/")[2]
            )
            body = _parsed(raw)
            answers = isinstance(body, dict) and bool(body.get("answers"))
            return grant.project, answers, functools.partial(copy_context().run, work, grant, desk, body)

        try:
            ready = await anyio.to_thread.run_sync(read)
            if ready is None:
                return _error(401, words.word("errors.grant_expired"))
            project, answers, piece = ready
            if shared:
                reply = await asyncio.wrap_future(self.sharing.do(project, piece, durable=answers))
            else:
                reply = await anyio.to_thread.run_sync(piece)
            return JSONResponse(reply, headers={"Cache-Control": "no-store"})
        except SignedOut as error:
            return _error(401, told(error), shut=isinstance(error, AccountShut))
        except Forbidden as error:
            return _error(403, told(error))
        except (UserError, BadMessage) as error:
            return _error(422, told(error))
        except StorageError as error:
            return _error(503, told(error))

    def _sync(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        project = looking.project(desk, grant.project)
        message = protocol.read_sync(body, grant.annotator, project)
        sent = Sent(
            message.tab, [entry for entry in message.answers if not isinstance(entry, Refused)],
            want=0 if message.idle else message.want, have=message.have, on_screen=message.on_screen,
            ranking=message.ranking, waits=message.waits, chosen_only=grant.chosen, utc_offset=grant.utc_offset,
        )  # fmt: skip
        got = exchange(desk, project, grant.annotator, sent, _now())
        if any(isinstance(error, UnknownName | Forbidden) for error in got.refused.values()):
            permitting.refused(desk, "exchanging.exchange", "an item or an answer that isn't theirs", project.id)
        refused = {e.id: e.message for e in message.answers if isinstance(e, Refused)}
        refused |= {answer: told(error) for answer, error in got.refused.items()}
        handed, columns, link = got.handed, self._table(got.columns), self._link(project.id)
        return {
            "acked": got.acked,
            "revealed": {message.waits: protocol.suggestion_message(got.told, project)} if got.told else {},
            "refused": [
                {"id": e.id, "message": refused[e.id], "gone": isinstance(got.refused.get(e.id), ItemErased)}
                for e in message.answers
                if e.id in refused
            ],
            "asks": [protocol.ask_message(ask, got.items[ask.item], project, link, columns) for ask in handed.asks],
            "drop": handed.drop,
            "fresh": {str(ask): protocol.suggestion_message(s, project) for ask, s in handed.fresh.items()},
            "ranking": handed.ranking,
            **self._figures(project, got.progress, got.today, got.handed.exhausted),
        }

    def _figures(self, project: Project, progress: Progress, today: int, exhausted: bool) -> Json:
        report = self.report(project.id, progress.revision, progress.items)
        return {
            "tally": {"today": today, "decided": progress.answered, "items": progress.items},
            "state": {
                "reading": progress.reading,
                "checked": report.calibrated,
                # In tens: a number that grows by one would tell which answer was to an audit.
                "checked_on": report.judged // 10 * 10,
                "accept_filled": reporting.accept_filled(report, project.policy.accept_from),
                "exhausted": exhausted,
                "schema_version": project.schema.version,
                "fields": zlib.crc32(repr(project.fields).encode()),  # which columns this person sees, and how
            },
        }

    def _report(self, project: int, _revision: int, _items: int) -> AuditReport:
        return reporting.accuracy(self.store, project)

    def _history(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        limit, before = protocol.read_history(body)
        project = looking.project(desk, grant.project)
        entries, more = recall(desk, project.id, grant.annotator, limit, before)
        link, columns = self._link(project.id), self._columns(desk, project)
        return {
            "entries": [protocol.history_message(entry, project, link, columns) for entry in entries],
            "more": more,
        }

    def _columns(self, desk: Desk, project: Project) -> Table | None:
        return self._table(measured(desk, project))

    def _table(self, written: bytes | None) -> Table | None:
        """What was measured of the project's numbers and categories."""
        return None if written is None else self.table(written)

    def _why(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        tab, ask, wanted, over = reasons.read_why(body)
        project = looking.project(desk, grant.project)
        found = inquire(desk, project, grant.annotator, tab, ask, _now())
        return (
            {"waiting": True}
            if found is None
            else reasons.why_message(found, project, self._link(project.id), wanted, over)
        )

    def _review(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        now, who = _now(), grant.annotator
        project = looking.project(desk, grant.project)
        message = second_looks.read_review(body, who, project)
        acked, refused = [], []
        for entry in message.acts:
            if isinstance(entry, Refused):
                refused.append(entry)
                continue
            try:
                if isinstance(entry, second_looks.Act):
                    second_looks.perform(desk, project, entry, who, now)
                else:
                    annotating.submit(desk, entry, reviewing.token_of(message.tab), now, reveal=False)
                acked.append(entry.id)
            except (Forbidden, SignedOut):
                raise
            except UserError as error:
                refused.append(Refused(entry.id, told(error), gone=isinstance(error, ItemErased)))
        handed = reviewing.hand_out(
            desk, project, who, message.tab, want=0 if message.idle else message.want, have=message.have,
            on_screen=message.on_screen, kind=message.kind, now=now,
        )  # fmt: skip
        items = looking.items(desk, project.id, tuple(ask.item for ask in handed.asks))
        columns, link = self._columns(desk, project), self._link(project.id)

        def look(item: int | None) -> Json | None:
            found = None if item is None else reviewing.reveal(desk, project, who, item)
            return None if found is None else second_looks.look_message(found, project, link)

        asks = [
            {
                **protocol.ask_message(ask, items[ask.item], project, link, columns),
                "reason": words.word("review.blind_first"), "first": False, "blind": True,
                "look": look(ask.item) if ask.id in handed.begun else None,
            }
            for ask in handed.asks
        ]  # fmt: skip
        waited = look(message.looking)
        today = reporting.today(desk, project.id, who, now, grant.utc_offset)
        return {
            "acked": acked,
            "refused": [{"id": each.id, "message": each.message, "gone": each.gone} for each in refused],
            "asks": asks,
            "drop": handed.drop,
            "fresh": {},
            "revealed": {},
            "looks": {} if waited is None else {str(message.looking): waited},
            "left": handed.left,
            "kind": message.kind,
            "ranking": 0,
            **self._figures(project, looking.progress(desk, project.id), today, handed.exhausted),
        }

    def _reviewed(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        limit, before = protocol.read_history(body)
        project = looking.project(desk, grant.project)
        found = reviewing.decided(desk, project.id, limit, before, by=grant.annotator)
        link, columns = self._link(project.id), self._columns(desk, project)
        entries = [second_looks.verdict_message(listed, item, project, link, columns) for listed, item in found]
        return {"entries": entries, "more": len(entries) == limit}

    def _look(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        item = second_looks.read_item(body)
        project = looking.project(desk, grant.project)
        found = reviewing.reveal(desk, project, grant.annotator, item)
        if found is None:
            raise BadMessage(words.word("review.blind_first"))
        return second_looks.look_message(found, project, self._link(project.id))

    def _renew(self, grant: Grant, desk: Desk, body: Any) -> Json:  # body is JSON of a stranger
        project = looking.project(desk, grant.project)
        name, token = protocol.read_link(body)
        if may_see(self.secret(), token, name, time.time(), late=True) != grant.project:
            raise BadMessage(words.word("errors.no_image"))
        hidden = any(field.personal and field.kind == "image" for field in project.fields)
        if hidden and not permitting.may(desk, "see personal", project.id):  # the link doesn't say of which field it is
            raise BadMessage(words.word("errors.no_image"))
        return {"link": self._link(grant.project)(name)}

    def _link(self, project: int) -> Link:
        secret, now = self.secret(), time.time()
        return lambda name: f"{self.prefix}/api/v1/{name}?t={issue_media(secret, project, name, now)}"


def _now() -> int:
    return int(time.time() * 1000)


def _error(status: int, message: str, *, shut: bool = False) -> JSONResponse:
    return JSONResponse(
        {"error": message, **({"shut": True} if shut else {})}, status, headers={"Cache-Control": "no-store"}
    )


def _parsed(raw: bytes) -> Any:  # JSON of a stranger
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # the first one also for a number of thousands of digits
        raise BadMessage(words.word("errors.not_json")) from None


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is too large; no more than the limit is ever held."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
