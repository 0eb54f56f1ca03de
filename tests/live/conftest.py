"""Real servers: up once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchsim.engines.live.cells import Lines
from batchsim.engines.live.servers import EXTRA, Servers, embedded, missing_wheels


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    missing = missing_wheels()
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: {EXTRA}")
    with embedded() as servers:
        yield servers


@pytest.fixture
def lines(servers: Servers) -> Iterator[Lines]:
    lines = Lines(servers)
    yield lines
    lines.close()
