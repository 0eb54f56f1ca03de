"""Which lines of batchsim/ the tests run: a plugin of pytest, with `PYTEST_PLUGINS=tests.lines`.

Python 3.11 can only tell a tracer of every line that is run, which doubles the time of the tests. SlipCover puts a
call of its own before each line instead, and Python 3.12 and later can do that themselves. The code that SlipCover
made stays as it is until the end: coroutines are told apart by their code, so none may be exchanged meanwhile.

Processes that tests start are not counted.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import slipcover

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "batchsim")
LIST = ROOT / ".coverage.txt"
"""Where the lines that did not run are listed."""
NEVER_EXCHANGE = -1

_NOTED = slipcover.Slipcover(d_miss_threshold=NEVER_EXCHANGE, source=[PACKAGE])
_MISSING = pytest.StashKey[dict[str, set[int]]]()
_OF_ALL = pytest.StashKey[Counter[str]]()

# Whatever is imported from now on; pytest reads this variable before any conftest.py.
slipcover.ImportManager(_NOTED, slipcover.FileMatcher(sources=[PACKAGE])).__enter__()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist sends what it has seen; without workers it is kept."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["lines"] = _seen()
    elif not session.config.getoption("numprocesses", None):
        _add(session.config, _seen())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    _add(node.config, getattr(node, "workeroutput", {}).get("lines", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The share of all lines, and where the others are listed."""
    missing, of_all = config.stash.get(_MISSING, {}), config.stash.get(_OF_ALL, Counter())
    if not of_all.total():
        return
    LIST.write_text(
        "".join(
            f"{file}: {', '.join(map(str, sorted(lines)))}\n" for file, lines in sorted(missing.items()) if lines
        )
    )
    share = 1 - sum(map(len, missing.values())) / of_all.total()
    terminalreporter.write_line(
        f"{share:.1%} of the lines of batchsim/ ran in the tests' own processes (those that tests start are not "
        f"counted); {LIST.name} lists the others"
    )


def _seen() -> dict[str, tuple[list[int], int]]:
    """For each file the lines that did not run, and how many it has."""
    return {
        file: (lines["missing_lines"], len(lines["missing_lines"]) + len(lines["executed_lines"]))
        for file, lines in _NOTED.get_coverage()["files"].items()
    }


def _add(config: pytest.Config, seen: dict[str, tuple[list[int], int]]) -> None:
    missing = config.stash.setdefault(_MISSING, {})
    of_all = config.stash.setdefault(_OF_ALL, Counter())
    for file, (lines, count) in seen.items():
        missing[file] = missing.get(file, set(lines)) & set(lines)
        of_all[file] = count
