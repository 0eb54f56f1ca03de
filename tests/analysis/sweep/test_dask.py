"""A real Dask cluster of two workers takes the same path, to the same result."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from batchsim import load_scenario, sweep
from batchsim.analysis.sweep import dask_crew
from batchsim.bad_input import BadInputError

pytest.importorskip("distributed")

INCIDENT = load_scenario("scenarios/incident.yaml")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import distributed

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster


def test_a_cluster_comes_to_the_same_result(cluster: Any) -> None:
    policies = ["pre3427", "pr3766"]
    with dask_crew(cluster.scheduler_address, None) as (executor, workers):
        assert workers == 2
        result = sweep(INCIDENT, policies, runs=200, executor=executor, workers=workers)
    assert result == sweep(INCIDENT, policies, runs=200, workers=1)


def _who(_: int) -> int:
    time.sleep(0.1)
    return os.getpid()


def test_a_cluster_of_its_own_has_as_many_workers_as_were_asked_for() -> None:
    with dask_crew(None, 2) as (executor, workers):
        assert workers == 2
        assert len(set(executor.map(_who, range(8)))) == 2


def test_a_cluster_without_workers_is_one_message() -> None:
    import distributed

    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(BadInputError, match="found no workers"),
        dask_crew(cluster.scheduler_address, None),
    ):
        pass


def test_no_scheduler_is_one_message() -> None:
    with pytest.raises(BadInputError, match="--scheduler nowhere: found no scheduler"), dask_crew("nowhere", None):
        pass


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInputError, match=r"pip install 'batchsim\[dask\]'"), dask_crew(None, None):
        pass


def test_dask_is_imported_only_where_it_is_asked_for() -> None:
    code = "import batchsim, sys; batchsim.sweep; print('distributed' in sys.modules, 'matplotlib' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False", "False"]
