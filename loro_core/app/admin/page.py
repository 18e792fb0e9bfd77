"""The models page, one file, and the headers that let it run nothing but itself and ask nobody but us."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources

PAGE = resources.files("loro_core.app.admin").joinpath("page.html").read_bytes()


def content_policy(page: bytes) -> str:
    """Return the content security policy under which exactly the styles and scripts that stand in `page` are in force.

    Source: CSP Level 3, 2.3.1 (hash-source): the hash is of what stands between the tags, byte by byte.
    """

    def hashes(tag: bytes) -> str:
        found = re.findall(rb"<%b>(.*?)</%b>" % (tag, tag), page, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(text).digest()).decode("ascii") for text in found]
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {hashes(b'script')}",
            f"style-src {hashes(b'style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


PAGE_HEADERS = (
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("content-security-policy", content_policy(PAGE)),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)
