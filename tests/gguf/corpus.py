"""Text to learn from that is on every machine: the sentences in the documentation of Python's own modules."""

from __future__ import annotations

import importlib
import inspect
import random
import re
from collections.abc import Iterator
from typing import Any

MODULES = (
    "argparse", "ast", "bisect", "calendar", "cmd", "codecs", "collections", "configparser", "contextlib", "copy",
    "csv", "dataclasses", "datetime", "decimal", "difflib", "doctest", "email.message", "enum", "fractions",
    "functools", "glob", "gzip", "heapq", "html.parser", "http.client", "inspect", "io", "itertools", "json",
    "logging", "mailbox", "operator", "os", "pathlib", "pickle", "pprint", "queue", "random", "re", "sched", "shelve",
    "shlex", "shutil", "socket", "socketserver", "statistics", "string", "subprocess", "tarfile", "tempfile",
    "textwrap", "threading", "traceback", "typing", "unittest", "urllib.parse", "urllib.request", "uuid", "warnings",
    "weakref", "xml.dom", "zipfile",
)  # fmt: skip

_SENTENCE = re.compile(r"[A-Z][A-Za-z ,;'-]{24,160}\.")


def sentences() -> list[str]:
    """Return plain English sentences, each once, in a fixed order."""
    found = dict.fromkeys(sentence for text in _texts() for sentence in _SENTENCE.findall(" ".join(text.split())))
    return list(found)


def documents(seed: int) -> list[str]:
    """Return short texts of one to three sentences. seed: which ones, and in which order."""
    rng = random.Random(seed)
    known = sentences()
    return [" ".join(rng.sample(known, rng.randint(1, 3))) for _ in range(2 * len(known))]


def _texts() -> Iterator[str]:
    for name in MODULES:
        module = importlib.import_module(name)
        members: list[Any] = [module, *(value for _, value in inspect.getmembers(module) if inspect.isroutine(value))]
        for kind in (value for _, value in inspect.getmembers(module, inspect.isclass)):
            members += [kind, *(value for _, value in inspect.getmembers(kind) if inspect.isroutine(value))]
        for member in members:
            yield inspect.getdoc(member) or ""
