"""What a client is told when it cannot have what it asked for: one code for HTTP and for the WebSocket."""

from dataclasses import dataclass

from kfusion.errors import InputError, KfusionError


@dataclass(frozen=True, slots=True)
class RefusalStatus:
    """How a code travels."""

    http: int
    """Status of the HTTP answer."""
    close: int
    """Close code of the WebSocket."""


STATUS = {
    "bad_request": RefusalStatus(400, 4400),
    "unauthorized": RefusalStatus(401, 4401),
    "forbidden_origin": RefusalStatus(403, 4403),
    "not_found": RefusalStatus(404, 4404),
    "method_not_allowed": RefusalStatus(405, 4405),
    "wrong_version": RefusalStatus(400, 4406),
    "timeout": RefusalStatus(408, 4408),
    "too_large": RefusalStatus(413, 4413),
    "unusable_input": RefusalStatus(422, 4422),
    "internal": RefusalStatus(500, 1011),
    "busy": RefusalStatus(503, 1013),
    "unavailable": RefusalStatus(503, 4503),
    "restarting": RefusalStatus(503, 1012),
}
"""Code of an error -> how it travels."""
RETRY_AFTER_S = 2
_CODES = {
    status.http: code for code, status in STATUS.items() if code not in ("wrong_version", "unavailable", "restarting")
}


class RefusedError(KfusionError):
    """A request that the server does not serve, and why."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is a key of `STATUS`."""
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> RefusalStatus:
        """How it travels."""
        return STATUS[self.code]

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """The JSON of every error answer."""
        return {"error": {"code": self.code, "message": str(self)}}

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with the status."""
        return {
            "busy": {"Retry-After": str(RETRY_AFTER_S)},
            "restarting": {"Retry-After": str(RETRY_AFTER_S)},
            "unauthorized": {"WWW-Authenticate": "Bearer"},
        }.get(self.code, {})


def as_refusal(error: KfusionError) -> RefusedError:
    """The refusal for an error of the library: the client's input, or something missing on the server."""
    if isinstance(error, RefusedError):
        return error
    return RefusedError("unusable_input" if isinstance(error, InputError) else "unavailable", str(error))


def server_failed() -> RefusedError:
    """What a client is told of a bug."""
    return RefusedError("internal", "the server failed: see its log, then try again")


def code_of(http_status: int) -> str:
    """The code for an HTTP status that the framework chose itself."""
    return _CODES.get(http_status, "bad_request" if http_status < 500 else "internal")
