"""A process that owns a fleet of fakes, for tests of what is left when it is gone: writes their pids, then waits."""

from __future__ import annotations

import json
import sys

import trio

from tests.models.fakes import fake_model
from tests.models.live import live_fleet


async def main() -> None:
    """Load two models, one of which takes no SIGTERM, with a third on its way; say so on stdout."""
    async with live_fleet(
        fake_model("a"), fake_model("deaf", "--ignore-sigterm"), fake_model("slow", "--load-s", 60, pinned=True)
    ) as live:
        await live.fleet.load("a")
        await live.fleet.load("deaf")
        while (slow := live.instances("slow")) == [] or slow[0].pid is None:
            await live.fleet.changed()
        pids = [instance.pid for name in ("a", "deaf", "slow") for instance in live.instances(name)]
        sys.stdout.write(json.dumps(pids) + "\n")
        sys.stdout.flush()
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main)
