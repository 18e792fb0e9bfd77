"""The models page in a real browser: what it shows, what its buttons do, and where it keeps the key."""

from __future__ import annotations

import json

import pytest
import trio

from loro_core.errors import UpstreamError
from loro_core.models import InstanceState
from tests.app.admin.fakes import GIB, KEY, UPSTREAM_KEY, process, two_models
from tests.page.chromium import open_browser
from tests.page.showing import a_busy_fleet, change, come_in, shown

pytestmark = pytest.mark.slow


def shows(text: str) -> str:
    return f"document.body.innerText.includes({json.dumps(text)})"


def card(name: str, text: str) -> str:
    return (
        f"[...document.querySelectorAll('article')].some(a => a.getAttribute('aria-label') === {json.dumps(name)} "
        f"&& a.innerText.includes({json.dumps(text)}))"
    )


async def happens(seen) -> None:
    """Wait until `seen()` is true: for what the browser makes the server do."""
    with trio.fail_after(10):
        while True:
            if seen():
                return
            await trio.sleep(0.02)


async def test_every_state_can_be_seen(page):
    async with page(a_busy_fleet()) as (tab, _):
        await tab.until(card("qwen3-0.6b", "ready"))
        await tab.until(card("qwen3-8b-instruct-q4", "5 waiting"))
        await tab.until(card("Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q5_K_M", "loading"))
        await tab.until(card("bge-m3", "2 to finish"))
        await tab.until(card("mistral-nemo", "model is corrupted"))
        await tab.until(card("gpt-far", "at http://10.0.0.7:8080/v1"))
        await tab.until(shows("Not loaded (2)"))
        await tab.until(shows("of 16 GiB"))
        pictures = await tab.run(
            "[...document.querySelectorAll('[role=img]')].filter(n => n.checkVisibility()).map(n => n.ariaLabel)"
        )
    assert "3 of 4 slots in use" in pictures and "9 of 48 slots in use" in pictures
    assert any(p.startswith("Memory: qwen3-0.6b 900 MiB, qwen3-8b-instruct-q4 6.2 GiB") for p in pictures)
    assert any(p.startswith("Tokens per second of gpt-far: now 402") for p in pictures)
    assert all(pictures), "every picture has words"


async def test_it_is_live(page):
    fleet = a_busy_fleet()
    async with page(fleet) as (tab, _):
        change(fleet, "qwen3-0.6b", in_flight=1)
        await tab.until(card("qwen3-0.6b", "1 of 4"))
        fleet.instance("phi-4", InstanceState.STARTING)
        await tab.until(card("phi-4", "starting"))
        await tab.until("document.getElementById('feed').innerText.includes('phi-4-1 is starting')")
        await tab.until("document.getElementById('say').textContent === 'phi-4 is starting'")


async def test_a_model_is_loaded_and_unloaded(page):
    fleet = two_models(load_s=0.6)
    async with page(fleet) as (tab, _):
        await tab.click("Load: qwen")
        await tab.until(card("qwen", "loading"))
        await tab.until(shows("qwen is loaded."))
        await tab.until(card("qwen", "ready"))
        change(fleet, "qwen", in_flight=2)
        await tab.click("Unload: qwen")
        await tab.until(shows("2 calls are under way."))
        await tab.press("Escape")
        await tab.until("!document.getElementById('ask').open")
        await tab.click("Unload: qwen")
        await tab.click("Unload now, cut them off")
        await tab.until(card("qwen", "stopping"))
    assert fleet.calls == [("load", "qwen"), ("unload", "qwen", False)]


async def test_a_model_is_drained_after_a_question(page):
    fleet = two_models(load_s=0)
    async with page(fleet) as (tab, _):
        await tab.click("Load: bge")
        await tab.click("Drain: bge")
        assert fleet.calls == [("load", "bge")]
        await tab.click("Drain")
        await tab.until(shows("bge is drained."))
    assert fleet.calls == [("load", "bge"), ("drain", "bge")]


async def test_an_address_is_added_and_removed(page):
    fleet = two_models()
    async with page(fleet) as (tab, _):

        async def fill(**fields: str) -> None:
            for name, text in fields.items():
                await tab.run(f"document.getElementById('new-{name}').value = {json.dumps(text)}")

        await tab.click("Add an address")
        await fill(name="far", url="nowhere", slots="8", key=UPSTREAM_KEY)
        await tab.click("Add")
        await tab.until("document.getElementById('new-wrong').innerText.includes('needs http://HOST')")
        await fill(url="http://10.0.0.7/v1")
        await tab.run("document.getElementById('new-check').click()")
        await tab.click("Add")
        await tab.until(card("far", "at http://10.0.0.7/v1"))
        await tab.until(card("far", "0 of 8"))
        assert await tab.run("document.getElementById('new-key').value") == ""
        assert not await tab.run(f"document.documentElement.outerHTML.includes({json.dumps(UPSTREAM_KEY)})")
        await tab.click("Remove: far")
        await tab.click("Remove")
        await tab.until(f"!({card('far', 'far')})")
    assert fleet.calls == [("register", "far"), ("unregister", "far")]


async def test_what_went_wrong_is_said(page):
    fleet = two_models(load_s=0)
    fleet.failure = UpstreamError("model 'qwen' could not be loaded: out of memory", deployment="qwen")
    async with page(fleet) as (tab, house):
        await tab.click("Load: qwen")
        await tab.until("document.querySelector('[role=alert].toast')?.innerText.includes('out of memory')")
        await tab.click("Reload configuration")
        await tab.until(shows("added: new; changed: qwen; settings: reply.policy; at the next start: server.port."))
        house.problems = ["loro.toml:3: modles is no table"]
        await tab.click("Reload configuration")
        await tab.until(shows("loro.toml:3: modles is no table"))


async def test_the_log_follows(page):
    fleet = two_models(load_s=0)
    fleet.log("qwen").write("first <b>line</b>")
    async with page(fleet) as (tab, _):
        await tab.click("Log: qwen")
        await tab.until("document.getElementById('log-lines').innerText.includes('first <b>line</b>')")
        fleet.log("qwen").write("second")
        await tab.until("document.getElementById('log-lines').innerText.includes('second')")
        await tab.press("Escape")
        await tab.until("!document.getElementById('log').open")
        await happens(lambda: not fleet.log("qwen").followers)


async def test_the_key_is_in_no_address_and_in_the_tab_alone(page):
    async with page(two_models()) as (tab, _):
        state = await tab.run(
            "({url: location.href, local: {...localStorage}, cookie: document.cookie, tab: {...sessionStorage}, "
            "asked: performance.getEntriesByType('resource').map(e => e.name), "
            "typed: document.getElementById('key').value})"
        )
        assert state["tab"] == {"loro-admin-key": KEY}
        assert KEY not in state["url"] and not any(KEY in url for url in state["asked"])
        assert (state["local"], state["cookie"], state["typed"]) == ({}, "", "")
        # A reload does not ask again; forgetting does.
        await tab.run("location.reload()")
        await tab.until("document.getElementById('house')?.hidden === false")
        await tab.click("Forget the key")
        await tab.until("!document.getElementById('door-form').hidden")
        assert await tab.run("sessionStorage.length") == 0


async def test_a_wrong_key_is_told_and_not_kept(page):
    async with page(two_models(), key=None) as (tab, _):
        await tab.until("!document.getElementById('door-form').hidden")
        await tab.run("document.getElementById('key').value = 'wrong'")
        await tab.press("Enter")
        await tab.until("document.getElementById('door-wrong').textContent === 'This is not the admin key.'")
        assert await tab.run("sessionStorage.length") == 0


async def test_a_closed_gateway_is_told_with_what_opens_it(chromium):
    async with shown(two_models(), key=None) as (url, _), open_browser(chromium) as browser:
        tab = await browser.tab()
        await tab.go(url)
        await tab.until(shows("The admin API is closed"))
        await tab.until(shows("LORO_ADMIN_KEY"))
        assert tab.problems == []


async def test_a_gateway_that_goes_is_told_and_one_that_comes_back_too(chromium):
    fleet = two_models()
    async with open_browser(chromium) as browser:
        tab = await browser.tab()
        async with shown(fleet) as (url, _):
            await come_in(tab, url, KEY)
            port = int(url.split(":")[2].split("/")[0])
        await tab.until(shows("The gateway does not answer"))
        async with shown(fleet, port=port):
            await tab.until("!document.getElementById('gone').checkVisibility()")
            await tab.until("document.getElementById('link').textContent === 'live'")


async def test_it_can_be_used_by_keyboard_alone(page):
    """Tab leads to every button that can be seen, in the order they stand; Enter presses them."""
    fleet = two_models(load_s=0)
    async with page(fleet) as (tab, _):
        await tab.until(shows("Not loaded (2)"))
        met = []
        for _ in range(12):
            await tab.press("Tab")
            met.append(await tab.run("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
            if met[-1] == "Load: bge":
                break
        assert [m for m in met if m.startswith(("Reload", "Load", "Log"))] == [
            "Reload configuration",
            "Load: qwen",
            "Log: qwen",
            "Load: bge",
        ]
        await tab.press("Enter")
        await tab.until(card("bge", "ready"))
    assert fleet.calls == [("load", "bge")]


async def test_nothing_of_a_models_name_is_taken_for_markup(page):
    fleet = two_models()
    fleet.log("qwen")
    fleet.instance("bge", InstanceState.FAILED, reason="<img src=x onerror=document.title='hurt'>")
    async with page(fleet) as (tab, _):
        await tab.until(shows("<img src=x"))
        assert await tab.run("document.title") == "loro: models"


async def test_the_policy_runs_nothing_that_is_not_the_pages_own(page):
    async with page(two_models()) as (tab, _):
        ran = await tab.run(
            "(() => { const s = document.createElement('script'); s.textContent = 'window.hurt = 1'; "
            "document.body.append(s); return window.hurt === undefined; })()"
        )
        assert ran
        assert any("Content Security Policy" in problem for problem in tab.problems)
        tab.problems.clear()


async def test_an_event_that_ends_the_stream_does_not_end_the_page(chromium):
    """The gateway drains its streams: the page goes on asking, and listens again."""
    fleet = two_models()
    async with shown(fleet) as (url, _), open_browser(chromium) as browser:
        tab = await browser.tab()
        await come_in(tab, url, KEY)
        for subscriber in list(fleet.subscribers):
            subscriber.close()
        fleet.subscribers.clear()
        await happens(lambda: bool(fleet.subscribers))
        fleet.instance("qwen", InstanceState.STARTING)
        await tab.until(shows("qwen-1 is starting"))


async def test_many_models_do_not_break_the_layout(page):
    fleet = two_models()
    for i in range(40):
        fleet.put(type(fleet.models()[0])(model=process(f"model-{i}-with-a-rather-long-name-{'x' * 60}")))
        fleet.instance(f"model-{i}-with-a-rather-long-name-{'x' * 60}", InstanceState.READY, memory_bytes=GIB)
    async with page(fleet) as (tab, _):
        await tab.until(shows("Running (40)"))
        await tab.call("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)
        await trio.sleep(0.3)
        wide = await tab.run(
            "[...document.querySelectorAll('body *')].filter(n => n.checkVisibility() "
            "&& n.getBoundingClientRect().right > 361 && !n.closest('.scroll')).map(n => n.outerHTML.slice(0, 120))"
        )
        assert wide == []
        await tab.run(
            "(f => { f.value = 'EL-7-'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))"
        )
        await tab.until(shows("Running (1)"))
