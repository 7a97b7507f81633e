"""Who may use the server: the bearer token, and the web pages that a browser lets knock.

A browser lets any page in the world reach this machine, and says in `Origin` which page it is.
"""

import hmac
import re

from starlette.datastructures import Headers

from kfusion.serve.refusal import RefusedError
from kfusion.serve.settings import ServerSettings, is_loopback

LOOPBACK_ORIGIN = r"https?://(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"
"""Pages that this machine serves."""


def check_origin(headers: Headers, settings: ServerSettings) -> None:
    """Let programs, pages of this machine and allowed pages pass; and, beyond loopback, the server's own page.

    On loopback a page's own origin is no proof: any name can be made to point at 127.0.0.1.

    Raises:
        RefusedError: another web page asks.
    """
    origin = headers.get("origin")
    if origin is None or origin in settings.origins or re.fullmatch(LOOPBACK_ORIGIN, origin):
        return
    if not is_loopback(settings.host) and origin.partition("://")[2] == headers.get("host"):
        return
    raise RefusedError(
        "forbidden_origin", f"pages of {origin[:100]} may not use this server: start it with --allow-origin"
    )


def bearer(headers: Headers) -> str | None:
    """The token of the header `Authorization: Bearer TOKEN`; None without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def check_token(token: str | None, settings: ServerSettings) -> None:
    """Compare in constant time.

    Raises:
        RefusedError: the server has a token, and this is not it.
    """
    if settings.token is None:
        return
    if token is None or not hmac.compare_digest(token.encode(), settings.token.encode()):
        raise RefusedError(
            "unauthorized", "the token is missing or wrong: send the header 'Authorization: Bearer TOKEN'"
        )
