from __future__ import annotations

import pytest

from tests.app.config.many import Files


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)
