"""Which proxy a request goes through, as the environment has it.

    variable                                  holds for
    HTTP_PROXY                                http:// upstreams; they are asked in absolute form
    HTTPS_PROXY                               https:// upstreams; they are reached by CONNECT
    ALL_PROXY                                 both, where the variable of the scheme is not set
    NO_PROXY                                  nobody whom it names

The lower-case spelling wins, as with curl. NO_PROXY is a list with commas, of `*` (everybody), `example.com` (it and
what is below it), `.example.com` or `*.example.com` (what is below it), addresses, and networks such as
`10.0.0.0/8`; a port behind a name or an address narrows it to that port. What runs on this machine is never behind a
proxy; Go's clients rule it so, too.
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from loro_core.errors import ConfigError

_VARIABLES = {"http": ("http_proxy", "all_proxy"), "https": ("https_proxy", "all_proxy")}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """scheme: "http", or "https" for one that is itself reached over TLS. host: IPv6 without brackets.

    authorization: what `Proxy-Authorization` says, None if the proxy wants none.
    """

    scheme: str
    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Its "host:port", for a message."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Proxies:
    """The proxies of an environment. environ: its variables.

    Raises ConfigError if one of them cannot be used.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._by_scheme: dict[str, Proxy] = {}
        problems: dict[str, str] = {}
        for scheme, names in _VARIABLES.items():
            for name in names:
                said, value = _lookup(environ, name)
                if not value:
                    continue
                try:
                    self._by_scheme[scheme] = _read(value)
                except ValueError as error:
                    problems[said] = f"{said}: {error}"
                break
        if problems:
            raise ConfigError(list(problems.values()))
        _, excepted = _lookup(environ, "no_proxy")
        self._excepted = [entry for entry in excepted.replace(",", " ").lower().split() if entry]

    def choose(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy on the way to `host` (IPv6 without brackets), None for the straight way."""
        proxy = self._by_scheme.get(scheme)
        if proxy is None or is_this_machine(host) or _is_excepted(self._excepted, host.lower().rstrip("."), port):
            return None
        return proxy


def is_this_machine(host: str) -> bool:
    """Whether `host` is a name or an address of this machine's loopback."""
    address = _address(host)
    if address is not None:
        return address.is_loopback
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _lookup(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    for said in (name, name.upper()):
        value = environ.get(said, "").strip()
        if value:
            return said, value
    return name, ""


def _read(value: str) -> Proxy:
    """Return the proxy that a variable names; raise ValueError, whose message holds no password."""
    if "://" not in value:
        value = f"http://{value}"
    scheme = value.partition("://")[0].lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"a {scheme}:// proxy cannot be used; give an http:// proxy")
    parts = None
    host, port = "", None
    with suppress(ValueError):
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    if parts is None or not host or port == 0 or not (host.isascii() and host.isprintable()) or " " in host:
        raise ValueError("cannot be used; give http://HOST:PORT, perhaps with USER:PASSWORD@ before the host")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode('ascii')}"
    return Proxy(scheme=scheme, host=host, port=port or _DEFAULT_PORTS[scheme], authorization=authorization)


def _is_excepted(entries: Sequence[str], host: str, port: int) -> bool:
    address = _address(host)
    for entry in entries:
        if entry == "*":
            return True
        name, its_port = _split_port(entry)
        if its_port is not None and its_port != port:
            continue
        if address is not None:
            if _holds(name, address):
                return True
        elif name.startswith((".", "*.")):
            if host.endswith(name.lstrip("*")):
                return True
        elif host == name.rstrip(".") or host.endswith(f".{name.rstrip('.')}"):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    """Return name or address, without brackets, and the port behind it."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        port = port.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, port = entry.partition(":")
    else:
        name, port = entry, ""
    return name, int(port) if port.isascii() and port.isdigit() else None


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
