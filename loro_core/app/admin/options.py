"""What `models` is asked to do: its command line, as checked values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from loro_core.app.config.keys import PREFIX
from loro_core.errors import ConfigError
from loro_core.fleet import Secret
from loro_core.models import ModelKind

DEFAULT_URL = "http://127.0.0.1:8000"
KEY_VARIABLE = f"{PREFIX}ADMIN_KEY"

NO_KEY = f"no admin key: set {KEY_VARIABLE} to the gateway's [admin] key, or name a file that holds it with --key-file"

_EPILOG = f"""\
The gateway's [admin] key comes from {KEY_VARIABLE} or --key-file. It is no option: those show in process lists.
docs/models/operations.md says more.
"""


class Formatter(Protocol):
    """Makes what lays out the help."""

    def __call__(self, prog: str) -> argparse.HelpFormatter: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """root: the gateway's address without a path of ours. as_json: for programs."""

    root: str
    key: Secret
    as_json: bool


def add_arguments(parser: argparse.ArgumentParser, formatter: Formatter) -> None:
    """Give `parser` the actions of `models`; the one that is chosen comes as `action`."""
    parser.epilog = _EPILOG
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("--url", default=DEFAULT_URL, help=f"the gateway ({DEFAULT_URL})")
    common.add_argument("--key-file", metavar="FILE", help=f"a file that holds the admin key, else {KEY_VARIABLE}")
    common.add_argument("--json", action="store_true", help="print JSON, for programs")

    def action(name: str, operands: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(
            name,
            usage=f"{parser.prog} {name} {operands}[OPTIONS]",
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            parents=[common],
            formatter_class=formatter,
            allow_abbrev=False,
        )

    ls = action("ls", "[NAME ...] ", "show how the models stand")
    ls.add_argument("names", metavar="NAME", nargs="*", help="a model; none: all of them")
    for name, text in (
        ("load", "load models, one after the other, and wait until each is ready"),
        ("unload", "stop models, each once its calls have ended"),
        ("drain", "give models no more calls, and wait until those under way have ended"),
    ):
        sub = action(name, "NAME ... ", text)
        sub.add_argument("names", metavar="NAME", nargs="+", help="a model")
        if name == "unload":
            sub.add_argument("--now", action="store_true", help="cut calls off that are under way")
    _add_registration(action("add", "NAME URL ", "register an address that somebody else serves"))
    rm = action("rm", "NAME ... ", "take registered addresses out again")
    rm.add_argument("names", metavar="NAME", nargs="+", help="a model that was registered")
    log = action("log", "NAME ", "show what a model's server wrote")
    log.add_argument("name", metavar="NAME", help="a model")
    log.add_argument("-f", "--follow", action="store_true", help="go on with what it writes, until interrupted")
    log.add_argument("--lines", metavar="N", type=_whole(1, 100_000), default=200, help="so many lines (200)")
    action("reload", "", "have the gateway read its configuration again")


def _add_registration(add: argparse.ArgumentParser) -> None:
    add.add_argument("name", metavar="NAME", help="how clients call it")
    add.add_argument("address", metavar="URL", help="where it is, up to and with /v1 for OpenAI's protocol")
    add.add_argument("--model", metavar="NAME", help="its name at the service, where that is another")
    add.add_argument(
        "--kind", action="append", choices=[kind.value for kind in ModelKind], help="may be repeated (chat)"
    )
    add.add_argument("--alias", metavar="NAME", action="append", help="a further name; may be repeated")
    add.add_argument("--provider", metavar="NAME", help="the plugin that speaks its protocol (auto)")
    add.add_argument("--api-key-file", metavar="FILE", help="a file that holds the service's key")
    add.add_argument("--api-key-env", metavar="VARIABLE", help="a variable that holds the service's key")
    add.add_argument("--slots", metavar="N", type=_whole(1, 10_000), help="calls that it takes at once (1)")
    add.add_argument("--weight", metavar="N", type=_whole(1, 1_000), help="its share beside others of its alias (1)")
    add.add_argument("--context", metavar="TOKENS", type=_whole(1, 1_000_000_000), help="the size of its context")
    add.add_argument("--no-check", action="store_true", help="register it without asking first whether it is there")


def options_of(args: argparse.Namespace, environ: Mapping[str, str]) -> Options:
    """Return the options that all actions share. Raises ConfigError."""
    problems = []
    root = _root(args.url)
    if root is None:
        problems.append(f"--url is {args.url!r}, needs http://HOST[:PORT] or https://HOST[:PORT]")
    key = None
    try:
        key = _read_key(args.key_file, "--key-file") if args.key_file else _own_key(environ)
    except ConfigError as error:
        problems += error.problems
    if root is None or key is None:
        raise ConfigError(problems)
    return Options(root=root, key=key, as_json=args.json)


def registration(args: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, object]:
    """Return the body of `POST /-/upstreams` that `add` asks for. Raises ConfigError if its key cannot be read."""
    if args.api_key_file and args.api_key_env:
        raise ConfigError(["--api-key-file and --api-key-env are both given, needs one of them"])
    key = None
    if args.api_key_file:
        key = _read_key(args.api_key_file, "--api-key-file")
    elif args.api_key_env:
        if not environ.get(args.api_key_env, "").strip():
            raise ConfigError([f"--api-key-env is {args.api_key_env}, which is not set"])
        key = Secret(environ[args.api_key_env].strip())
    body = {
        "name": args.name,
        "url": args.address,
        "model": args.model,
        "kinds": args.kind,
        "aliases": args.alias,
        "provider": args.provider,
        "api_key": None if key is None else key.reveal(),
        "slots": args.slots,
        "weight": args.weight,
        "context_tokens": args.context,
        "check": False if args.no_check else None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _root(url: str) -> str | None:
    """Return where `/-/` hangs on, None if `url` is no address. The gateway's other paths may be in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or port == 0:
        return None
    root = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    return root.removesuffix("/-").removesuffix("/v1")


def _own_key(environ: Mapping[str, str]) -> Secret:
    text = environ.get(KEY_VARIABLE, "").strip()
    if not text:
        raise ConfigError([NO_KEY])
    return _fit(text, KEY_VARIABLE)


def _read_key(file: str, flag: str) -> Secret:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise ConfigError([f"{flag} is {file!r}, which cannot be read: {reason}"]) from None
    return _fit(text, f"{flag} {file!r}")


def _fit(text: str, where: str) -> Secret:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError([f"{where} holds no key: needs visible characters without blanks, on one line"])
    return Secret(text)


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r}, needs a whole number from {low} to {high}")
        return int(text)

    return read
