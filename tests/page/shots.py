"""`python -m tests.page.shots DIRECTORY`: pictures of the models page, to look at."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import trio

from loro_core.models import InstanceState
from tests.app.admin.fakes import KEY
from tests.page.chromium import find_chromium, open_browser
from tests.page.showing import a_busy_fleet, change, come_in, shown

SAMPLED_S = 12


async def main(directory: Path) -> None:
    await trio.Path(directory).mkdir(parents=True, exist_ok=True)
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium is here; CHROMIUM names one")
    fleet = a_busy_fleet()
    async with shown(fleet) as (url, house), open_browser(program) as browser:
        tab = await browser.tab()
        await tab.go(url)
        await tab.until("!document.getElementById('door-form').hidden")
        await tab.shoot(directory / "door.png", height=620)
        await come_in(tab, url, KEY)
        fleet.now = time.time()
        fleet.instance("phi-4", InstanceState.STARTING)
        fleet.instance("phi-4", InstanceState.STOPPED)
        for i in range(SAMPLED_S):
            change(fleet, "qwen3-0.6b", tokens_per_s=150 + 60 * math.sin(i / 2), in_flight=1 + i % 4)
            change(fleet, "qwen3-8b-instruct-q4", tokens_per_s=38 + 9 * math.cos(i))
            await trio.sleep(1)
        await tab.shoot(directory / "models.png")
        await tab.shoot(directory / "models-dark.png", dark=True)
        await tab.shoot(directory / "models-phone.png", width=390, height=844)
        await tab.shoot(directory / "models-phone-dark.png", width=390, height=844, dark=True)
        await tab.click("Unload: qwen3-8b-instruct-q4")
        await tab.until("document.getElementById('ask').open")
        await tab.shoot(directory / "ask.png")
        await tab.click("Cancel")
        await tab.click("Add an address")
        await tab.shoot(directory / "add.png", height=700)
        await tab.click("Cancel")
        await tab.click("Log: qwen3-8b-instruct-q4")
        await tab.until("document.getElementById('log-lines').children.length > 10")
        await tab.shoot(directory / "log.png", dark=True)
        await tab.click("Close")
        house.problems = ['loro.toml:3: server.port is "x", needs a whole number from 0 to 65535']
        await tab.click("Reload configuration")
        await tab.until("document.querySelector('.toast.bad')")
        await tab.shoot(directory / "toast.png")
    async with shown(fleet, key=None) as (url, _), open_browser(program) as browser:
        tab = await browser.tab()
        await tab.go(url)
        await tab.until("document.body.innerText.includes('closed')")
        await tab.shoot(directory / "closed.png", height=620)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1] if len(sys.argv) > 1 else "page-shots"))
