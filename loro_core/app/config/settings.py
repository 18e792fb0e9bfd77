"""The settings, as values; each field of a table's dataclass is the whole of one configuration key.

Adding a key is adding a field here and its row to docs/config.md. Reading them is `config`'s work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from loro_core.app.config.keys import Key, Row, Variable, keys_of, setting
from loro_core.app.config.kinds import (
    Address,
    ApiKey,
    Choice,
    Fields,
    Flag,
    Names,
    Number,
    Text,
    Url,
    Whole,
    WholeOr,
)
from loro_core.app.config.local_models import LlamaServerSettings, LocalModelSettings
from loro_core.app.config.pairs import Pair, PairSettings
from loro_core.app.config.scheduling import AdminSettings, RemoteServer, SchedulerSettings
from loro_core.chat import Json, nothing
from loro_core.decide.release.profile import PROFILES
from loro_core.fleet import Deployment, Secret
from loro_core.models import Model

NAME = r"[a-z][a-z0-9-]*"
"""How providers and policies are called."""

NEVER: Literal["never"] = "never"
AUTO_WORKERS: Literal["auto"] = "auto"

_MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
_ORIGIN = r"\*|null|[a-z][a-z0-9+.-]*://[^\s/,]+"
_HOST = r"[^\s/\[\],]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """`[server]`: where loro listens and what it takes from clients."""

    host: str = setting(
        "0.0.0.0",  # noqa: S104 - a gateway in a container is reached from outside
        Text("a host name or an address, without a port", _HOST),
        "the address to listen at",
        Variable(name="HOST"),
    )
    port: int = setting(8000, Whole(0, 65535), "the port to listen at; 0 takes a free one", Variable(name="PORT"))
    # 256: more processors than one port's connections are usefully spread over.
    workers: int | Literal["auto"] = setting(
        1,
        WholeOr(1, 256, AUTO_WORKERS),
        "how many processes serve; `auto`: one for each processor that may be used",
        Variable(name="LORO_WORKERS"),
    )
    # 8 KiB: nginx (large_client_header_buffers) and Apache (LimitRequestLine) take that much.
    max_target_bytes: int = setting(8192, Whole(256, 65536), "the longest path and query")
    # 32 KiB: nginx's four buffers of 8 KiB.
    max_header_bytes: int = setting(32768, Whole(1024, 1048576), "all header lines of a request together")
    # 100: Apache's LimitRequestFields.
    max_headers: int = setting(100, Whole(8, 10000), "how many header lines a request may have")
    # 16 MiB: a long conversation with some pictures in it; the usual 2 MiB and 4 MiB refuse those.
    max_body_bytes: int = setting(16777216, Whole(1024, 1073741824), "the largest request body")
    # 256 KiB: decoding, reading and sending on a body of that size takes some 10 ms, the most that a live stream should
    # wait for another's request; docs/decisions/0006 has the measurements.
    aside_bytes: int | Literal["never"] = setting(
        262144,
        WholeOr(16384, 1073741824, NEVER),
        "a chat request with a larger body is served by a process of its own, `never`: like any other; "
        "so are all where there are local models or an admin key",
    )
    header_timeout_s: float = setting(10.0, Number(0.1, 600), "how long a client may take to send a request's head")
    body_timeout_s: float = setting(30.0, Number(0.1, 3600), "how long a client may take to send a request's body")
    write_timeout_s: float = setting(
        30.0, Number(0.1, 3600), "how long a client may leave what is written to it unread"
    )
    # Longer than the 120 s of LiveKit's pool: of two ends, the one that sends next should be the first to let go.
    keep_alive_s: float = setting(130.0, Number(0, 3600), "how long a connection without a request is kept")
    # Less than the 30 s that Kubernetes gives a pod between the request to end and the kill.
    drain_s: float = setting(25.0, Number(0, 3600), "how long replies under way may go on once loro is asked to end")
    max_connections: int = setting(1000, Whole(1, 100000), "how many clients may be connected to a worker at once")
    cors_origins: tuple[str, ...] = setting(
        ("*",),
        Names('origins like "https://example.com", or "*"', _ORIGIN),
        "the origins whose pages may call loro",
    )
    cors_credentials: bool = setting(False, Flag(), 'whether such pages may send cookies; not together with "*"')
    grpc_addr: tuple[str, int] | None = setting(
        None, Address(), "the address of the gRPC face, of the older system's; checked, and used once that is there"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """`[models.small]`, which acknowledges, and `[models.large]`, which answers.

    provider, base_url, name and api_key say which model it is: setting one of them, or writing the table, makes the
    model a configured one.
    """

    provider: str = setting(
        "auto",
        Text("lower-case letters, digits and hyphens", NAME),
        "the plugin that speaks the service's protocol; `auto` finds out; `local`: the local model `name`",
        Variable(name="{TABLE}_MODEL_PROVIDER"),
    )
    base_url: str | None = setting(
        None,
        Url(),
        "where the service is, up to and with `/v1` for OpenAI's protocol",
        Variable(name="{TABLE}_MODEL_BASE_URL"),
        shown_default="`https://api.siliconflow.cn/v1`; another provider than `auto` or `openai`: its own",
    )
    name: str | None = setting(
        None,
        Text("the model's name as the service knows it", r"\S(.*\S)?"),
        "the model's name at the service",
        Variable(name="{TABLE}_MODEL_NAME"),
        shown_default="small: `Qwen/Qwen2-1.5B-Instruct`, large: `deepseek-ai/DeepSeek-V2.5`; "
        "another provider than `auto` or `openai`: required",
    )
    api_key: Secret | None = setting(  # noqa: RUF009 - it makes a field
        None,
        ApiKey(),
        "the service's key, or `none`",
        Variable(name="{TABLE}_MODEL_API_KEY"),
        shown_default="required; another provider than `auto` or `openai`: none",
    )
    connect_timeout_s: float = setting(5.0, Number(0.05, 300), "until a connection stands")
    first_token_timeout_s: float = setting(
        30.0,
        Number(0.1, 3600),
        "from the start of a streamed call, retries included, to its first token",
        Variable(name="HTTP_TIMEOUT_SECS", kind=Number(5, 300), table="models.large"),
        shown_default="`30`; `6` for a model that a fallback stands behind",
    )
    idle_timeout_s: float = setting(
        30.0,
        Number(0.1, 3600),
        "between two pieces of a stream; a live stream has no total limit",
        Variable(name="HTTP_TIMEOUT_SECS", kind=Number(5, 300), table="models.large"),
    )
    # 600 s: what the OpenAI clients wait.
    reply_timeout_s: float = setting(600.0, Number(1, 86400), "a whole call that does not stream")
    max_retries: int = setting(
        3, Whole(0, 10), "further tries after the first, before the first token only", Variable(name="MAX_RETRIES")
    )
    prewarm: bool = setting(
        True, Flag(), "whether a connection is made at the start, so that the first call need not wait for one"
    )
    http2: bool = setting(
        False, Flag(), "whether the service is called over HTTP/2; needs `pip install 'loro-core[http2]'`"
    )
    drop_fields: tuple[str, ...] = setting(
        (), Names("request fields", r"\S(.*\S)?"), "request fields that the service refuses; they are left out"
    )
    extra_fields: Mapping[str, Json] = setting(nothing(), Fields(), "request fields that every call carries")
    options: Mapping[str, Json] = setting(nothing(), Fields(), "the provider's own settings")

    def deployment(self, name: str) -> Deployment:
        """Return the model as a deployment called `name`."""
        return Deployment(
            name=name,
            provider=self.provider,
            base_url=self.base_url or "",
            model=self.name or "",
            api_key=self.api_key,
            connect_timeout_s=self.connect_timeout_s,
            first_token_timeout_s=self.first_token_timeout_s,
            idle_timeout_s=self.idle_timeout_s,
            reply_timeout_s=self.reply_timeout_s,
            max_retries=self.max_retries,
            prewarm=self.prewarm,
            http2=self.http2,
            drop_fields=frozenset(self.drop_fields),
            extra_fields=self.extra_fields,
            options=self.options,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSettings(ModelSettings):
    """`[models.fallback]` and `[models.fallback2]`: who answers where the one before does not.

    What is said of models holds for them, but nothing is guessed: where they are and which model they are must be told.
    """

    base_url: str | None = setting(
        None,
        Url(),
        "where the service is, up to and with `/v1` for OpenAI's protocol",
        Variable(name="{TABLE}_MODEL_BASE_URL"),
        shown_default="required; another provider than `auto` or `openai`: its own",
    )
    name: str | None = setting(
        None,
        Text("the model's name as the service knows it", r"\S(.*\S)?"),
        "the model's name at the service",
        Variable(name="{TABLE}_MODEL_NAME"),
        shown_default="required",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeSettings:
    """`[hedge]`: when a fallback is asked beside an answering model that is silent."""

    after_s: float | None = setting(
        None,
        Number(0.05, 3600, off="auto"),
        "how long the model may be silent; `auto` learns it from its latest answers",
    )
    # 0.05: as many as the tail that is hedged when all goes well.
    share: float = setting(0.05, Number(0, 1), "the share of answers that may be hedged, beside 2 in a row; 0: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySettings:
    """`[reply]`: how replies are made."""

    policy: str = setting(
        "adaptive",
        Text("lower-case letters, digits and hyphens", NAME),
        "the policy that decides about acknowledgements: `direct`, `race`, `instant`, `adaptive` or a plugin's",
    )
    words_deadline_s: float = setting(
        5.0,
        Number(0.01, 30),
        "how long the small model may take in `race` before a phrase takes its place",
        Variable(name="SMALL_MODEL_TIMEOUT_SECS", kind=Number(1, 30)),
    )
    quick_deadline_s: float = setting(
        0.18, Number(0, 30), "how long the small model may take to better a phrase in `adaptive`"
    )
    slack_s: float = setting(0.3, Number(0, 30), "an answer that is this early needs no acknowledgement")
    client: str | None = setting(
        None,
        Choice(tuple(PROFILES)),
        "the voice client that requests come from, where they do not show it",
        shown_default="`pipecat`'s rules, which harm nobody",
    )
    floor_s: float = setting(
        0.0, Number(0, 30), "the client speaks nothing earlier than this; in `adaptive`, words are held until then"
    )
    first_turn: bool = setting(
        True, Flag(), "whether the user's first turn of a conversation is acknowledged in `adaptive`"
    )
    # 5 s: OpenAI's clients try again after 0.5 to 8 s; who wants another answer to the same question takes longer.
    adopt_within_s: float = setting(
        5.0,
        Number(0, 60),
        "an identical request of the same call, this soon after the first, gets the reply in the making; 0: never",
    )
    progress: bool = setting(
        True, Flag(), "whether more is said after the acknowledgement while the answer does not come"
    )
    announce_tools: bool = setting(
        True, Flag(), "whether a line is said before a tool call that would follow silence; not in `direct`"
    )
    # 5 s: LiveKit gives up after 10 s without a byte, and a busy machine may be late.
    comment_after_s: float = setting(
        5.0, Number(0, 60), "a stream on which nothing was written for this long gets a comment; 0: never"
    )
    max_tokens_limit: int = setting(8192, Whole(1, 10000000), "the largest `max_tokens` that a client may ask for")
    temperature: float | None = setting(
        0.7, Number(0, 2, off="none"), "what the answering model gets if the client names none; `none` leaves it out"
    )
    stream_default: bool = setting(False, Flag(), "whether a request that does not say `stream` is streamed")
    apology: str = setting(
        "", Text("a text, empty to say nothing", blank=True), "what is said when an answer breaks off; empty: nothing"
    )
    words_prompt: str | None = setting(
        None, Text("an instruction"), "the small model's instruction", shown_default="built in"
    )
    platform_fields: tuple[str, ...] = setting(
        (),
        Names("request fields", r"\S(.*\S)?"),
        "more request fields that are a voice platform's own and never sent upstream",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsSettings:
    """`[words]`: the operator's own acknowledgements, over those that come with loro."""

    files: tuple[str, ...] = setting(
        (), Names("phrase files", r"\S(.*\S)?"), "phrase files that add to the built-in one and replace parts of it"
    )
    override: Mapping[str, Json] = setting(
        nothing(), Fields(), 'single parts of the phrase book, like `"en.greeting" = ["Welcome!"]`'
    )
    tools: Mapping[str, Json] = setting(
        nothing(),
        Fields(),
        'what is said before calls of single tools, like `get_weather = { en = "Let me look outside." }`',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """`[metrics]`: what is counted."""

    window: int = setting(
        10000,
        Whole(100, 100000),
        "how many of the latest replies the averages and quantiles of `/metrics` rest on",
        Variable(name="STATS_MAX_ENTRIES"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[log]`: what is written to standard error."""

    level: str = setting(
        "info",
        Choice(("trace", "debug", "info", "warn", "error")),
        "the least severe lines that are written",
        Variable(name="LOG_LEVEL"),
    )
    format: str = setting("text", Choice(("text", "json")), "lines for people, or an object a line")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSettings:
    """`[plugins]`: what is loaded beside the installed plugins."""

    modules: tuple[str, ...] = setting(
        (), Names("Python modules, like my_plugin or my.plugin", _MODULE), "modules to load as plugins"
    )
    strict: bool = setting(False, Flag(), "whether a plugin that does not load stops the start")
    disabled: tuple[str, ...] = setting(
        (), Names("entry point names", r"\S(.*\S)?"), "installed plugins that are not loaded"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a setting comes from. shown: its value as the operator may see it. where: "default", "loro.toml:3", ..."""

    shown: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of it.

    small: the acknowledging model; None lets phrases acknowledge. large: the answering model.
    fallbacks: who answers where it does not, in this order.
    demo: no model was configured, so both are scripted ones.
    models: the local models, in the order in which they are written; those of `config_dir` come last.
    pairs: by name. remotes: gateways that requests may be handed to.
    Deployments whose provider is `models.LOCAL` stand for local models: their `model` is a name or an alias
    of `models`, and they have no address.
    sources: by key path ("server.port"); the keys of a model that is not configured are missing.
    warnings: what was not there, when they were read, of what the local models need.
    """

    server: ServerSettings
    small: Deployment | None
    large: Deployment
    fallbacks: tuple[Deployment, ...]
    demo: bool
    reply: ReplySettings
    hedge: HedgeSettings
    words: WordsSettings
    metrics: MetricsSettings
    log: LogSettings
    plugins: PluginSettings
    scheduler: SchedulerSettings
    admin: AdminSettings
    models: tuple[Model, ...]
    pairs: Mapping[str, Pair]
    remotes: tuple[RemoteServer, ...]
    sources: Mapping[str, Source]
    warnings: tuple[str, ...] = ()

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return self.answering if self.small is None else (self.small, *self.answering)

    @property
    def answering(self) -> tuple[Deployment, ...]:
        """Who may answer, the preferred one first."""
        return (self.large, *self.fallbacks)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every key among the settings, for the log to hide."""
        deployments = (*self.deployments, *(model.deployment for model in self.models))
        keys = (self.admin.key, *(deployment.api_key for deployment in deployments))
        return tuple(key for key in keys if key is not None)


TABLES: Mapping[str, type] = {
    "server": ServerSettings,
    "models.small": ModelSettings,
    "models.large": ModelSettings,
    "models.fallback": FallbackSettings,
    "models.fallback2": FallbackSettings,
    "reply": ReplySettings,
    "hedge": HedgeSettings,
    "words": WordsSettings,
    "metrics": MetricsSettings,
    "log": LogSettings,
    "plugins": PluginSettings,
    "scheduler": SchedulerSettings,
    "admin": AdminSettings,
}
"""The tables of a configuration file, and the values they become."""

ARRAYS: dict[str, type] = {
    "local_models": LocalModelSettings,
    "llama_servers": LlamaServerSettings,
    "remote_servers": RemoteServer,
}
"""The arrays of tables of a configuration file, and what each of their tables says. They have no variables."""

NAMED: dict[str, type] = {"pairs": PairSettings}
"""The tables of a configuration file that hold tables by name, and what each of those says. They have no variables."""

HTTP_ADDR = Key(
    table="server",
    name="http_addr",
    row=Row(kind=Address(), doc="`host` and `port` in one, in their place", shown_default="not set"),
)
"""The one key that is no setting: it says two others."""


def all_keys() -> Iterator[Key]:
    """Yield every key, table by table."""
    for table, settings in TABLES.items():
        yield from keys_of(table, settings)
        if table == HTTP_ADDR.table:
            yield HTTP_ADDR
