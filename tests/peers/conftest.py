"""A peer that is not there is said aloud: a skip alone is easily overlooked."""

from __future__ import annotations

import pytest

from tests.peers.spin import missing_tools
from tests.peers.storm import INSTALL, storm_is_installed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end that batchsim was not compared with SPIN or Storm, and how it could be."""
    if missing_tools():
        missing = " and ".join(missing_tools())
        terminalreporter.section("not compared with SPIN")
        terminalreporter.write_line(f"{missing} not found: apt-get update && apt-get install -y spin gcc")
    if not storm_is_installed():
        terminalreporter.section("not compared with Storm")
        terminalreporter.write_line(f"stormpy not found: {INSTALL}")
