"""Ctrl-C, SIGTERM, SIGHUP, SIGKILL at any moment: one line, the right exit code, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchsim import signals
from tests.processes import is_told, processes_with, wait_until, wait_until_busy

ROOT = Path(__file__).parent.parent
INCIDENT = "scenarios/incident.yaml"
LATE = "tests/golden/timed.yaml"
SWEEP = ("sweep", INCIDENT, "--runs", "1000000", "--workers", "2", "-q")
FINDINGS = ("findings", "--workers", "2", "--items", "2", "-q")
WORTH = ("worth", LATE, "--runs", "10000", "--workers", "2", "-q")
LARGE = ("--set", "batch.items=9", "--policy", "pre3427", "-q")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class Begun:
    """A program that is to be told to end, and all processes that it starts."""

    def __init__(self, directory: Path, *arguments: str, ignored: tuple[int, ...] = ()) -> None:
        self._mark = f"BATCHSIM_TEST_MARK={directory}"
        self.is_over = False

        def ignore() -> None:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "batchsim", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, "BATCHSIM_TEST_MARK": str(directory)},
            preexec_fn=ignore,  # noqa: PLW1509
        )

    @property
    def processes(self) -> int:
        return len(processes_with(self._mark))

    def wait_for_processes(self, count: int) -> None:
        wait_until(lambda: self.processes >= count or self.process.poll() is not None, f"{count} processes")

    def press_ctrl_c(self) -> None:
        """As a terminal does: for all processes of the program, and by some wrappers twice."""
        os.killpg(self.process.pid, signal.SIGINT)
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        self.is_over = True
        wait_until(lambda: self.processes == 0, "nobody left", 20)
        return self.process.returncode, out, err


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Callable[..., Begun]]:
    programs: list[Begun] = []

    def begin(*arguments: str, ignored: tuple[int, ...] = ()) -> Begun:
        programs.append(Begun(tmp_path / str(len(programs)), *arguments, ignored=ignored))
        return programs[-1]

    yield begin
    for each in programs:
        if not each.is_over:
            each.process.kill()
            each.process.communicate()


@pytest.mark.parametrize("command", [SWEEP, ("run", INCIDENT, "--set", "batch.items=100000", "-q")])
def test_ctrl_c_from_the_first_moment(begun: Callable[..., Begun], command: tuple[str, ...]) -> None:
    """Before anything else is imported."""
    program = begun(*command)
    wait_until(lambda: is_told(program.process, signal.SIGTERM), "signals are met")
    program.press_ctrl_c()
    assert program.end() == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("command", "count"),
    [(SWEEP, 2), (SWEEP, 3), (SWEEP, 5), (FINDINGS, 4), (FINDINGS, 5), (WORTH, 4)],
)
def test_ctrl_c_while_workers_start(
    begun: Callable[..., Begun], tmp_path: Path, command: tuple[str, ...], count: int
) -> None:
    """The program itself, who tracks resources, who forks, two workers: as soon as so many are there."""
    program = begun(*command, *into(command, tmp_path))
    program.wait_for_processes(count)
    program.press_ctrl_c()
    code, _, err = program.end()
    assert (code, err.count("\n")) == (130, 1), err
    assert err.startswith("interrupted")
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (SWEEP, "SIGTERM"),
        (FINDINGS, "SIGHUP"),
        (FINDINGS, "SIGKILL"),
        (WORTH, "SIGKILL"),
    ],
)
def test_workers_end_with_their_program(
    begun: Callable[..., Begun], tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    program = begun(*command, *into(command, tmp_path))
    program.wait_for_processes(5)
    number = getattr(signal, name)
    program.process.send_signal(number)
    code, printed, err = program.end()
    if name == "SIGKILL":
        assert code == -number
    else:
        assert (code, printed, err) == (128 + number, "", f"{signals.WORDS[name]}\n")


@pytest.mark.parametrize(("command", "name"), [(SWEEP, "SIGTERM"), (FINDINGS, "SIGHUP"), (WORTH, "SIGTERM")])
def test_all_are_told_at_once(
    begun: Callable[..., Begun], tmp_path: Path, command: tuple[str, ...], name: str
) -> None:
    """As a terminal does that is closed: nobody complains of somebody who was faster."""
    program = begun(*command, *into(command, tmp_path))
    program.wait_for_processes(5)
    number = getattr(signal, name)
    os.killpg(program.process.pid, number)
    assert program.end() == (128 + number, "", f"{signals.WORDS[name]}\n")


SLOW_TO_START = """
import multiprocessing.spawn, time
main = multiprocessing.spawn._main
def late(*arguments):
    time.sleep(60)
    return main(*arguments)
multiprocessing.spawn._main = late
"""


@pytest.mark.parametrize("command", [SWEEP, FINDINGS, WORTH])
def test_nobody_waits_for_a_worker_that_has_not_started_yet(
    begun: Callable[..., Begun], tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that is so busy that a signal comes before it has."""
    (tmp_path / "sitecustomize.py").write_text(SLOW_TO_START)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), *sys.path)))
    program = begun(*command, *into(command, tmp_path))
    program.wait_for_processes(5)
    program.process.send_signal(signal.SIGHUP)
    assert program.end() == (129, "", "hung up\n")


def into(command: tuple[str, ...], directory: Path) -> tuple[str, ...]:
    return ("--out", str(directory / "page")) if command is FINDINGS else ()


def test_an_interrupted_window_is_not_inconclusive(begun: Callable[..., Begun]) -> None:
    program = begun("window", INCIDENT, *LARGE, "--json", "-")
    wait_until_busy(program.process, cpu_s=1.2)
    program.press_ctrl_c()
    assert program.end() == (130, "", "interrupted\n")


def test_what_is_ignored_stays_so(begun: Callable[..., Begun]) -> None:
    """As `nohup` does it."""
    program = begun("explore", INCIDENT, *LARGE, ignored=(signal.SIGHUP,))
    wait_until_busy(program.process, cpu_s=0.6)
    program.process.send_signal(signal.SIGHUP)
    time.sleep(0.05)
    program.process.send_signal(signal.SIGTERM)
    assert program.end() == (143, "", "terminated\n")


# -- the signals themselves ---------------------------------------------------------------------


def spin(seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def press_and(then: Callable[[], object], number: int = signal.SIGINT) -> None:
    with signals.at_work(), signals.orderly():
        signal.raise_signal(number)
        then()


def test_an_orderly_end_that_nobody_begins_is_no_orderly_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "PATIENCE_S", 0.05)
    with pytest.raises(signals.ToldToEnd):
        press_and(spin)
    assert signals.told() == signal.SIGINT


def test_an_orderly_end_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "PATIENCE_S", 0.05)

    def look() -> None:
        signal.raise_signal(signal.SIGINT)  # the same key press
        assert signals.is_asked()
        spin(0.2)

    press_and(look)
    assert signals.told() is None


def test_other_signals_are_not_orderly() -> None:
    with pytest.raises(signals.ToldToEnd):
        press_and(spin, number=signal.SIGTERM)
    assert signals.told() == signal.SIGTERM


def test_ctrl_c_in_a_destructor_is_not_lost() -> None:
    class Slow:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(signals.ToldToEnd), signals.at_work():
        destroy(Slow)


def destroy(kind: type) -> None:
    kind()
    spin()


def test_what_begins_begins_in_whole() -> None:
    done: list[str] = []

    def begin() -> None:
        with signals.held():
            signal.raise_signal(signal.SIGTERM)
            done.append("begun")
        done.append("not reached")

    with pytest.raises(signals.ToldToEnd), signals.at_work():
        begin()
    assert done == ["begun"]


def test_whoever_calls_has_its_own_signals_again() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with signals.at_work():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in numbers] == before
