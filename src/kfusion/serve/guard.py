"""What every HTTP request passes before and around its route: places, origin, token, body size, time, counting."""

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kfusion.serve.access import bearer, check_origin, check_token
from kfusion.serve.pool import Slot
from kfusion.serve.refusal import RefusedError
from kfusion.serve.service import Service
from kfusion.serve.service_metrics import ServiceMetrics
from kfusion.serve.settings import ServerSettings

PROTECTED = "/v1/"
_COUNTED = ("/", "/stream", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/generate")
"""Paths with a series of their own."""
_CLIENT_LEFT = 499
GROWTH_BYTES = 64 * 1024
"""A body that grows by less than this in `PATIENCE_S` gives way where places are short."""


class Guard:
    """ASGI middleware for HTTP; WebSockets pass, their route has its own checks."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service: Service = scope["app"].state.service
        answer = _SentStatus(send)
        try:
            with service.connections.take():
                await self._admit(service, scope, receive, answer.send)
        except (RefusedError, TimeoutError) as reason:
            refusal = reason if isinstance(reason, RefusedError) else self._too_slow()
            if not answer.begun:
                await refuse(refusal, service.metrics)(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = _CLIENT_LEFT
        finally:
            path = _route(scope)
            service.metrics.requests.labels(path if path in _COUNTED else "other", str(answer.status)).inc()

    async def _admit(self, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
        headers, limit_bytes = Headers(scope=scope), self._settings.max_body_bytes
        if not _route(scope).startswith(PROTECTED):
            await self._app(scope, _limited(receive, headers, limit_bytes, Slot()), send)
            return
        check_origin(headers, self._settings)
        check_token(bearer(headers), self._settings)
        with service.recordings.take() as slot:
            async with slot.kept(self._settings.request_timeout_s):
                slot.spoke()
                await self._app(scope, _limited(receive, headers, limit_bytes, slot), send)

    def _too_slow(self) -> RefusedError:
        limit_s = self._settings.request_timeout_s
        return RefusedError("timeout", f"not done after {limit_s:g} s: send a shorter recording, or send it faster")


class _SentStatus:
    """Remembers the status that went out; 500 stands until there is one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status, self.begun = 500, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.begun = message["status"], True
        await self._send(message)


def refuse(refusal: RefusedError, metrics: ServiceMetrics) -> JSONResponse:
    """The answer for a refusal, counted."""
    metrics.refused.labels(refusal.code).inc()
    return JSONResponse(refusal.body, refusal.status.http, refusal.headers)


def _limited(receive: Receive, headers: Headers, limit_bytes: int, slot: Slot) -> Receive:
    """`receive` that raises when the body is announced, or turns out, to be longer than `limit_bytes`.

    It tells `slot` whether the body grows.
    """
    announced = headers.get("content-length", "")
    seen = int(announced) if announced.isdecimal() and int(announced) > limit_bytes else 0
    noted = 0

    async def limited() -> Message:
        nonlocal seen, noted
        message: Message = {} if seen > limit_bytes else await receive()
        seen += len(message.get("body", b""))
        if seen > limit_bytes:
            raise RefusedError(
                "too_large", f"the body is longer than {limit_bytes} bytes: compress or cut the recording"
            )
        if seen >= noted + GROWTH_BYTES:
            noted = seen
            slot.spoke()
        if not message.get("more_body", False):
            slot.at_work()
        return message

    return limited


def _route(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
