"""The server of the live page: this machine only, its own origin only, nothing but answers.

Needs the extra `view` (starlette, uvicorn, websockets).
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

from shardsim.base.errors import UserError
from shardsim.runs.run import Run
from shardsim.view import assets
from shardsim.view.extras import needed
from shardsim.view.page import Desk

HOST = "127.0.0.1"
LARGEST = 1 << 20  # bytes of a question
HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class OwnOrigin:
    """An ASGI app that answers only what was addressed to it by its own pages.

    The Host header must be this server's (else a foreign name could be made to point here), an
    Origin must be too, and a WebSocket, which browsers let any page open, must have one.
    """

    def __init__(self, app: Any, port: int) -> None:
        """Guard an app at a port of this machine."""
        self.app = app
        self.hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is ours and refuse the rest."""
        if scope["type"] in ("http", "websocket") and not self._ours(scope):
            await _refuse(scope, receive, send)
            return
        await self.app(scope, receive, _with_headers(send))

    def _ours(self, scope: Any) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(named) != 1 or named[0] not in self.hosts or len(origins) > 1:
            return False
        if not origins:
            return scope["type"] == "http"
        return origins[0] == b"http://" + named[0]


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    plain = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": plain})
    await send({"type": "http.response.body", "body": b"this server answers only its own pages\n"})


def _with_headers(send: Any) -> Callable[[Any], Any]:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *HEADERS]}
        await send(message)

    return sending


def application(desk: Desk, port: int) -> OwnOrigin:
    """The ASGI app: `/`, the page's three files, and `/live`, the WebSocket that answers.

    Raises UserError without the extra.
    """
    routing = needed("starlette.routing", "view")
    responses = needed("starlette.responses", "view")
    head = '<link rel="stylesheet" href="view.css">'
    html = assets.page(desk.run.path.name, head, '<script type="module" src="live.js"></script>')
    served = {
        "/": (html, "text/html"),
        "/view.css": (assets.text("view.css") + assets.BODY, "text/css"),
        "/view.js": (assets.module(), "text/javascript"),
        "/live.js": (assets.text("live.js"), "text/javascript"),
    }

    def route(path: str) -> Any:
        body, kind = served[path]

        async def give(_: Any) -> Any:
            return responses.Response(body, media_type=kind)

        return routing.Route(path, give)

    async def live(connection: Any) -> None:
        await _converse(desk, connection)

    routes = [*map(route, served), routing.WebSocketRoute("/live", live)]
    return OwnOrigin(needed("starlette.applications", "view").Starlette(routes=routes), port)


async def _converse(desk: Desk, connection: Any) -> None:
    """Say what the run is, then answer one question after the other."""
    in_thread = needed("starlette.concurrency", "view").run_in_threadpool
    gone = needed("starlette.websockets", "view").WebSocketDisconnect
    await connection.accept()
    try:
        await connection.send_text(json.dumps({"page": desk.page}))
        while True:
            told = await in_thread(reply, desk, await connection.receive_text())
            await connection.send_text(told)
    except gone:
        return


def reply(desk: Desk, question: str) -> str:
    """The answer to a question, both JSON; what is wrong with it is said in `error`."""
    asked: Any = None
    try:
        asked = json.loads(question)
        told = desk.answer(asked)
    except json.JSONDecodeError:
        told = {"error": "the question is no JSON; reload the page"}
    except UserError as error:
        told = {"error": str(error)}
    number = asked.get("id") if isinstance(asked, dict) else None
    return json.dumps({"id": number, **told})


def bound(port: int) -> socket.socket:
    """A socket of this machine alone, at a port or at any free one (0).

    Raises UserError where the port is taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        raise UserError(
            f"port {port} cannot be used ({error.strerror}); give another with --port, or 0"
        ) from error
    return found


def serve(
    run: Run, *, port: int, level: int | None, split: str, told: Callable[[str], Any]
) -> None:
    """Serve the live page until interrupted.

    Args:
        run: at least partly trained.
        port: of this machine; 0 for any free one.
        level: the level that is shown first; None for the one with most decisions in conflict.
        split: "train", "held-out" or "target".
        told: called with the address once the page can be opened.

    Raises:
        UserError: a missing extra, a taken port, or no such level or split.
    """
    uvicorn = needed("uvicorn", "view")
    needed("websockets", "view")
    desk = Desk(run, level, split)
    desk.warm()
    threading.Thread(target=desk.fit_all, daemon=True).start()
    with bound(port) as listening:
        address = listening.getsockname()[1]
        app = application(desk, address)
        config = uvicorn.Config(
            app, log_level="warning", ws="websockets-sansio", ws_max_size=LARGEST, lifespan="off"
        )
        told(f"http://{HOST}:{address}/")
        uvicorn.Server(config).run(sockets=[listening])
