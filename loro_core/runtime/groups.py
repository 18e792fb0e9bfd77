"""What a nursery raises, taken apart: trio wraps whatever comes out of one into a group."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup
else:
    from builtins import BaseExceptionGroup

__all__ = ["BaseExceptionGroup", "sole"]


def sole(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one exception that stands for `group`: where failures are kept out of it, these are all Cancelled."""
    first = group.exceptions[0]
    return sole(first) if isinstance(first, BaseExceptionGroup) else first
