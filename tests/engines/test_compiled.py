"""Compiled loops find what NumPy finds: the same states, edges and labels, under the same numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchsim.engines.exhaustive.compiled as compiled_module
import batchsim.engines.exhaustive.search as search_module
from batchsim import BadInputError
from batchsim.batch.policies import POLICIES
from batchsim.engines import compiled_loops
from batchsim.engines.exhaustive import Bounds, Graph
from batchsim.engines.exhaustive.compiled import kernels_for
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.reduction import Reduction
from batchsim.engines.exhaustive.search import Search
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario, scenario_from_data
from batchsim.stores import redis
from tests.engines.test_random_systems import drawn
from tests.engines.test_symmetry import policies, subjects
from tests.trying import examples

pytest.importorskip("numba")
NEVER = 1 << 62
BOUNDS = Bounds(states_max=1_500)


def found(
    system: System[Any],
    worth: int,
    *,
    only_first: bool = False,
    reduces: bool = False,
    merges: bool = True,
    bounds: Bounds = BOUNDS,
) -> Graph:
    """The graph of a system; compiled loops are worth it from so many states on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "CHUNK", 200)
        patch.setattr(search_module, "_MANY", 400)
        patch.setattr(compiled_module, "_WORTH_LOADING", worth)
        patch.setattr(compiled_module, "_WORTH_USING", worth)
        table = StepTable(Layout(system, merges=merges, exchanges=True))
        reduction = Reduction(table.layout) if reduces else None
        search = Search(table, reduction, only_first_edges=only_first)
        search.run(bounds)
    assert search.is_compiled == (worth < NEVER)
    return Graph(search)


def described(graph: Graph) -> list[Any]:
    labels = [
        (each.kind.role.name, each.kind.local, each.kind.position, each.alternative, each.probability, each.fault)
        for each in graph.labels
    ]
    edges = [graph.sources, graph.edge_labels]
    if not graph.is_tree:
        edges += [graph.targets, graph.weights]
    return [
        labels,
        graph.levels_begin,
        graph.transitions,
        graph.rows(slice(None)).tolist(),
        graph.terminals.tolist(),
        [each.tolist() for each in edges],
    ]


def assert_same(system: System[Any], worth: int = 0, **search: Any) -> None:
    by_numpy, compiled = (described(found(system, each, **search)) for each in (NEVER, worth))
    assert compiled == by_numpy


@settings(max_examples=examples(6, searched=100))
@given(subjects, policies, st.booleans(), st.booleans())
def test_batches(scenario: Scenario, policy: str, only_first: bool, reduces: bool) -> None:
    assert_same(scenario.system(POLICIES[policy]), only_first=only_first or reduces, reduces=reduces)


def test_idle_twins_with_different_histories_take_one_step_together() -> None:
    async def serve() -> None:
        while True:
            await redis.blpop("jobs")

    async def ask() -> None:
        for _ in range(3):
            await redis.rpush("jobs", 1)

    actors = (Actor("ask", None, ask), *(Actor("server", number, serve, is_twin=True) for number in range(3)))
    assert_same(System("x", actors, cells=("jobs",)), merges=False)


def test_an_actor_with_many_local_states() -> None:
    async def count(key: str, times: int) -> None:
        for _ in range(times):
            await redis.incr(key)

    programs = {"x": 260, "y": 1}
    actors = tuple(Actor(key, None, partial(count, key, times)) for key, times in programs.items())
    assert_same(System("x", actors, cells=tuple(programs)))


@pytest.mark.parametrize("seed", range(12))
def test_systems_drawn_at_random(seed: int) -> None:
    assert_same(drawn(seed))


def test_it_takes_over_in_mid_search_and_where_it_is_large() -> None:
    scenario = scenario_from_data(
        {"name": "x", "batch": {"items": 2}, "consumers": 2, "faults": [{"redeliver": {"at_most": 1}}]}
    )
    system, bounds = scenario.system(POLICIES["pr4397"]), Bounds(states_max=30_000)
    assert_same(system, 10_000, only_first=True, bounds=bounds)


def test_a_reduced_search_in_which_who_was_chosen_is_held_back() -> None:
    scenario = scenario_from_data(
        {
            "name": "x",
            "batch": {"items": 2},
            "items": {"kind": "rejected"},
            "faults": [{"cut": {"attempt": 1, "after_items": 1}}],
        }
    )
    assert_same(scenario.system(POLICIES["pr3777"]), only_first=True, reduces=True)


def test_a_cell_that_goes_before_those_who_begin_with_it_is_told() -> None:
    async def come_and_go() -> None:
        await redis.set("gate", 1)
        await redis.delete("gate")

    async def guest() -> None:
        await redis.incr("x")

    actors = (Actor("come_and_go", None, come_and_go), Actor("guest", None, guest, begins_with="gate"))
    system: System[Any] = replace(System("x", actors, cells=("gate", "x")), is_guarded=True)
    for worth in (NEVER, 0):
        with pytest.raises(BadInputError, match="takes away the cell 'gate', with which guest begins"):
            found(system, worth)


@pytest.mark.parametrize("limit", ["WAYS_MAX", "POSITIONS_MAX", "LOCALS_MAX", "COLUMNS_MAX"])
def test_what_is_too_much_for_it_is_left_to_numpy(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has so many bits for each of these."""
    monkeypatch.setattr(compiled_module.kernels_for(NEVER), limit, 1)
    scenario = scenario_from_data({"name": "x", "batch": {"items": 1}, "faults": [{"crash": {"at_most": 1}}]})
    assert_same(scenario.system(POLICIES["pr3427"]))


def test_where_numba_is_missing_or_does_not_work_numpy_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(compiled_loops, "find_spec", lambda _: None)
        compiled_module._loaded.cache_clear()
        assert kernels_for(NEVER) is None

    tries: list[None] = []

    def fail(*_: Any) -> None:
        tries.append(None)
        raise RuntimeError("cannot cache function: no locator available")

    with monkeypatch.context() as patch:
        patch.setattr(compiled_module, "_try_out", fail)
        compiled_module._loaded.cache_clear()
        assert kernels_for(NEVER) is None
        assert kernels_for(NEVER) is None
    assert len(tries) == 1
    compiled_module._loaded.cache_clear()
    assert kernels_for(NEVER) is not None
