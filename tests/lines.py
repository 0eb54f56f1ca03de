"""Which lines of batchsim/ the tests run: a plugin of pytest, with `PYTEST_PLUGINS=tests.lines`.

Python 3.11 can only tell a tracer of every line that is run, which doubles the time of the tests. SlipCover puts a
call of its own before each line instead, and Python 3.12 and later can do that themselves.

Processes that tests start are not counted, nor is what Numba compiles: it knows none of these calls.
"""

from __future__ import annotations

import ctypes
import dis
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
import slipcover
from slipcover.importer import SlipcoverLoader

ROOT = Path(__file__).parents[1]
PACKAGE = str(ROOT / "batchsim")
LIST = ROOT / ".coverage.txt"
"""Where the lines that did not run are listed."""
COMPILED = (
    "batchsim.engines.exhaustive.kernels",
    "batchsim.engines.timed.kernels",
    "batchsim.engines.zones.kernels",
)
OFTEN = 50
"""A line that has run so often is no longer asked."""


class _Noted(slipcover.Slipcover):  # type: ignore[misc]
    """Takes its calls out of lines that have run, which then cost nothing.

    SlipCover would exchange the code for one without them. But coroutines are told apart by their code, so it has
    to stay the same object: what stands before each call for that purpose, and does nothing, becomes a jump over
    it.
    """

    _NOTHING, _JUMP = dis.opmap["NOP"], dis.opmap["JUMP_FORWARD"]

    def __init__(self) -> None:
        super().__init__(d_miss_threshold=OFTEN, source=[PACKAGE])
        self._before_calls: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        """By file and line, the addresses in memory."""

    def instrument(self, co: CodeType, parent: CodeType | None = None) -> CodeType:
        """Put the calls in."""
        code: CodeType = super().instrument(co, parent)
        # In Python 3.11 the instructions stand at the end of the object, after all that has a fixed size.
        begin = id(code) + CodeType.__basicsize__
        for offset, line in self.code2index[code]:
            self._before_calls[code.co_filename, line].append(begin + offset)
        return code

    def deinstrument_seen(self) -> None:
        """A line has run often: take the calls out of all that have run."""
        with self.lock:
            for file, lines in self._get_newly_seen().items():
                self.all_seen[file].update(lines)
                for line in lines:
                    for address in self._before_calls.pop((file, line), ()):
                        instruction = ctypes.c_ubyte.from_address(address)
                        assert instruction.value == self._NOTHING
                        instruction.value = self._JUMP


if sys.version_info >= (3, 12):
    _NOTED = slipcover.Slipcover(source=[PACKAGE])
else:
    _NOTED = _Noted()
_MISSING = pytest.StashKey[dict[str, set[int]]]()
_OF_ALL = pytest.StashKey[Counter[str]]()


class _Finder(MetaPathFinder):
    """Finds modules of batchsim where Python finds them, and puts the calls in.

    SlipCover's own finder leaves alone what pytest rewrites; pytest rewrites all of a package that has a plugin.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Only modules of batchsim that Python runs itself."""
        if not fullname.startswith("batchsim.") or fullname in COMPILED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.origin is not None:
            spec.loader = SlipcoverLoader(_NOTED, spec.loader, spec.origin)
        return spec


# Whatever is imported from now on; pytest reads this variable before any conftest.py.
sys.meta_path.insert(0, _Finder())


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
