"""The vocabulary of models that loro starts, watches and schedules: what they are, how they run, who waits for them.

Values only. A *model* is what a client names; an *instance* is one place that serves it: a process of ours, or an
address it was registered at. A *seat* is the right to have one call under way at one instance; a *ticket* is a request
that waits for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from loro_core.fleet import Deployment

LOCAL = "local"
"""The provider of a deployment that stands for models of the fleet: its `model` is their name or an alias of theirs."""


class ModelKind(Enum):
    """What a model is asked for; one server may serve several kinds."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    SPEECH = "speech"


class InstanceState(Enum):
    """Where an instance is in its life; `decide.fleet.lifecycle` has the table of moves."""

    STOPPED = "stopped"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"
    WAITING = "waiting"
    """It died and is started again after a pause."""
    FAILED = "failed"
    """It died too often; it is left alone until somebody asks for it by hand or its configuration changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a model's server is started.

    kind: which kind of worker it is ("llama-server", "vllm", "command", ...), for people.
    command: the program and its arguments. "{port}" stands for the instance's port, "{host}" for its address, each
        filled in at every start, anywhere in an argument; "{{" and "}}" are braces.
    directory: where it is started; None for where loro was. environment: what its variables are beside loro's own.
    port: 0 takes a free one for each start. Another one allows only one instance.
    health_path: answers 2xx once the model can be called. base_path: where its OpenAI-like face begins.
    load_timeout_s: from the start of the process to the first good health answer.
    stop_grace_s: from SIGTERM to SIGKILL of the process group.
    """

    kind: str
    command: tuple[str, ...]
    directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int = 0
    health_path: str = "/health"
    base_path: str = "/v1"
    load_timeout_s: float = 120.0
    stop_grace_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, as configured or registered.

    name: unique. aliases: further names; several models may share one, and then each may serve what asks for it.
    kinds: what it may be asked for; at least one.
    deployment: how its instances are called: provider, the upstream's name for the model, key, timeouts. For a
        registered address also its `base_url`; for a process `base_url` is "" and every instance has its own.
    launch: None for an address that somebody else serves.
    slots: calls that one instance takes at once, >= 1.
    min_instances, max_instances: how many processes there may be; an address has exactly one instance.
    weight: its share where several models or instances are weighed, >= 1.
    memory_bytes: what one instance takes; None: measured once one is ready, and until then taken for its file's size
        where that is known (`size_bytes`).
    idle_ttl_s: an instance that nobody has used for so long, counted from the end of its last call, is stopped; None
        keeps it.
    pinned: it is never stopped to make room, and is loaded at the start.
    priority: whom a queue prefers when models wait for the same room; higher first.
    context_tokens, capabilities: for /v1/models; what is not known is None or empty.
    source: where it was configured ("loro.toml:12", "models/qwen.toml") or "registered".
    """

    name: str
    deployment: Deployment
    aliases: tuple[str, ...] = ()
    kinds: frozenset[ModelKind] = frozenset({ModelKind.CHAT})
    launch: Launch | None = None
    slots: int = 1
    min_instances: int = 0
    max_instances: int = 1
    weight: int = 1
    memory_bytes: int | None = None
    size_bytes: int | None = None
    idle_ttl_s: float | None = 600.0
    pinned: bool = False
    priority: int = 0
    context_tokens: int | None = None
    capabilities: tuple[str, ...] = ()
    source: str = ""


def serving(models: Mapping[str, Model], name: str) -> list[Model]:
    """Return who of `models` is called `name`: the one whose name it is, else all whose alias it is, in order."""
    own = models.get(name)
    return [own] if own is not None else [model for model in models.values() if name in model.aliases]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request that waits for a seat.

    id: unique. models: the names of those that may serve it, the preferred one first; at least one.
    caller: whose turn it is counted as, for fairness between callers.
    cost: how much work it is, in characters of its prompt, >= 1.
    prefix: hashes of its prompt's growing beginnings, the shortest first; requests that share a beginning share hashes.
    call: the conversation it belongs to; "" if that is not known.
    arrived, deadline: on the runtime's clock.
    avoid: instances that have failed it already.
    """

    id: int
    models: tuple[str, ...]
    caller: str = ""
    cost: int = 1
    prefix: tuple[int, ...] = ()
    call: str = ""
    arrived: float = 0.0
    deadline: float = float("inf")
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An instance as a balancing policy sees it: ready, with a free slot, of a model that the ticket may have.

    instance: its id. model: its name. in_flight < slots. weight >= 1.
    first_token_s: peak-EWMA of its time to the first token; None before the first. last_picked: on the runtime's clock,
    None if never. served: how many calls it was picked for.
    matched: how many of the ticket's prefix hashes it has seen lately, from the shortest on. holds_call: whether it
    served the ticket's conversation last.
    """

    instance: str
    model: str
    in_flight: int
    slots: int
    weight: int = 1
    first_token_s: float | None = None
    last_picked: float | None = None
    served: int = 0
    matched: int = 0
    holds_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """What is told of one instance.

    id: "NAME-1". pid, base_url: None while it has none. since: when it came into its state, seconds since 1970.
    reason: why it is in it, where that is not plain ("exited with status 1", "no good health answer within 120 s").
    memory_bytes: measured (RSS of its process group), None for an address. restarts: since it was last asked for.
    """

    id: str
    model: str
    state: InstanceState
    since: float
    in_flight: int = 0
    slots: int = 1
    pid: int | None = None
    base_url: str | None = None
    reason: str = ""
    memory_bytes: int | None = None
    restarts: int = 0
    load_s: float | None = None
    served: int = 0
    failed: int = 0
    tokens_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """What is told of one model. waiting: tickets in its queue. queue_p95_s: of its latest calls."""

    model: Model
    instances: tuple[InstanceStatus, ...] = ()
    waiting: int = 0
    queue_p95_s: float | None = None

    @property
    def leading(self) -> InstanceStatus | None:
        """The instance that says how the model is: a ready one if there is one; of several the longest in its state."""
        return min(self.instances, key=lambda i: (_MOST_USEFUL_FIRST.index(i.state), i.since), default=None)

    @property
    def state(self) -> InstanceState:
        """The state of the leading instance, STOPPED if there is none."""
        return InstanceState.STOPPED if self.leading is None else self.leading.state

    @property
    def in_flight(self) -> int:
        """How many of its calls are under way."""
        return sum(instance.in_flight for instance in self.instances)

    @property
    def slots(self) -> int:
        """How many calls it takes at once, as it runs now."""
        return sum(instance.slots for instance in self.instances if instance.state is InstanceState.READY)


_MOST_USEFUL_FIRST = (
    InstanceState.READY,
    InstanceState.LOADING,
    InstanceState.STARTING,
    InstanceState.WAITING,
    InstanceState.DRAINING,
    InstanceState.STOPPING,
    InstanceState.FAILED,
    InstanceState.STOPPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that an instance wrote. at: seconds since 1970. stream: "stdout" or "stderr"."""

    at: float
    instance: str
    stream: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """Something that happened to a model. kind: "state", "registered", "unregistered", "reloaded", "log"."""

    kind: str
    at: float
    model: str
    instance: str = ""
    state: InstanceState | None = None
    reason: str = ""
