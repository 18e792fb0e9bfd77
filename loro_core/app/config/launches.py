"""How each kind of worker is started and asked, as data: its command, its paths, which keys it needs and takes.

A command is words and groups of words, with names in braces:

- `{port}` and `{host}` are left in place; whoever starts the process fills them in.
- Other names are filled in here with what the model's keys say. A group one of whose names has no value is left out.
- Names that are no values only say whether a group stands: `{when_embedding}` and the like are filled with nothing.

In what an operator writes (`command`, `args`), any other brace stands for itself, so JSON needs no quoting.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from loro_core.app.config.kinds import HIDDEN, closest, quote
from loro_core.app.config.local_models import COMMAND, LLAMA_API_SERVER, LLAMA_CPP, LLAMA_SERVER, OLLAMA, VLLM
from loro_core.errors import ConfigError
from loro_core.models import ModelKind

Group = tuple[str, ...]

FILLED_AT_START = ("port", "host")
LAUNCHER = "loro_llamacpp"
"""The module that is the program of `llama.cpp`, and the package that it needs."""
LAUNCHER_NEEDS = ("loro_llamacpp", "xllamacpp")

_NAME = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")
_SECRET_OPTION = re.compile(r"(^|[-_])(api-?key|key|token|secret|passw(or)?d|credentials?)$", re.IGNORECASE)

_CHAT, _EMBEDDING, _SPEECH = ModelKind.CHAT, ModelKind.EMBEDDING, ModelKind.SPEECH
_LLAMA = ("ctx_size", "batch_size", "threads", "gpu_layers")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerKind:
    """One kind of worker.

    command: as above; empty where the operator writes it. environment: variables and their values, left out as groups.
    program: what has to be installed, as it is looked for on the PATH; "" where it is known otherwise.
    needs: keys that must be set. takes: keys beside those that every model has, `needs` among them; one that is not
    taken would change nothing.
    serves: what it can be asked for. slots: what one instance takes at once if nothing is said.
    health_path, base_path, provider: how it is asked.
    """

    command: tuple[str | Group, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    program: str = ""
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    serves: frozenset[ModelKind] = frozenset({_CHAT, _EMBEDDING})
    slots: int = 4
    health_path: str = "/health"
    base_path: str = "/v1"
    provider: str = "openai"


WORKER_KINDS: Mapping[str, WorkerKind] = MappingProxyType(
    {
        # The launcher of contrib/loro_llamacpp: llama.cpp's own server, out of the wheel of the extra `llamacpp`.
        LLAMA_CPP: WorkerKind(
            command=(
                *(sys.executable, "-m", LAUNCHER, "--model", "{model_path}", "--port", "{port}", "--host", "{host}"),
                *("--alias", "{name}"),
                ("--ctx-size", "{ctx_size}"),
                *("--parallel", "{slots}"),
                ("--embedding{when_embedding}",),
                ("--threads", "{threads}"),
                ("--gpu-layers", "{gpu_layers}"),
                ("--batch-size", "{batch_size}"),
            ),
            needs=("model_path",),
            takes=("model_path", *_LLAMA),
        ),
        # llama.cpp, tools/server. It shares --ctx-size out among its slots, so it is told what all of them need.
        LLAMA_SERVER: WorkerKind(
            command=(
                *("llama-server", "--model", "{model_path}", "--alias", "{name}"),
                *("--host", "{host}", "--port", "{port}"),
                ("--ctx-size", "{ctx_total}"),
                *("--parallel", "{slots}"),
                ("--embedding{when_embedding}",),
                # A chat model has no pooling of its own, without which its server makes no OpenAI-like embedding.
                ("--pooling{when_chat_and_embedding}", "mean"),
                ("--threads", "{threads}"),
                ("--gpu-layers", "{gpu_layers}"),
                ("--batch-size", "{batch_size}"),
            ),
            program="llama-server",
            needs=("model_path",),
            takes=("model_path", *_LLAMA),
        ),
        # The older system's command, word by word. The server listens where its own file says, and plays one stream at
        # a time.
        LLAMA_API_SERVER: WorkerKind(
            command=(
                *("wasmedge", "--dir", ".:."),
                ("--nn-preload", "default:GGML:AUTO:{model_path}"),
                ("--nn-preload", "embedding:GGML:AUTO:{embedding_model_path}"),
                ("--nn-preload", "tts:GGML:AUTO:{tts_model_path}"),
                *("{wasm_path}", "config", "--file", "{config_name}"),
                ("--chat{when_chat}",),
                ("--embedding{when_embedding}",),
                ("--tts{when_speech}",),
            ),
            program="wasmedge",
            needs=("config_path",),
            takes=("model_path", "embedding_model_path", "tts_model_path", "config_path", "wasm_path"),
            serves=frozenset({_CHAT, _EMBEDDING, _SPEECH}),
            slots=1,
            health_path="/v1/models",
        ),
        VLLM: WorkerKind(
            command=(
                *("vllm", "serve", "{model}", "--host", "{host}", "--port", "{port}", "--served-model-name", "{name}"),
                ("--max-model-len", "{ctx_size}"),
                *("--max-num-seqs", "{slots}"),
                ("--max-num-batched-tokens", "{batch_size}"),
            ),
            program="vllm",
            needs=("model",),
            takes=("model", "ctx_size", "batch_size"),
            slots=64,
        ),
        # It answers before a model is in memory: the first call loads it, and it is kept as long as the process runs.
        OLLAMA: WorkerKind(
            command=("ollama", "serve"),
            environment=(
                ("OLLAMA_HOST", "{host}:{port}"),
                ("OLLAMA_NUM_PARALLEL", "{slots}"),
                ("OLLAMA_KEEP_ALIVE", "-1"),
                ("OLLAMA_CONTEXT_LENGTH", "{ctx_size}"),
            ),
            program="ollama",
            needs=("model",),
            takes=("model", "ctx_size"),
            health_path="/api/version",
            base_path="/",
            provider="ollama",
        ),
        COMMAND: WorkerKind(
            needs=("command",),
            takes=("command", "model", "model_path", *_LLAMA),
            serves=frozenset({_CHAT, _EMBEDDING, _SPEECH}),
            slots=1,
        ),
    }
)


def fill_command(parts: Iterable[str | Group], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the command that a kind's `parts` amount to. values: by name; None leaves out the groups that name it."""
    words: list[str] = []
    for part in parts:
        group = (part,) if isinstance(part, str) else part
        names = {name for word in group for name in _NAME.findall(word)} - {*FILLED_AT_START}
        if isinstance(part, str) or all(values[name] is not None for name in names):
            words += (_filled(word, values) for word in group)
    return tuple(words)


def fill_environment(kind: WorkerKind, values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the variables that a worker of `kind` needs. values: as for a command."""
    filled = ((name, fill_command([(value,)], values)) for name, value in kind.environment)
    return {name: words[0] for name, words in filled if words}


def fill_words(words: Iterable[str], values: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return an operator's `words` with their names filled in. values: by name; None for one that has no value.

    Raises ConfigError with what is wrong with names in them.
    """
    words = tuple(words)
    shown = [name for name in values if not name.startswith("when_")]
    problems = []
    for name in dict.fromkeys(name for word in words for name in _NAME.findall(word)):
        if name in FILLED_AT_START or (name in shown and values[name] is not None):
            continue
        braced = "{" + name + "}"
        if name in shown:
            problems.append(f"names {braced}, but {name} is not set")
        else:
            close = closest(name, [*shown, *FILLED_AT_START])
            hint = f"; did you mean {{{close}}}?" if close else ""
            problems.append(f"names {braced}, which stands for nothing{hint}")
    if problems:
        raise ConfigError(problems)
    return tuple(_filled(word, values) for word in words)


def _filled(word: str, values: Mapping[str, str | None]) -> str:
    """Return `word` for a `Launch`, in which braces that stand for themselves are doubled."""
    out, at = "", 0
    for match in _NAME.finditer(word):
        out += _literal(word[at : match.start()])
        out += match[0] if match[1] in FILLED_AT_START else _literal(values[match[1]] or "")
        at = match.end()
    return out + _literal(word[at:])


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def names_port(words: Iterable[str]) -> bool:
    """Whether a command or its arguments tell the program which port to take."""
    return any("port" in _NAME.findall(word) for word in words)


def shown_command(command: Iterable[str]) -> str:
    """Return a `Launch`'s command as one line for people, with the names that are filled in at the start; no secret."""
    shown: list[str] = []
    hide = False
    for word in (word.replace("{{", "{").replace("}}", "}") for word in command):
        option, has_value, _ = word.partition("=")
        secret = _SECRET_OPTION.search(option) is not None
        text = f"{option}={HIDDEN}" if secret and has_value else HIDDEN if hide else word
        shown.append(text if re.fullmatch(r"[\w@%+=:,./{}\[\]-]+", text) else quote(text))
        hide = secret and not has_value and word.startswith("-")
    return " ".join(shown)
