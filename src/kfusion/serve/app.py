"""The application: every route, one shape of error. Runs under any ASGI server; `kfusion serve` brings its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from kfusion import __version__
from kfusion.errors import KfusionError
from kfusion.inference.generator import Generator
from kfusion.serve import generate_route, stream_route
from kfusion.serve.access import LOOPBACK_ORIGIN
from kfusion.serve.form import shown
from kfusion.serve.guard import Guard, refuse
from kfusion.serve.refusal import RefusedError, as_refusal, code_of, server_failed
from kfusion.serve.service import running
from kfusion.serve.settings import ServerSettings

STATIC = Path(__file__).parent / "static"
DESCRIPTION = "Speech in, moving facial landmarks out. Streamed speech: `WS /v1/stream`, see docs/serving.md."


def create_app(
    settings: ServerSettings, generator: Generator | None = None, routes: Sequence[BaseRoute] = ()
) -> FastAPI:
    """The application.

    The model is loaded, and the threads are started, when the application starts (its ASGI lifespan), not here.

    Args:
        settings: limits and access; `host` and `port` only tell who may be asking.
        generator: a model that is loaded already; None to load `settings.model` at the start.
        routes: of more than this, such as the page that needs no server behind it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(app, settings, generator):
            yield

    app = FastAPI(
        title="kfusion", version=__version__, description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(settings.origins),
        allow_origin_regex=LOOPBACK_ORIGIN,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization"],
    )
    app.add_exception_handler(KfusionError, _library_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _bug)
    app.add_api_route(generate_route.PATH, generate_route.generate, methods=["POST"], **generate_route.DOCUMENTATION)
    app.add_api_websocket_route(stream_route.PATH, stream_route.stream)
    app.add_api_route("/healthz", _health, summary="Whether the server is up, and with which model")
    app.add_api_route("/readyz", _ready, summary="Whether new work may be sent here; 503 once the server is to stop")
    app.add_api_route("/metrics", _metrics, summary="Counters for Prometheus", response_class=Response)
    app.add_api_route("/stream", _stream_page, include_in_schema=False, response_class=FileResponse)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.router.routes.extend(routes)
    return app


async def _health(request: Request) -> dict[str, str]:
    return {"status": "ok", "version": __version__, "model": request.app.state.service.generator.card.model_id}


async def _ready(request: Request) -> JSONResponse:
    draining: bool = request.app.state.service.draining
    return JSONResponse({"status": "draining" if draining else "ready"}, 503 if draining else 200)


async def _metrics(request: Request) -> Response:
    return Response(request.app.state.service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def _stream_page() -> FileResponse:
    return FileResponse(STATIC / "index.html")


async def _library_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KfusionError)
    return refuse(as_refusal(error), request.app.state.service.metrics)


async def _framework_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    message = str(error.detail) if error.status_code == 400 else HTTPStatus(error.status_code).phrase
    refusal = RefusedError(code_of(error.status_code), f"{request.method} {shown(request.scope['path'])}: {message}")
    return refuse(refusal, request.app.state.service.metrics)


async def _bug(request: Request, _: Exception) -> JSONResponse:
    """Starlette raises the error again after this answer, so that it is logged."""
    return refuse(server_failed(), request.app.state.service.metrics)
