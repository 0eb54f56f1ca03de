"""One profile for all property tests, and which tests are slow.

Property tests try the same examples in every run, and have no deadline on shared machines.
"""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from batchsim.report import progress
from tests.short import short_pages
from tests.trying import examples

settings.register_profile(
    "batchsim", max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""New examples in every run: `python -m tests.search`."""
settings.load_profile("batchsim")

# However busy the machine is, what is printed to standard error is the same.
progress.ELSEWHERE_S = 1e6

# Whoever runs the tests in the background may have had Ctrl-C ignored, which programs started here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent
SLOW = frozenset(
    line for line in (TESTS / "slow.txt").read_text().splitlines() if line and not line.startswith("#")
)
"""Tests as pytest names them, all parameters of one together."""


@pytest.fixture
def few_runs_of_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer runs in which cases of a window are looked for, where a test asks for something else."""
    from batchsim.analysis.window import finding

    monkeypatch.setattr(finding, "QUIET", examples(50, searched=finding.QUIET))
    monkeypatch.setattr(finding, "TRIES_BEYOND", examples(80, searched=finding.TRIES_BEYOND))


@pytest.fixture
def pages_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that say less of all orders and many runs, where a test asks for something else."""
    short_pages(monkeypatch)


ABOUT_ENGINES = {TESTS / "engines", TESTS / "peers"}


@pytest.fixture(autouse=True)
def _series(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No search or sweep of a test goes by how much there was in the tests before it.

    Tests of engines begin with none, and step by NumPy. Others are about what is said of an exploration: it takes
    the compiled loops, as in a program that has explored much, and half of the time.
    """
    from batchsim.engines.exhaustive import compiled
    from batchsim.engines.timed import compiled as compiled_runs

    monkeypatch.setattr(compiled_runs, "_MADE", [0])
    is_about_engines = request.path.parent in ABOUT_ENGINES
    monkeypatch.setattr(compiled, "_found_in_series", 0 if is_about_engines else compiled._WORTH_LOADING)


PAGES = TESTS / "pages"


def pytest_collection_finish() -> None:
    """Garbage is looked for less often, and not in what is imported, which stays: that took a tenth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow ones; a name that no test has any more is an error where all are collected.

    Pages come first: each of them keeps a browser for long, and none is to be what all others wait for.
    """
    items.sort(key=lambda item: PAGES not in item.path.parents)
    found = set()
    for item in items:
        name = item.nodeid.partition("[")[0].removeprefix("tests/")
        if name in SLOW:
            found.add(name)
            item.add_marker(pytest.mark.slow)
    names_all = not config.args or [Path(each) for each in config.args] in ([Path("tests")], [TESTS])
    if names_all and not config.option.keyword and found != SLOW:
        raise pytest.UsageError(f"tests/slow.txt: found no test {', '.join(sorted(SLOW - found))}")
