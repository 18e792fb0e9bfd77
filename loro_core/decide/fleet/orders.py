"""What the dispatcher is told, and what it orders. `dispatch` says what follows from what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from loro_core.models import InstanceStatus, Model, Ticket

Outcome = Literal["answered", "failed", "cancelled"]
"""How a call ended. failed: by the instance's fault; what the caller did wrong is "answered"."""


class DispatchSettings(Struct, frozen=True, kw_only=True):
    """What holds for all models together.

    max_instances: processes in all, those on their way in and out among them; None has no bound.
    memory_bytes: what all of them may take; None has no bound.
    max_load: of a model's slots so great a share is given out, 0 to 1, but one at least.
    max_waiting: how many requests may wait for a seat; 0 refuses whom there is none for at once.
    queue_deadline_s: how long one waits at most; a ticket's own deadline may be earlier.
    scale_after_s: a model gets one more instance when a request has waited for it so long.
    turn_s: how long a model is served while another waits for its room (`turns`).
    """

    max_instances: int | None = None
    memory_bytes: int | None = None
    max_load: float = 1.0
    max_waiting: int = 100
    queue_deadline_s: float = 60.0
    scale_after_s: float = 2.0
    turn_s: float = 10.0


# --- events ------------------------------------------------------------------------------------------------------


class Arrived(Struct, frozen=True, kw_only=True):
    """A request wants a seat. Its id was never used before."""

    ticket: Ticket


class Left(Struct, frozen=True, kw_only=True):
    """A caller went away while it waited, or before it knew of its seat, which is free then."""

    ticket_id: int


class Returned(Struct, frozen=True, kw_only=True):
    """A call is over. first_token_s: from its start to its first token; None if none came."""

    instance: str
    ticket_id: int
    outcome: Outcome
    first_token_s: float | None = None


class InstanceChanged(Struct, frozen=True, kw_only=True):
    """A process of ours came into another state, or was measured.

    Only `id`, `state`, `reason`, `memory_bytes` and `load_s` are looked at.
    """

    status: InstanceStatus


class LoadAsked(Struct, frozen=True, kw_only=True):
    """Somebody wants a model loaded, by hand."""

    model: str


class UnloadAsked(Struct, frozen=True, kw_only=True):
    """Somebody wants a model's processes stopped, by hand. drain: their calls are finished first, else they are cut."""

    model: str
    drain: bool = True


class Reconfigured(Struct, frozen=True, kw_only=True):
    """These are the models from now on, by name. settings: None leaves them."""

    models: Mapping[str, Model]
    settings: DispatchSettings | None = None


class Tick(Struct, frozen=True, kw_only=True):
    """It is `Dispatcher.next_at`, or later."""


Event = Arrived | Left | Returned | InstanceChanged | LoadAsked | UnloadAsked | Reconfigured | Tick

# --- actions -----------------------------------------------------------------------------------------------------


class Grant(Struct, frozen=True, kw_only=True):
    """The ticket has a seat at `instance` until `Returned` says that it is over."""

    ticket_id: int
    instance: str
    model: str


class Refuse(Struct, frozen=True, kw_only=True):
    """The ticket gets none. retry_after_s: when it is worth another try. full: too many wait, not too long."""

    ticket_id: int
    model: str
    reason: str
    retry_after_s: float
    full: bool = False


class StartInstance(Struct, frozen=True, kw_only=True):
    """Start a process; from now on its room is taken. It reports every change of state until STOPPED or FAILED."""

    instance: str
    model: Model


class StopInstance(Struct, frozen=True, kw_only=True):
    """Stop a process. drain: it has calls that are finished first; a second order comes when the last one is over."""

    instance: str
    drain: bool
    reason: str


class Forget(Struct, frozen=True, kw_only=True):
    """Nothing is told of this instance any more, and its id may be given again."""

    instance: str


class NotLoaded(Struct, frozen=True, kw_only=True):
    """What somebody asked for by hand, or what is kept loaded, cannot be loaded."""

    model: str
    reason: str


Action = Grant | Refuse | StartInstance | StopInstance | Forget | NotLoaded
