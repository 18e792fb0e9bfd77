from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.app.admin.fakes import KEY, FakeFleet, Gatehouse
from tests.page.chromium import Tab, find_chromium, open_browser
from tests.page.showing import come_in, shown


@pytest.fixture(scope="session")
def chromium() -> str:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is here (Debian: apt-get install chromium); CHROMIUM names one")
    return program


@pytest.fixture
def page(chromium: str):
    """Return how a tab is opened on the page of a fleet, past its door; it must have had no problem in the end."""

    @asynccontextmanager
    async def open_page(
        fleet: FakeFleet, key: str | None = KEY, **options: Any
    ) -> AsyncIterator[tuple[Tab, Gatehouse]]:
        async with shown(fleet, **options) as (url, house), open_browser(chromium) as browser:
            tab = await browser.tab()
            if key is None:
                await tab.go(url)
            else:
                await come_in(tab, url, key)
            yield tab, house
            assert tab.problems == []

    return open_page
