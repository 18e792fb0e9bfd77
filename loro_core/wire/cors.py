"""Which pages may read our replies: the CORS protocol as rules and header fields.

By default any page may, without credentials of the browser's own: a key in `Authorization` is sent by the page's
script, not by the browser, so it needs no `credentials` here.

Source: WHATWG Fetch, 3.3 "CORS protocol".
"""

from __future__ import annotations

import re

from msgspec import Struct

from loro_core.wire.http1 import HttpRequest, HttpResponse


class CorsRules(Struct, frozen=True, kw_only=True):
    """origins: as browsers send them ("https://app.example"), "null", or "*" for all; empty turns CORS off.

    credentials: whether replies to requests with cookies or client certificates may be read.
    max_age_s: how long a browser may remember a preflight; 600 is what Chromium did before it allowed 7200.
    methods: what a preflight may ask for.
    headers: request header fields that a preflight may ask for; "*" allows what is asked, by name.
    exposed: reply header fields that scripts may read.
    """

    origins: tuple[str, ...] = ("*",)
    credentials: bool = False
    max_age_s: int = 600
    methods: tuple[str, ...] = ("GET", "HEAD", "POST", "OPTIONS")
    headers: tuple[str, ...] = ("*",)
    exposed: tuple[str, ...] = ("x-request-id", "openai-processing-ms", "retry-after")


_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@A-Z]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def problems(rules: CorsRules) -> list[str]:
    """Return what is wrong with the rules, in sentences; [] if they can be used."""
    found = []
    if rules.credentials and "*" in rules.origins:
        found.append("credentials cannot go with origin '*': any page could then act as the user; list the origins")
    found += [
        f"origin {origin!r} must be scheme://host[:port] in lower case without a path, 'null', or '*'"
        for origin in rules.origins
        if origin not in ("*", "null") and not _ORIGIN.fullmatch(origin)
    ]
    found += [
        f"{what} {name!r} is not an HTTP token"
        for what, names in (("method", rules.methods), ("header", rules.headers), ("exposed header", rules.exposed))
        for name in names
        if not _TOKEN.fullmatch(name)
    ]
    if rules.max_age_s < 0:
        found.append(f"max_age_s is {rules.max_age_s}, needs >= 0")
    return found


def cors_headers(rules: CorsRules, origin: str | None) -> list[tuple[str, str]]:
    """Return the header fields to add to a reply. origin: the request's `Origin`, None if it had none.

    When the answer depends on the origin, `vary` says so even to those who get nothing else: a shared cache must not
    hand one page's reply to another.
    """
    if not rules.origins:
        return []
    any_page = "*" in rules.origins and not rules.credentials
    headers = [] if any_page else [("vary", "Origin")]
    if origin is None or not _allowed(rules, origin):
        return headers
    headers.append(("access-control-allow-origin", "*" if any_page else origin))
    if rules.credentials:
        headers.append(("access-control-allow-credentials", "true"))
    if rules.exposed:
        headers.append(("access-control-expose-headers", ", ".join(rules.exposed)))
    return headers


def preflight(rules: CorsRules, request: HttpRequest) -> HttpResponse | None:
    """Return the reply to a browser's preflight, None if the request is not one.

    Only what is special to a preflight is in it; `cors_headers` go on top, as on every reply. A page, method or header
    that is not allowed gets a reply without the permission, and the browser tells its console which.
    """
    origin, method = request.header("origin"), request.header("access-control-request-method")
    if request.method != "OPTIONS" or origin is None or method is None:
        return None
    headers = [("vary", "Access-Control-Request-Method, Access-Control-Request-Headers")]
    if _allowed(rules, origin):
        headers.append(("access-control-allow-methods", ", ".join(rules.methods)))
        if allowed := _allowed_headers(rules, request):
            headers.append(("access-control-allow-headers", ", ".join(allowed)))
        headers.append(("access-control-max-age", str(rules.max_age_s)))
    return HttpResponse(status=204, headers=headers)


def _allowed(rules: CorsRules, origin: str) -> bool:
    # "*" with credentials is refused at start-up; if it comes here all the same it allows nobody.
    return origin in rules.origins or ("*" in rules.origins and not rules.credentials)


def _allowed_headers(rules: CorsRules, request: HttpRequest) -> list[str]:
    asked = request.headers.tokens("access-control-request-headers")
    if "*" not in rules.headers:
        permitted = {name.lower() for name in rules.headers}
        asked = [name for name in asked if name in permitted]
    # By name, not by "*": the wildcard does not cover Authorization (Fetch, 3.3.3).
    return [name for name in asked if _TOKEN.fullmatch(name)]
