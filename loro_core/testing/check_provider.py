"""Whether a provider keeps the contract of `loro_core.Provider`: every sentence of it, against a scripted upstream.

    async def test_my_provider_keeps_the_contract():
        await check_provider(MyProvider(), openai_bench("mine"))

A bench sets up upstreams of a protocol (`loro_core.testing.bench`). Each check is named for what holds when it passes;
PROVIDER_CHECKS lists them. All of them run, and one AssertionError tells of every one that failed. Under an autojump
clock there is one more check: that a provider sets no deadline of its own.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Collection, Generator
from contextlib import contextmanager

import trio

from loro_core.plugin.api import Provider
from loro_core.testing.bench import CannotPlay, ProviderBench
from loro_core.testing.listening import Trial, jumps
from loro_core.testing.provider_checks import PROVIDER_CHECKS

LONGEST_CHECK_S = 15.0
"""On the real clock; a check takes some tenths of a second."""


async def check_provider(provider: Provider, bench: ProviderBench, *, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the checks that could not be made here, after all others have passed.

    bench: plays scripts in the provider's protocol. without: names of checks that its protocol has no way to meet, as
    "choices_do_not_mix" where there is one choice only.
    Raises AssertionError with a sentence for each check that failed.
    """
    unknown = set(without) - set(PROVIDER_CHECKS)
    assert not unknown, f"there are no checks {sorted(unknown)}; there are {sorted(PROVIDER_CHECKS)}"
    failed: list[str] = []
    skipped: list[str] = []
    # What is there already is not looked through, not even once: in a process with much in it that would take longer
    # than the checks.
    gc.freeze()
    try:
        for name in [name for name in PROVIDER_CHECKS if name not in without]:
            try:
                with _nothing_left_to_collect(), trio.fail_after(math.inf if jumps() else LONGEST_CHECK_S):
                    await PROVIDER_CHECKS[name](Trial(provider=provider, bench=bench))
            except CannotPlay:
                skipped.append(name)
            except AssertionError as error:
                failed.append(f"{name}: {error}")
            except trio.TooSlowError:
                failed.append(f"{name}: it was not done after {LONGEST_CHECK_S:g} s")
    finally:
        gc.unfreeze()
    assert not failed, "\n".join([f"provider '{provider.name}' does not keep the contract", *failed])
    return tuple(skipped)


@contextmanager
def _nothing_left_to_collect() -> Generator[None, None, None]:
    """Check that no async generator is left to the collector, which cannot await what closes it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    left = [str(w.message) for w in warned if issubclass(w.category, ResourceWarning)]
    for other in warned:
        if not issubclass(other.category, ResourceWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    assert not left, f"it left something to the collector: {left[0]}"
