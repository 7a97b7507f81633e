"""The page as routes of another application: `kfusion serve`."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kfusion.errors import InputError
from kfusion.serve.refusal import RefusedError
from kfusion.web.page_files import PAGE, PageFiles

PATHS = ("/", "/index.html", "/sw.js", "/licences.txt", "/code/{name}", "/assets/{name}")


def page_routes() -> list[Route]:
    """Routes for the files of the page; where it is not built, `/` says so."""
    try:
        endpoint = _sender(PageFiles(PAGE))
    except InputError as error:
        return [Route("/", _refuser(str(error)))]
    return [Route(path, endpoint) for path in PATHS]


def _sender(files: PageFiles) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        answer = files.answer(path.removeprefix("/"), request.headers)
        if answer.status == 404:
            raise HTTPException(404)
        chunks = answer.chunks() if request.method == "GET" else iter(())
        return StreamingResponse(chunks, status_code=answer.status, headers=answer.headers)

    return send


def _refuser(message: str) -> Callable[[Request], Awaitable[Response]]:
    async def refuse_page(request: Request) -> Response:
        raise RefusedError("unavailable", f"{message}; /stream draws a face with this server")

    return refuse_page
