"""Serves the dashboard on loopback; the only importer of Starlette and uvicorn.

It asks nobody for a password. So it answers only under names of loopback, whatever a foreign page makes a
browser ask for, and it allows the browser no script, style or connection but its own.
The one thing that can be changed is silences, with a form of its own page only: see `_refusal`.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from instancectl.core.monitoring.overview_html import POLICY, missing_page, page, runbook_page
from instancectl.core.monitoring.overview_json import as_json
from instancectl.core.monitoring.panels import PAGES
from instancectl.core.monitoring.runbook import as_markup, title_of
from instancectl.errors import InstanceError, OperationFailed
from instancectl.ports.pages import Pages
from instancectl.ports.silence_desk import Reply, SilenceDesk

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""What may stand in `Host`: a name of somebody's that leads to loopback may not (DNS rebinding)."""

KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
STOP_SECONDS = 3
FORM_BYTES: Final = 8192
FORM_SECONDS: Final = 10.0
FORM: Final = "application/x-www-form-urlencoded"
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # With `no-referrer` a browser says `Origin: null` of our own forms, too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class DashboardServer:
    """Runs in a thread of its own until it is closed."""

    def __init__(
        self, address: tuple[str, int], pages: Pages, static: Path, desk: SilenceDesk | None = None
    ) -> None:
        """Listen at once; without a desk nothing can be changed.

        Raises:
            OperationFailed: the address is taken or is not ours, or the static files are missing.
        """
        served = application(pages, static, desk)
        self._socket = _listening(address)
        settings = uvicorn.Config(
            served,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            loop="asyncio",
            server_header=False,
            limit_concurrency=64,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._serve, name="dashboard", daemon=True)

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop; requests under way have a moment."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS + 1)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


def application(pages: Pages, static: Path, desk: SilenceDesk | None = None) -> ASGIApp:
    """The dashboard as an ASGI application."""
    routes = [
        Route("/static/{name}", _static(static)),
        Route("/runbooks/{slug}", _runbook(pages)),
        Route("/series/{panel}", _series(pages)),
        Route("/overview.json", _overview(pages)),
        *(_silences(desk) if desk else ()),
        Route("/{slug}", _page(pages)),
        Route("/", _page(pages)),
    ]
    guard = [Middleware(_Guard), Middleware(GZipMiddleware, minimum_size=1000)]
    handlers = {404: lambda _request, _error: HTMLResponse(missing_page(pages.domain), 404)}
    made = Starlette(routes=routes, middleware=guard, exception_handlers=handlers)
    made.router.redirect_slashes = False
    return made


class _Guard:
    """Refuses foreign names; puts headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        if scope["type"] == "http" and _host(scope) not in NAMES:
            refusal = PlainTextResponse("this is served on loopback only, under its name or address\n", 421)
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def _host(scope: Scope) -> str:
    found: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
    name, _, port = found.decode("latin-1").lower().rpartition(":")
    return name if port.isdigit() else found.decode("latin-1").lower()


def _page(pages: Pages) -> Callable[[Request], Response]:
    by_slug = {one.slug: one for one in PAGES}

    def answer(request: Request) -> Response:
        found = by_slug.get(request.path_params.get("slug", PAGES[0].slug))
        if found is None:
            return HTMLResponse(missing_page(pages.domain), 404)
        try:
            facts = pages.facts()
            text = page(facts, pages.section(found.slug, facts), found.panels)
        except InstanceError as error:
            return _unusable(error)
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    return answer


def _overview(pages: Pages) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        try:
            facts = pages.facts()
            found = as_json(facts, [pages.section(one.slug, facts) for one in PAGES])
        except InstanceError as error:
            return _unusable(error)
        return JSONResponse(found, headers={"cache-control": "no-store"})

    return answer


def _series(pages: Pages) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            found = pages.series(request.path_params["panel"], request.query_params.get("window", "24h"))
        except InstanceError as error:
            return _unusable(error)
        if found is None:
            return PlainTextResponse("there is no such panel or window\n", 404)
        return JSONResponse(found, headers={"cache-control": "no-store"})

    return answer


def _runbook(pages: Pages) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        text = pages.runbook(request.path_params["slug"])
        if text is None:
            return HTMLResponse(missing_page(pages.domain), 404)
        return HTMLResponse(runbook_page(pages.domain, title_of(text), as_markup(text)))

    return answer


def _silences(desk: SilenceDesk) -> list[Route]:
    def every(_request: Request) -> Response:
        return _replied(desk.show())

    def one(request: Request) -> Response:
        return _replied(desk.show(request.path_params["alert"]))

    async def take(request: Request) -> Response:
        alert = request.path_params["alert"]
        return await _changed(request, lambda fields: desk.take(alert, fields))

    async def end(request: Request) -> Response:
        return await _changed(request, desk.end)

    return [
        Route("/silences", every, methods=["GET"]),
        Route("/silences", end, methods=["POST"]),
        Route("/silences/{alert}", one, methods=["GET"]),
        Route("/silences/{alert}", take, methods=["POST"]),
    ]


async def _changed(request: Request, change: Callable[[Mapping[str, str]], Reply]) -> Response:
    refusal = _refusal(request)
    if refusal:
        return PlainTextResponse(f"{refusal}; nothing was changed\n", 403)
    try:
        body = await asyncio.wait_for(_body(request), FORM_SECONDS)
    except TimeoutError:
        return PlainTextResponse("the form did not arrive; nothing was changed\n", 408)
    if body is None:
        return PlainTextResponse("that is no form of this page; nothing was changed\n", 413)
    fields = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return _replied(await run_in_threadpool(change, fields))


def _refusal(request: Request) -> str:
    """Why a form is none of ours; empty when it is.

    A browser says from which page it comes, and no page can make it lie. What says nothing is no browser,
    and has the command. The token in the form, which no foreign page can read, is looked at by the desk.
    """
    headers = request.headers
    if headers.get("origin") != f"http://{headers.get('host', '')}":
        return "this form was not sent from a page of the dashboard"
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "this form was sent by another site"
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return "this is no form"
    return ""


async def _body(request: Request) -> bytes | None:
    """All of it; None when it is longer than any form here."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > FORM_BYTES:
            return None
    return bytes(found)


def _replied(reply: Reply) -> Response:
    headers = {"cache-control": "no-store"}
    if reply.location:
        return RedirectResponse(reply.location, reply.status, headers)
    return HTMLResponse(reply.page, reply.status, headers)


def _unusable(error: InstanceError) -> Response:
    hint = f"\nhint: {error.hint}" if error.hint else ""
    return PlainTextResponse(f"{error.message}{hint}\n", 503)


def _static(directory: Path) -> Callable[[Request], Response]:
    files = _files(directory)

    def answer(request: Request) -> Response:
        found = files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is no such file\n", 404)
        kind, content, tag = found
        headers = {"etag": tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return answer


def _files(directory: Path) -> Mapping[str, tuple[str, bytes, str]]:
    try:
        contents = {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix in KINDS}
    except OSError as error:
        raise OperationFailed(
            f"cannot read `{directory}`: {error.strerror}",
            hint="reinstall instancectl; the installation is incomplete",
            subject=str(directory),
        ) from error
    return {
        name: (KINDS[Path(name).suffix], content, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
        for name, content in contents.items()
    }


def _listening(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(address)
        made.listen(64)
    except OSError as error:
        made.close()
        raise OperationFailed(
            f"cannot serve the dashboard on {address[0]}:{address[1]}: {error.strerror or error}",
            hint="name another address: `instancectl config set dashboard.listen=127.0.0.1:9391`",
            subject=f"{address[0]}:{address[1]}",
        ) from error
    return made
