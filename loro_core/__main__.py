"""`python -m loro_core`."""

from __future__ import annotations

import sys

from loro_core.app import cli

if __name__ == "__main__":
    sys.exit(cli.main())
