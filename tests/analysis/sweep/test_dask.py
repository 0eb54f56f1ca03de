"""A real Dask cluster of two workers takes the same path, to the same result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from batchsim import load_scenario, sweep
from batchsim.analysis.sweep import dask_executor
from batchsim.bad_input import BadInputError
from batchsim.cli import main
from tests.processes import processes_with

pytest.importorskip("distributed")

INCIDENT = load_scenario("scenarios/incident.yaml", ["batch.items=1"])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


def test_a_cluster_comes_to_the_same_result(cluster: Any) -> None:
    policies = ["pre3427", "pr3766"]
    with dask_executor(cluster.scheduler_address, None) as (executor, workers):
        assert workers == 2
        result = sweep(INCIDENT, policies, runs=200, executor=executor, workers=workers)
    assert result == sweep(INCIDENT, policies, runs=200, workers=1)


def test_a_check_on_a_cluster_is_the_same_table(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expects = "expect: {pr3427: ok, pr3766: stuck}\nexpect_explore: {pr3766: ok}\n"
    (tmp_path / "one.yaml").write_text(f"name: one\nbatch: {{items: 1}}\npolicies: [pr3427, pr3766]\n{expects}")
    printed = []
    for options in (["--scheduler", cluster.scheduler_address], ["--workers", "1"]):
        with pytest.raises(SystemExit) as ended:
            main(["check", str(tmp_path), "--no-cache", *options])
        assert ended.value.code == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "3 checks: 2 passed, 1 failed\n" in printed[0]


def test_findings_on_a_cluster_are_the_same(cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--policy", "pr3766", "--fault", "disconnect", "--set", "batch.call=batchTrigger", "--walks", "5"]
    few += ["--scenario", "tests/golden/one.yaml", "--items", "1", "--consumers", "1", "--max-states", "30000"]
    printed = []
    for options in (["--scheduler", cluster.scheduler_address], ["--workers", "1"]):
        with pytest.raises(SystemExit) as ended:
            main(["findings", *few, *options])
        assert ended.value.code == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "pr3766 (second fix), held against pr4397" in printed[0]


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(cluster: Any) -> None:
    """All that it had not told goes to another one, and every run keeps its number."""
    killed: list[int] = []

    def watch(known: int, total: int) -> bool:
        if not killed and 0 < known < total:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)
        return True

    with dask_executor(cluster.scheduler_address, None) as (executor, workers):
        result = sweep(INCIDENT, ["pre3427", "pr3766"], runs=400, executor=executor, workers=workers, watch=watch)
    assert killed
    assert result == sweep(INCIDENT, ["pre3427", "pr3766"], runs=400, workers=1)


def _who(_: int) -> int:
    time.sleep(0.1)
    return os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_cluster_of_its_own_has_as_many_workers_as_were_asked_for_and_nobody_else_can_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler, the workers, and the pages that show what they do."""
    monkeypatch.setenv("BATCHSIM_TEST_MARK", str(tmp_path))
    before = addresses_listened_at(str(tmp_path))
    with dask_executor(None, 2) as (executor, workers):
        assert workers == 2
        assert len(set(executor.map(_who, range(8)))) == 2
        new = addresses_listened_at(str(tmp_path)) - before
    assert len(new) >= 4
    assert {host for host, _ in new} == {"0100007F"}


def addresses_listened_at(mark: str) -> set[tuple[str, str]]:
    """Of this process and of those that it started: address and port, in hexadecimal digits."""
    sockets = set()
    for process in (os.getpid(), *processes_with(mark)):
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                sockets.add(str(handle.readlink()))
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = [line for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    return {(address, port) for address, port in (line[1].split(":") for line in listening)}


def test_a_cluster_without_workers_is_one_message() -> None:
    import distributed

    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(BadInputError, match="found no workers"),
        dask_executor(cluster.scheduler_address, None),
    ):
        pass


def test_no_scheduler_is_one_message() -> None:
    with (
        pytest.raises(BadInputError, match="--scheduler nowhere: found no scheduler"),
        dask_executor("nowhere", None),
    ):
        pass


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInputError, match=r"pip install 'batchsim\[dask\]'"), dask_executor(None, None):
        pass


def test_dask_is_imported_only_where_it_is_asked_for() -> None:
    code = "import batchsim, sys; batchsim.sweep; print('distributed' in sys.modules, 'matplotlib' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]
