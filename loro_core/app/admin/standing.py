"""How the models stand, as JSON: the shapes of `GET /-/models`, its events and its log lines.

Keys of upstreams are in none of them: what is told of a deployment is listed here, field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from loro_core.app.admin.fleet import Limits
from loro_core.app.listing import kinds_of
from loro_core.chat import Json
from loro_core.models import FleetEvent, InstanceState, InstanceStatus, LogLine, ModelStatus


def memory_bytes(status: ModelStatus) -> int | None:
    """Return what the model's instances take: measured, else declared; None if neither is known, or nothing runs."""
    declared = status.model.memory_bytes
    running = [i for i in status.instances if i.state not in (InstanceState.STOPPED, InstanceState.FAILED)]
    known = [declared if i.memory_bytes is None else i.memory_bytes for i in running]
    told = [b for b in known if b is not None]
    return sum(told) if told else None


def tokens_per_s(status: ModelStatus) -> float | None:
    """Return what the model's instances write together; None if it is not known of any."""
    told = [i.tokens_per_s for i in status.instances if i.tokens_per_s is not None]
    return sum(told) if told else None


def listing(statuses: Sequence[ModelStatus], limits: Limits) -> dict[str, Json]:
    """Return the body of `GET /-/models`."""
    taken = [b for status in statuses if (b := memory_bytes(status)) is not None]
    processes = sum(1 for s in statuses for i in s.instances if s.model.launch is not None and _is_process(i))
    speeds = [v for status in statuses if (v := tokens_per_s(status)) is not None]
    return {
        "models": [model_json(status) for status in statuses],
        "total": {
            "models": len(statuses),
            "processes": processes,
            "max_processes": limits.max_instances,
            "in_flight": sum(status.in_flight for status in statuses),
            "slots": sum(status.slots for status in statuses),
            "waiting": sum(status.waiting for status in statuses),
            "memory_bytes": sum(taken) if taken else None,
            "memory_limit_bytes": limits.memory_bytes,
            "tokens_per_s": sum(speeds) if speeds else None,
        },
    }


def model_json(status: ModelStatus) -> dict[str, Json]:
    """Return one model as `GET /-/models` lists it."""
    model, lead = status.model, status.leading
    return {
        "name": model.name,
        "aliases": list(model.aliases),
        "kinds": kinds_of(model),
        "runs": "at an address" if model.launch is None else model.launch.kind,
        "url": model.deployment.base_url or None,
        "source": model.source,
        "state": status.state.value,
        "since": None if lead is None else lead.since,
        "reason": "" if lead is None else lead.reason,
        "in_flight": status.in_flight,
        "slots": status.slots,
        "load": status.in_flight / status.slots if status.slots else None,
        "waiting": status.waiting,
        "queue_p95_s": status.queue_p95_s,
        "memory_bytes": memory_bytes(status),
        "tokens_per_s": tokens_per_s(status),
        "served": sum(i.served for i in status.instances),
        "failed": sum(i.failed for i in status.instances),
        "restarts": sum(i.restarts for i in status.instances),
        "pinned": model.pinned,
        "priority": model.priority,
        "weight": model.weight,
        "min_instances": model.min_instances,
        "max_instances": model.max_instances,
        "idle_ttl_s": model.idle_ttl_s,
        "context_tokens": model.context_tokens,
        "capabilities": list(model.capabilities),
        "instances": [instance_json(i) for i in status.instances],
    }


def instance_json(instance: InstanceStatus) -> dict[str, Json]:
    """Return one instance of a model."""
    return {
        "id": instance.id,
        "state": instance.state.value,
        "since": instance.since,
        "reason": instance.reason,
        "in_flight": instance.in_flight,
        "slots": instance.slots,
        "pid": instance.pid,
        "url": instance.base_url,
        "memory_bytes": instance.memory_bytes,
        "tokens_per_s": instance.tokens_per_s,
        "load_s": instance.load_s,
        "served": instance.served,
        "failed": instance.failed,
        "restarts": instance.restarts,
    }


def event_json(event: FleetEvent) -> dict[str, Json]:
    """Return an event as `GET /-/events` tells it."""
    told: dict[str, Json] = {"kind": event.kind, "at": event.at, "model": event.model}
    if event.instance:
        told["instance"] = event.instance
    if event.state is not None:
        told["state"] = event.state.value
    if event.reason:
        told["reason"] = event.reason
    return told


def line_json(line: LogLine) -> dict[str, Json]:
    """Return a line of a log as its followers get it."""
    return {"at": line.at, "instance": line.instance, "stream": line.stream, "text": line.text}


def line_text(line: LogLine) -> str:
    """Return a line of a log for people, without its end: time, instance, and what was written.

    What could move a terminal's cursor or change its colours is shown as an escape.
    """
    at = datetime.fromtimestamp(line.at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = "".join(c if c.isprintable() or c == "\t" else f"\\x{ord(c):02x}" for c in line.text)
    return f"{at} {line.instance} {text}"


def _is_process(instance: InstanceStatus) -> bool:
    return instance.state not in (InstanceState.STOPPED, InstanceState.FAILED, InstanceState.WAITING)
