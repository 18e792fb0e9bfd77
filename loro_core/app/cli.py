"""The command line: `python -m loro_core [COMMAND] [OPTIONS]`, or `loro` once installed.

The commands that serve and measure are imported only when they run: the help is there at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loro_core._version import __version__
from loro_core.app import config
from loro_core.app.check import plugin_problems
from loro_core.app.config.settings import Settings
from loro_core.app.config.sources import Option
from loro_core.errors import ConfigError
from loro_core.plugin.registry import CORE, load_plugins

PROGRAM = "python -m loro_core"

# Exit statuses: 2 as argparse gives for a wrong option; 130 and 141 as a shell gives for SIGINT and SIGPIPE.
OK, BROKEN, UNUSABLE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

# flag: key path, what stands for its value in the help, the help
_FLAGS = {
    "--host": ("server.host", "HOST", "the address to listen at"),
    "--port": ("server.port", "PORT", "the port to listen at; 0 takes a free one"),
    "--workers": ("server.workers", "N", "how many processes serve, or auto for one a processor"),
    "--policy": ("reply.policy", "NAME", "how replies are acknowledged: direct, race, instant, adaptive or a plugin's"),
    "--plugin": ("plugins.modules", "MODULE", "load this Python module as a plugin, too; may be repeated"),
    "--log-level": ("log.level", "LEVEL", "trace, debug, info, warn or error"),
    "--log-format": ("log.format", "FORMAT", "text or json"),
}

_EPILOG = """\
Without models, loro starts as a demo with scripted ones. To serve yours:

  export LARGE_MODEL_API_KEY=...        the model that answers
  export SMALL_MODEL_API_KEY=...        the model that acknowledges; without one, phrases do
  python -m loro_core

More examples:

  python -m loro_core --port 9000 --policy instant
  python -m loro_core check-config --config loro.toml
  python -m loro_core plugins --plugin my_plugin
  python -m loro_core --local qwen.gguf         one model of your own as the large one
  python -m loro_core init-config > loro.toml   a configuration file with every key

Settings come from these options, the environment, the nearest .env file and the configuration file, in this order.
Every key of the file has a variable: [reply] policy is LORO_REPLY_POLICY. docs/config.md lists them all.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv`, by default the process's, asks for and return its exit status.

    Raises SystemExit for --help, --version and a command line that cannot be understood.
    """
    words = _command_first(sys.argv[1:] if argv is None else argv)
    args = build_parser(words[0] if words else "").parse_args(words)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except ConfigError as error:
        count = len(error.problems)
        sys.stderr.write(f"loro: {count} {'problem' if count == 1 else 'problems'} in the settings\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return status


def build_parser(given: str = "") -> argparse.ArgumentParser:
    """Return the parser of a command line whose command comes first.

    given: the command, if it is known; options of its own that `bench` and `models` have are imported only for them.
    """
    common = _options()
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [COMMAND] [OPTIONS]",
        description="The gateway that acknowledges at once and lets a large model answer, in one stream.",
        epilog=_EPILOG,
        parents=[common],
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version(), help="print the version and exit")
    parser.add_argument(
        "--model-config", action=_PrintModelFile, nargs=0, help="print a model's configuration file and exit"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str, *, configured: bool) -> Any:
        sub = commands.add_parser(
            name,
            usage=f"{PROGRAM} {name} [OPTIONS]",
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            parents=[common] if configured else [],
            formatter_class=_formatter,
            allow_abbrev=False,
        )
        sub.set_defaults(run=run)
        return sub

    command("serve", _serve, "serve HTTP; this is what loro does without a command", configured=True)
    command("check-config", _check_config, "show the settings and their sources, or all problems", configured=True)
    command("plugins", _plugins, "list providers, policies, balancers and the plugins they come from", configured=True)
    bench = command("bench", _bench, "measure a running gateway", configured=False)
    if given == "bench":
        importlib.import_module("loro_core.app.bench").add_arguments(bench)
    models = command("models", _models, "see, load, unload and register a running gateway's models", configured=False)
    models.prog, models.usage = f"{PROGRAM} models", f"{PROGRAM} models ACTION [OPTIONS]"
    if given == "models":
        importlib.import_module("loro_core.app.admin.options").add_arguments(models, _formatter)
    phrases = command("phrases", _phrases, "proofread phrase files, or those that come with loro", configured=False)
    phrases.usage += " [FILE ...]"
    phrases.add_argument("files", metavar="FILE", nargs="*", help="a phrase file")
    command("init-config", _init_config, "print a configuration file with every key", configured=False)
    command("version", _print_version, "print the version", configured=False)
    return parser


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    options.add_argument("--config", metavar="FILE", help="the configuration file, else LORO_CONFIG or ./loro.toml")
    for flag, (_, metavar, text) in _FLAGS.items():
        options.add_argument(flag, metavar=metavar, help=text, action="append" if flag == "--plugin" else "store")
    options.add_argument("--local", metavar="FILE", help="serve the model in this GGUF file as the large one")
    return options


class _PrintModelFile(argparse.Action):
    """Prints what `--version` would not: a file, whose lines are left as they are."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        sys.stdout.write(importlib.import_module("loro_core.app.config.templates").model_file())
        parser.exit()


def _formatter(prog: str) -> argparse.HelpFormatter:
    # A width of its own: the help stands in docs/cli.md and must not depend on a terminal.
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=110)


def _command_first(words: Sequence[str]) -> list[str]:
    """Return `words` with the command in front, `serve` if there is none; options may be written before it."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] in ("-h", "--help", "--version", "--model-config"):
            return list(words)
        at += 1 if "=" in words[at] else 2
    if at >= len(words):
        return ["serve", *words]
    return [words[at], *words[:at], *words[at + 1 :]]


def load_settings(args: argparse.Namespace) -> Settings:
    """Return the settings that the command line and its surroundings amount to; raise ConfigError."""
    options = [
        Option(flag=flag, path=path, text=value)
        for flag, (path, _, _) in _FLAGS.items()
        if (value := getattr(args, flag[2:].replace("-", "_"))) is not None
    ]
    return config.load(environ=os.environ, directory=Path.cwd(), file=args.config, options=options, local=args.local)


def _serve(args: argparse.Namespace) -> int:
    settings = load_settings(args)
    return int(importlib.import_module("loro_core.app.serve").main(settings, lambda: load_settings(args)))


def _check_config(args: argparse.Namespace) -> int:
    settings = load_settings(args)
    registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
    problems = [*plugin_problems(settings, registry), *_phrases_module().words_problems(settings.words, Path.cwd())]
    if problems:
        raise ConfigError(problems)
    sys.stdout.write(columns([(path, source.shown, source.where) for path, source in settings.sources.items()]))
    _write_models(settings)
    if settings.demo:
        sys.stdout.write("\nNo model is configured: this is the demo, with scripted models.\n")
    elif settings.small is None:
        sys.stdout.write("\nmodels.small is not configured: phrases acknowledge.\n")
    for error in registry.broken:
        sys.stderr.write(f"warning: {error.message}\n")
    for warning in settings.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    return OK


def _write_models(settings: Settings) -> None:
    """Write the tables of models, their commands, pairs and remote servers; nothing where there are none."""
    listing = importlib.import_module("loro_core.app.config.listing")
    for title, rows in (
        ("Models", listing.model_rows(settings)),
        ("Workers", listing.command_rows(settings)),
        ("Pairs", listing.pair_rows(settings)),
        ("Remote servers", listing.remote_rows(settings)),
    ):
        if rows:
            sys.stdout.write(f"\n{title}\n")
            sys.stdout.write(textwrap.indent(columns(rows), "  "))


def _init_config(args: argparse.Namespace) -> int:
    del args
    sys.stdout.write(importlib.import_module("loro_core.app.config.templates").main_file())
    return OK


def _plugins(args: argparse.Namespace) -> int:
    settings = load_settings(args)
    registry = load_plugins(settings.plugins.modules, settings.plugins.disabled)
    owners = {
        (kind, name): plugin.name
        for plugin in registry.plugins
        for kind, names in (
            ("provider", plugin.providers),
            ("policy", plugin.policies),
            ("balancer", plugin.balancers),
        )
        for name in names
    }
    rows = [("provider", name) for name in registry.providers] + [("policy", name) for name in registry.policies]
    rows += [("balancer", name) for name in registry.balancers]
    sys.stdout.write(columns([(kind, name, f"by {owners.get((kind, name), CORE)}") for kind, name in rows]))
    sys.stdout.write("\n")
    sys.stdout.write(
        columns([("plugin", p.name, f"{p.distribution} {p.version}".strip() or "a module") for p in registry.plugins])
    )
    for error in registry.broken:
        sys.stderr.write(f"broken: {error.message}\n")
    return BROKEN if registry.broken else OK


def _phrases_module() -> Any:
    return importlib.import_module("loro_core.app.phrases")


def _phrases(args: argparse.Namespace) -> int:
    return BROKEN if _phrases_module().proofread(args.files) else OK


def _bench(args: argparse.Namespace) -> int:
    return int(importlib.import_module("loro_core.app.bench").run(args))


def _models(args: argparse.Namespace) -> int:
    return int(importlib.import_module("loro_core.app.admin.commands").run(args))


def _print_version(args: argparse.Namespace) -> int:
    del args
    sys.stdout.write(f"{_version()}\n")
    return OK


def _version() -> str:
    return f"loro {__version__}, Python {platform.python_version()}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return `rows` as lines whose columns stand under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)
