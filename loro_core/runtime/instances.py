"""One instance of a model as the fleet holds it: what looks after it, and what of it only the fleet knows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import trio

from loro_core.fleet import Deployment
from loro_core.models import InstanceState, InstanceStatus, Model
from loro_core.runtime.log_ring import LogRing


class Supervision(Protocol):
    """What looks after one instance: `runtime.supervisor.Supervisor`, and `Address` for what somebody else serves."""

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the instance, until it was asked to stop and has stopped at the latest.

        After Cancelled nothing of its process is left.
        """

    def start(self) -> None:
        """Want it to run; takes it back if it is draining."""

    def stop(self, drain: bool) -> None:
        """Want it to end; drain: once `idle` was called."""

    def idle(self) -> None:
        """Say that its last call is over."""

    @property
    def status(self) -> InstanceStatus: ...

    @property
    def base_url(self) -> str | None: ...


class Supervise(Protocol):
    """Makes what looks after one instance."""

    def __call__(
        self,
        instance_id: str,
        model: Model,
        *,
        on_change: Callable[[InstanceStatus], None],
        log: LogRing,
        rng: random.Random,
    ) -> Supervision: ...


class Instance:
    """An instance, and what of it only the fleet knows.

    model: as it is configured now; `launch` as it was started. supervisor: looks after it. scope: around its task.
    told: the state that its listeners know. draining: whether its supervisor wants to know when its last call is over.
    over: whether its task has ended. broken: what its supervisor died of, "" while it has not.
    """

    def __init__(self, instance_id: str, model: Model) -> None:
        self.id = instance_id
        self.model = model
        self.scope = trio.CancelScope()
        self.supervisor: Supervision
        self.in_flight = 0
        self.served = 0
        self.failed = 0
        self.tokens_per_s: float | None = None
        self.told: InstanceState | None = None
        self.draining = False
        self.over = False
        self.broken = ""
        self._called: Deployment | None = None

    @property
    def status(self) -> InstanceStatus:
        told = self.supervisor.status
        if self.broken:
            told = replace(told, state=InstanceState.FAILED, reason=self.broken)
        return replace(
            told,
            base_url=self.base_url or None,
            in_flight=self.in_flight,
            slots=self.model.slots,
            served=self.served,
            failed=self.failed,
            tokens_per_s=self.tokens_per_s,
        )

    @property
    def state(self) -> InstanceState:
        return InstanceState.FAILED if self.broken else self.supervisor.status.state

    @property
    def ready(self) -> bool:
        return self.state is InstanceState.READY

    @property
    def lives(self) -> bool:
        return self.state not in (InstanceState.STOPPED, InstanceState.FAILED)

    @property
    def base_url(self) -> str:
        """Where it is called; "" while it has no address."""
        return self.supervisor.base_url or self.model.deployment.base_url

    @property
    def deployment(self) -> Deployment:
        """How it is called."""
        base_url = self.base_url
        if self._called is None or self._called.base_url != base_url:
            self._called = replace(self.model.deployment, base_url=base_url)  # dear, and the same for every call
        return self._called

    def start(self) -> None:
        self.draining = False
        self.supervisor.start()

    def stop(self, *, drain: bool) -> None:
        """Have it stopped, once its calls are over if it is to drain."""
        self.draining = drain
        self.supervisor.stop(drain)
        self.mind_idleness()

    def mind_idleness(self) -> None:
        """Tell its supervisor when a draining one has no more calls."""
        if self.draining and not self.in_flight:
            self.supervisor.idle()

    def renew(self, model: Model | None) -> None:
        """Take in a new configuration, None for none any more: what does not concern the process holds at once."""
        if model is not None and model.launch == self.model.launch:
            self.model, self._called = model, None


class Address:
    """An instance that somebody else serves: ready from its start to its stop, as far as its life goes."""

    def __init__(
        self,
        instance_id: str,
        model: Model,
        *,
        on_change: Callable[[InstanceStatus], None],
        log: LogRing,  # noqa: ARG002  # what it writes stays where it runs
        rng: random.Random,  # noqa: ARG002
    ) -> None:
        self._on_change = on_change
        self.base_url: str | None = None  # its deployment's, which may be configured anew
        self.status = InstanceStatus(
            id=instance_id,
            model=model.name,
            state=InstanceState.STOPPED,
            since=time.time(),
            slots=model.slots,
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    def start(self) -> None:
        self._become(InstanceState.READY)

    def stop(self, drain: bool) -> None:
        self._become(InstanceState.DRAINING if drain else InstanceState.STOPPED)

    def idle(self) -> None:
        if self.status.state is InstanceState.DRAINING:
            self._become(InstanceState.STOPPED)

    def _become(self, state: InstanceState) -> None:
        if self.status.state is not state:
            self.status = replace(self.status, state=state, since=time.time())
            self._on_change(self.status)
