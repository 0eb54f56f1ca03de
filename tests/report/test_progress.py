"""What is being done is said: on a terminal in a line that vanishes, elsewhere in a line now and then."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from batchsim.engines.exhaustive import Level, explore
from batchsim.report import progress
from batchsim.report.progress import Progress
from batchsim.report.search_progress import SearchProgress
from batchsim.report.sweep_progress import SweepProgress
from batchsim.scenario import scenario_from_data
from batchsim.user_code import UserCodeError, load_from_file
from tests.processes import wait_until


class Shown:
    """All that was written to standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.text(), text, 10)


@pytest.fixture(params=[True, False], ids=["terminal", "no terminal"])
def shown(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shown:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: request.param)
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((60, 20)))
    for name in ("AFTER_S", "EVERY_S", "ELSEWHERE_S"):
        monkeypatch.setattr(progress, name, 0.005)
    return Shown(capsys)


def test_how_much_longer_it_takes_is_what_the_pieces_before_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    work = Progress(10, quiet=True)
    work.begin("one")
    assert work.line().endswith("1 of 10, 0 s")
    clock[0] = 20.0
    work.begin("two")
    assert work.line() == "two, 2 of 10, 20 s, about 3 min left"
    for _ in range(8):
        work.begin("more")
    assert work.line().endswith("10 of 10, 20 s, about 2 s left")


def test_pieces_of_work_are_named_and_counted(shown: Shown) -> None:
    with Progress(3, quiet=False) as work:
        work.begin("loading\x1b[31m one")
        shown.wait_for("loading\\x1b[31m one, 1 of 3, 0 s")
        work.begin("loading two")
        shown.wait_for("loading two, 2 of 3, 0 s")
    text = shown.text()
    assert max(map(len, text.replace("\r\033[K", "\n").splitlines())) < 60
    assert text.endswith("\r\033[K") == ("\r" in text)


def test_a_search_says_how_far_it_is(shown: Shown) -> None:
    with SearchProgress(quiet=False) as search:
        search.begin("pr3427")
        assert search.show(Level(3, 1234, 2000, 56))
        shown.wait_for("pr3427, 1,234 states, frontier 56, ")
        assert search.show(Level(3, 1234, 2000, 0, is_counting=True))
        shown.wait_for("pr3427, 1,234 states found, counting schedules, ")


@pytest.mark.parametrize("counts", [True, False])
def test_an_exploration_says_that_it_counts_once_all_states_are_found(counts: bool) -> None:
    levels: list[Level] = []

    def note(level: Level) -> bool:
        levels.append(level)
        return True

    explore(scenario_from_data({"name": "x", "batch": {"items": 1}}), "pr3766", counts=counts, on_level=note)
    assert [each.is_counting for each in levels] == [False] * (len(levels) - counts) + [True] * counts


def test_a_sweep_says_when_it_will_be_done_by_the_rate_of_all_work(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 101.0, 140.0, 140.2])
    clock = SimpleNamespace(monotonic=lambda: next(times))
    monkeypatch.setattr("batchsim.report.sweep_progress.time", clock)
    runs = SweepProgress(quiet=True)
    told = []
    for known in (40, 50, 440, 490):
        runs.watch(known, 540)
        told.append(runs.how_far())
    assert told == [
        "40 of 540 runs",  # of an earlier sweep
        "50 of 540 runs, 10 a second, 49 s left",
        "440 of 540 runs, 10 a second, 10 s left",
        # Fifty at once are no 250 a second.
        "490 of 540 runs, 11 a second, 4 s left",
    ]


@pytest.mark.parametrize("kind", [Progress, SearchProgress, SweepProgress])
def test_quiet_says_nothing(shown: Shown, kind: type[Progress]) -> None:
    with kind(quiet=True) as work:
        work.begin("loading")
        wait_until(lambda: work.seconds() > 0.03, "some looks")
    assert shown.text() == ""


def test_work_that_does_not_come_back_from_a_users_code_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("batchsim.report.progress.ELSEWHERE_S", 0.05)
    (tmp_path / "own.py").write_text(
        "import time\nbegin = time.monotonic()\nwhile time.monotonic() < begin + 0.4:\n    pass\n"
    )
    with Progress(quiet=False) as shown, suppress(UserCodeError):
        shown.begin("loading")
        load_from_file("own.py:NONE", tmp_path, object)
    assert re.search(r"^progress: loading, 0 s, still in own\.py:[34]$", capsys.readouterr().err, re.MULTILINE)
