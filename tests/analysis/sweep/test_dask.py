"""A real Dask cluster of two workers takes the same path, to the same result."""

from __future__ import annotations

import subprocess
import sys
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

    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def test_a_cluster_comes_to_the_same_result(cluster: Any) -> None:
    policies = ["pre3427", "pr3766"]
    with dask_crew(cluster.scheduler_address, None) as (executor, workers):
        assert workers == 2
        result = sweep(INCIDENT, policies, runs=200, executor=executor, workers=workers)
    assert result == sweep(INCIDENT, policies, runs=200, workers=1)


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
