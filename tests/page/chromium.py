"""A headless Chromium, driven over two pipes: DevTools messages as JSON, each ended by a zero byte.

Source: chromedevtools.github.io/devtools-protocol; `--remote-debugging-pipe` reads descriptor 3 and writes 4.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ANSWERED_WITHIN_S = 30.0
SEEN_WITHIN_S = 10.0


def find_chromium() -> str | None:
    """Return the program, None if there is none; CHROMIUM names another."""
    return os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


class Tab:
    """One page. problems: what its console called an error, exceptions and refusals of the policy included."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.problems: list[str] = []

    async def call(self, method: str, **params: Any) -> Any:
        return await self._browser.call(method, self._session, **params)

    async def go(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """Return what the expression `script` gives, awaited if it is a promise."""
        done = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, script: str, within_s: float = SEEN_WITHIN_S) -> None:
        """Wait until the expression is true."""
        with trio.move_on_after(within_s):
            while True:
                if await self.run(f"Boolean({script})"):
                    return
                await trio.sleep(0.03)
        shown = await self.run("document.body.innerText")
        raise AssertionError(f"not within {within_s:g} s: {script}\nthe page shows:\n{shown}\n{self.problems}")

    async def click(self, label: str) -> None:
        """Press the visible button that is called `label`, as its accessible name or its text has it."""
        name = json.dumps(label)
        found = (
            "[...document.querySelectorAll('button')].find(b => b.checkVisibility() && !b.disabled && "
            f"(b.getAttribute('aria-label') || b.textContent.trim()) === {name})"
        )
        await self.until(found)
        await self.run(f"{found}.click()")

    async def press(self, key: str) -> None:
        """Press a key and let it go: "Tab", "Enter", "Escape"."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **more
            )

    async def shoot(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Save a picture of the whole page."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[theme])
        await trio.sleep(0.4)
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await trio.Path(path).write_bytes(base64.b64decode(shot["data"]))


class Browser:
    """Made by `open_browser`."""

    def __init__(self, to: trio.lowlevel.FdStream, back: trio.lowlevel.FdStream) -> None:
        self._to, self._back = to, back
        self._number = 0
        self._answers: dict[int, trio.MemorySendChannel[Any]] = {}
        self._tabs: dict[str, Tab] = {}

    async def read(self) -> None:
        rest = b""
        async for data in self._back:
            *messages, rest = (rest + data).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers.pop(message["id"]).send_nowait(message)
                elif message.get("sessionId") in self._tabs:
                    _note(self._tabs[message["sessionId"]], message)

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session is not None:
            asked["sessionId"] = session
        send, receive = trio.open_memory_channel[Any](1)
        self._answers[self._number] = send
        with trio.fail_after(ANSWERED_WITHIN_S):
            await self._to.send_all(json.dumps(asked).encode() + b"\0")
            answer = await receive.receive()
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    async def tab(self) -> Tab:
        """Return a new tab, in a profile of its own."""
        context = await self.call("Target.createBrowserContext")
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=context["browserContextId"])
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = self._tabs[attached["sessionId"]] = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        return tab


def _note(tab: Tab, message: Any) -> None:
    params = message["params"]
    if message["method"] == "Runtime.exceptionThrown":
        tab.problems.append(str(params["exceptionDetails"].get("exception", params)))
    elif message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
        # That a reply has an error's status, or that nobody answers, is told here too; the page tells it itself.
        if params["entry"]["source"] != "network":
            tab.problems.append(params["entry"]["text"])
    elif message["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
        tab.problems.append(str(params["args"]))


@asynccontextmanager
async def open_browser(program: str) -> AsyncIterator[Browser]:
    """Give a running browser; it and all that belongs to it is gone after the block."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="loro-chromium-", ignore_cleanup_errors=True) as profile:
        command = [
            *("bash", "-c", f'exec "$@" 3<&{to_read} 4>&{back_write}', "bash", program),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", "--disable-extensions", "--hide-scrollbars"),
            *("--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"),
        ]
        with (Path(profile) / "stderr").open("wb") as stderr:
            process = await trio.lowlevel.open_process(
                command, pass_fds=(to_read, back_write), stderr=stderr, stdout=stderr, start_new_session=True
            )
        os.close(to_read)
        os.close(back_write)
        async with trio.lowlevel.FdStream(to_write) as to, trio.lowlevel.FdStream(back_read) as back:
            try:
                async with trio.open_nursery() as nursery:
                    browser = Browser(to, back)
                    nursery.start_soon(browser.read)
                    yield browser
                    nursery.cancel_scope.cancel()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                with trio.CancelScope(shield=True):
                    await process.wait()
