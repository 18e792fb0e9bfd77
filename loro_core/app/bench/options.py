"""What `bench` is asked to do: its command line, as checked values."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from loro_core.app.bench.scenarios import LANGUAGES, NAMES, Scenario, scenarios
from loro_core.decide.release.profile import PROFILES
from loro_core.fleet import Secret

PLAIN = "plain"
"""The client that reads and does not speak: its first speech is the first text."""

QUICK, DIRECT = "quick", "direct"
"""The server's default policy; the large model alone. Every other name is a policy of the server's."""

MAX_TIMES = 10_000
"""The most rounds, and the most tokens of a reply: beyond, a slip of the finger is likelier than a wish."""

_POLICY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"/v\d+$")
_CHAT = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is. root: what its own pages (/health, /metrics) hang on; api: what /chat/completions does."""

    root: str
    api: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """model: None takes the first that the server lists. timeout_s: for one whole reply. pause_s: between two replies.

    scenarios, policies: at least one each. client: the profile by whose rule of release speech begins and goes on.
    as_json: JSON instead of tables. reset: forget the server's numbers first.
    """

    address: Address
    model: str | None
    api_key: Secret | None
    rounds: int
    scenarios: tuple[Scenario, ...]
    policies: tuple[str, ...]
    client: str
    max_tokens: int
    timeout_s: float
    pause_s: float
    as_json: bool
    reset: bool

    @property
    def planned(self) -> int:
        """How many replies will be asked for."""
        return self.rounds * len(self.policies) * sum(len(scenario.turns) for scenario in self.scenarios)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bench` to `parser`."""
    add = parser.add_argument
    add("--url", type=_address, default="http://127.0.0.1:8000", help="the server, with or without /v1 (%(default)s)")
    add("--model", metavar="NAME", help="the model to ask for; else the first that the server lists")
    add("--api-key", metavar="KEY", help="the server's key; OPENAI_API_KEY does the same and shows in no process list")
    add("--rounds", metavar="N", type=_times, default=3, help="how often each scenario runs (%(default)s)")
    add("--scenario", metavar="NAME", action="append", choices=NAMES, help=f"{', '.join(NAMES)}; may be repeated")
    add("--language", choices=(*LANGUAGES, "all"), default=LANGUAGES[0], help="what the user speaks (%(default)s)")
    add(
        "--policies",
        metavar="NAMES",
        type=_policies,
        default=f"{QUICK},{DIRECT}",
        help="in turn, separated by commas: quick is the server's default policy, direct the large model alone, "
        "any other goes into x-loro-policy (%(default)s)",
    )
    add(
        "--client",
        metavar="NAME",
        choices=tuple(PROFILES),
        default=PLAIN,
        help=f"the voice client whose rule says what is heard: {', '.join(PROFILES)} (%(default)s)",
    )
    add("--max-tokens", metavar="N", type=_times, default=150, help="the longest reply (%(default)s)")
    add("--timeout", metavar="SECONDS", type=_positive, default=60.0, help="for one whole reply (%(default)g)")
    add("--pause", metavar="SECONDS", type=_seconds, default=0.2, help="between two replies (%(default)g)")
    add("--reset", action="store_true", help="first make the server forget its metrics (POST /metrics/reset)")
    add("--json", action="store_true", help="print one JSON document instead of tables")


def options_of(args: argparse.Namespace, environ: Mapping[str, str]) -> Options:
    """Return what `args`, parsed with the options above, amount to. environ: for OPENAI_API_KEY."""
    key = args.api_key or environ.get("OPENAI_API_KEY")
    return Options(
        address=args.url,
        model=args.model or None,
        api_key=Secret(key) if key else None,
        rounds=args.rounds,
        scenarios=scenarios(args.scenario or NAMES, LANGUAGES if args.language == "all" else (args.language,)),
        policies=args.policies,
        client=args.client,
        max_tokens=args.max_tokens,
        timeout_s=args.timeout,
        pause_s=args.pause,
        as_json=args.json,
        reset=args.reset,
    )


# --- one value each: argparse makes an exit with status 2 of what they raise ---------------------------------------


def _address(text: str) -> Address:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        usable = False
        parts = urlsplit("")
    if not usable:
        raise argparse.ArgumentTypeError("needs http:// or https:// and a host, such as http://127.0.0.1:8000")
    if "@" in parts.netloc:
        raise argparse.ArgumentTypeError("holds a name or password; give the key in OPENAI_API_KEY")
    if parts.query or parts.fragment:
        raise argparse.ArgumentTypeError("must end with the path; a query or fragment cannot stand in it")
    base = text.strip().rstrip("/")
    if base.endswith(_CHAT):
        api = base.removesuffix(_CHAT)
        return Address(root=_VERSION.sub("", api), api=api)
    root = _VERSION.sub("", base)
    return Address(root=root, api=base if root != base else f"{base}/v1")


def _times(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_TIMES:
        raise argparse.ArgumentTypeError(f"is {text!r}, needs a whole number from 1 to {MAX_TIMES}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is {text!r}, needs seconds, 0 or more")
    return value


def _positive(text: str) -> float:
    value = _seconds(text)
    if not value:
        raise argparse.ArgumentTypeError(f"is {text!r}, needs seconds, more than 0")
    return value


def _policies(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    wrong = [name for name in names if not _POLICY.fullmatch(name)]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]!r} is no policy's name: lower-case letters, digits, hyphens")
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} names a policy twice")
    return names
