"""The keys of a model: of a `[[local_models]]` table, of a file in `[scheduler] config_dir`, of `[[llama_servers]]`.

What they amount to is a `Model`; making it is `models`' work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loro_core.app.config.keys import setting
from loro_core.app.config.kinds import ApiKey, Choice, Fields, Flag, Names, Number, Text, Url, Whole
from loro_core.app.config.kinds_models import Choices, Size, Variables, Words
from loro_core.app.config.scheduling import NAME, NAME_WANTS
from loro_core.chat import Json, nothing
from loro_core.fleet import Secret
from loro_core.models import ModelKind

LLAMA_CPP, LLAMA_SERVER, LLAMA_API_SERVER = "llama.cpp", "llama-server", "llama-api-server"
VLLM, OLLAMA, COMMAND = "vllm", "ollama", "command"
WORKERS = (LLAMA_CPP, LLAMA_SERVER, LLAMA_API_SERVER, VLLM, OLLAMA, COMMAND)

WASM = "/etc/assistant/bin/llama-api-server.wasm"

_PATH = Text("a path", r"\S(.*\S)?")
_NAME = Text(NAME_WANTS, NAME)
_HTTP_PATH = Text("a path that begins with /", r"/[!-~]*")
_PROVIDER = Text("lower-case letters, digits and hyphens", r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModelSettings:
    """`[[local_models]]`, and a file of `[scheduler] config_dir`: one model, and how it is served."""

    name: str | None = setting(
        None,
        _NAME,
        "how clients call it; unique",
        shown_default="the name of its file: of its own TOML file, else of `model_path`",
    )
    aliases: tuple[str, ...] = setting(
        (),
        Names("names without blanks", r"\S{1,200}"),
        "further names; several models may share one, and then each may serve what asks for it",
    )
    kinds: tuple[str, ...] = setting(
        (ModelKind.CHAT.value,), Choices(tuple(kind.value for kind in ModelKind)), "what it may be asked for"
    )
    worker: str | None = setting(
        None,
        Choice(WORKERS),
        "what serves it: " + ", ".join(f"`{worker}`" for worker in WORKERS),
        shown_default="`command` where there is one, nothing where there is a `base_url`, else `llama.cpp`",
    )
    model_path: str | None = setting(
        None, _PATH, "the model's file", shown_default="required by `llama.cpp` and `llama-server`"
    )
    model: str | None = setting(
        None,
        Text("the model's name as its server knows it", r"\S(.*\S)?"),
        "the model's name at its server",
        shown_default="required by `vllm` and `ollama`; else `name`",
    )
    command: tuple[str, ...] = setting(
        (),
        Words(empty=True),
        "the program that serves it and its arguments; `{port}` and `{host}` tell it where to listen, and other keys "
        "stand by their names, like `{model_path}`",
        shown_default="required by `command`",
    )
    args: tuple[str, ...] = setting((), Words(empty=True), "further arguments of the worker, at the end of its own")
    port: int = setting(0, Whole(0, 65535), "where its server listens; 0 takes a free port for each start")
    health_path: str | None = setting(
        None, _HTTP_PATH, "what answers 2xx once the model can be called", shown_default="the worker's own; `/health`"
    )
    base_path: str | None = setting(
        None,
        Text("a path that begins with /, or /", r"/[!-~]*"),
        "where the server's API begins",
        shown_default="the worker's own; `/v1`",
    )
    ctx_size: int | None = setting(
        None, Whole(128, 16777216), "the context of one call, in tokens", shown_default="the server's own"
    )
    batch_size: int | None = setting(
        None, Whole(1, 1048576), "how many tokens of a prompt are read at once", shown_default="the server's own"
    )
    threads: int | None = setting(None, Whole(1, 1024), "how many threads compute", shown_default="the server's own")
    gpu_layers: int | None = setting(
        None, Whole(0, 10000), "how many layers a GPU holds", shown_default="the server's own: as many as fit"
    )
    slots: int | None = setting(
        None,
        Whole(1, 10000),
        "how many calls one instance takes at once",
        shown_default="`4`; `llama-api-server` and `command`: `1`; `vllm` and addresses: `64`",
    )
    min_instances: int = setting(0, Whole(0, 100), "so many processes are always kept")
    max_instances: int = setting(1, Whole(1, 100), "so many processes there may be")
    memory: int | None = setting(
        None, Size(), "what one instance takes", shown_default="measured; before that, the size of its file"
    )
    idle_ttl_s: float | None = setting(
        600.0,
        Number(0.1, 31536000, off="never"),
        "an instance that is unused for so long, from the end of its last call, is stopped",
    )
    pinned: bool | None = setting(
        None,
        Flag(),
        "whether it is loaded at the start and never stopped to make room",
        shown_default="`true` for a model that acknowledges, else `false`",
    )
    weight: int = setting(1, Whole(1, 1000), "its share among models of the same alias")
    priority: int = setting(0, Whole(-1000, 1000), "which model goes first when several wait for room; higher first")
    load_timeout_s: float = setting(
        120.0, Number(0.1, 86400), "from the start of its process to the first good health answer"
    )
    stop_grace_s: float = setting(10.0, Number(0, 3600), "from asking its process to end to ending it by force")
    environment: Mapping[str, str] = setting(
        {}, Variables(), "variables of its process beside loro's own; names in braces as in `command`"
    )
    directory: str | None = setting(
        None, _PATH, "where its process is started", shown_default="where loro was; `llama-api-server`: its file's"
    )
    config_path: str | None = setting(
        None, _PATH, "the server's own configuration file", shown_default="required by `llama-api-server`"
    )
    embedding_model_path: str | None = setting(
        None, _PATH, "the file of the embedding model of a `llama-api-server`", shown_default="not set"
    )
    tts_model_path: str | None = setting(
        None, _PATH, "the file of the speech model of a `llama-api-server`", shown_default="not set"
    )
    wasm_path: str = setting(WASM, _PATH, "the program of a `llama-api-server`, run by `wasmedge`")
    base_url: str | None = setting(
        None, Url(), "where a server runs that somebody else started; then there is no worker", shown_default="not set"
    )
    api_key: Secret | None = setting(  # noqa: RUF009 - it makes a field
        None, ApiKey(), "the key of that server", shown_default='`"none"`'
    )
    provider: str | None = setting(
        None,
        _PROVIDER,
        "the plugin that speaks the server's protocol",
        shown_default="the worker's own: `ollama`, else `openai`; at an address: `auto`",
    )
    capabilities: tuple[str, ...] = setting(
        (), Names("words", r"[a-z][a-z0-9_-]*"), "what `/v1/models` tells it can do, like `tools` or `vision`"
    )
    connect_timeout_s: float = setting(5.0, Number(0.05, 300), "until a connection stands")
    first_token_timeout_s: float = setting(
        30.0,
        Number(0.1, 3600),
        "from the start of a streamed call, retries included, to its first token; waiting for a slot is not counted",
        shown_default="`30`; `6` in a pair where another model stands behind it",
    )
    idle_timeout_s: float = setting(30.0, Number(0.1, 3600), "between two pieces of a stream")
    reply_timeout_s: float = setting(600.0, Number(1, 86400), "a whole call that does not stream")
    max_retries: int = setting(3, Whole(0, 10), "further tries after the first, before the first token only")
    drop_fields: tuple[str, ...] = setting(
        (), Names("request fields", r"\S(.*\S)?"), "request fields that the server refuses; they are left out"
    )
    extra_fields: Mapping[str, Json] = setting(nothing(), Fields(), "request fields that every call carries")
    options: Mapping[str, Json] = setting(nothing(), Fields(), "the provider's own settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaServerSettings:
    """`[[llama_servers]]`: a `llama-api-server` under `wasmedge`, by the older system's keys."""

    name: str | None = setting(None, _NAME, "how clients call it; unique", shown_default="the name of its model's file")
    chat_model_path: str | None = setting(None, _PATH, "the file of its chat model", shown_default="not set")
    embedding_model_path: str | None = setting(None, _PATH, "the file of its embedding model", shown_default="not set")
    tts_model_path: str | None = setting(None, _PATH, "the file of its speech model", shown_default="not set")
    port: int = setting(
        0,
        Whole(0, 65535),
        "where it listens; the same as in its own file",
        shown_default="that of `socket_addr` in its own file",
    )
    config_path: str | None = setting(
        None, _PATH, "its own configuration file, which tells it where to listen", shown_default="required"
    )
    wasm_path: str = setting(WASM, _PATH, "the program, run by `wasmedge`")
