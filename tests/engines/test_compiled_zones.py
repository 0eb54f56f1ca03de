"""Compiled loops merge zones as NumPy does: the same zones in the same order, made of the same ones."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchsim.engines.zones.compiled as compiled_module
import batchsim.engines.zones.search as search_module
from batchsim.batch.policies import POLICIES
from batchsim.engines import compiled_loops
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.zones.bounds import Matrices, is_within_any
from batchsim.engines.zones.compiled import kernels_for
from batchsim.engines.zones.layout import TimedLayout
from batchsim.engines.zones.merging import merged
from batchsim.engines.zones.search import ZoneSearch
from batchsim.engines.zones.state_class import Guide
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.windows import NEVER_US, Windows
from batchsim.scenario import scenario_from_data
from tests.trying import examples

pytest.importorskip("numba")
NEVER = 1 << 62


def cut(zone: Matrices, x: int, y: int, bound: int) -> list[Matrices]:
    """The halves of a zone in which one instant is so much after another at most, and in which it is more."""
    halves = []
    for place, most in (((x, y), bound), ((y, x), -bound - 1)):
        half = zone.copy()
        half[place] = min(half[place], most)
        for via in range(len(half)):
            half = np.minimum(half, half[:, via, None] + half[via])
        if (half.diagonal() >= 0).all():
            halves.append(np.where(half > NEVER_US // 2, NEVER_US, half))
    return halves


def pieces(seed: int, cuts: int, size: int, longest: int) -> Matrices:
    """Zones that two others were cut into again and again; the others overlap."""
    random = np.random.default_rng(seed)
    whole = np.full((size, size), NEVER_US if random.random() < 0.2 else longest)
    np.fill_diagonal(whole, 0)
    zones = [whole, whole + random.integers(0, 3) * (1 - np.eye(size, dtype=np.int64))]
    zones[1][zones[1] > NEVER_US // 2] = NEVER_US
    for _ in range(cuts):
        x, y = random.permutation(size)[:2].tolist()
        one = zones.pop(random.integers(len(zones)))
        zones += cut(one, x, y, int(random.integers(-longest, longest + 1)))
    return np.stack(zones)[random.permutation(len(zones))[: random.integers(1, len(zones) + 1)]]


drawn = st.builds(pieces, st.integers(0, 1 << 32), st.integers(0, 30), st.integers(2, 4), st.integers(1, 6))


@settings(deadline=None, max_examples=examples(40, searched=1_000))
@given(drawn)
def test_the_same_zones_of_the_same_ones(zones: Matrices) -> None:
    kernels = kernels_for(NEVER)
    assert kernels is not None
    members = [[number, -number] for number in range(len(zones))]
    before = zones.copy()
    by_numpy, compiled = merged(zones, members), merged(zones, members, kernels)
    assert compiled[0].tolist() == by_numpy[0].tolist()
    assert compiled[1] == by_numpy[1]
    assert (zones == before).all()
    half = len(zones) // 2
    if half:
        within = is_within_any(zones[:half], zones[half:]).tolist()
        assert is_within_any(zones[:half], zones[half:], kernels).tolist() == within


def nodes_found(worth: int) -> list[Any]:
    """What a search finds; compiled loops are worth it from so many pairs of zones on."""
    latency = {name: {"uniform": ["1 ms", "3 ms"]} for name in ("redis", "postgres", "http")}
    scenario = scenario_from_data({"name": "x", "batch": {"items": 2}, "consumers": 2, "latency": latency})
    guide = Guide(StepTable(TimedLayout(scenario.system(POLICIES["pr3427"]), scenario)))
    asked: list[bool] = []

    def kernels(pairs: int) -> ModuleType | None:
        asked.append(pairs >= worth)
        return kernels_for(NEVER) if asked[-1] else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "kernels_for", kernels)
        search = ZoneSearch(ZoneStepper(guide, Windows(scenario.latency_of)))
        search.run(Bounds(states_max=300))
    assert any(asked) == (worth < NEVER)
    return [(node.state_class.row, node.zones.tolist(), node.members) for node in search.nodes]


def test_a_search_goes_on_with_them_as_without() -> None:
    by_numpy = nodes_found(NEVER)
    assert nodes_found(0) == nodes_found(1_000) == by_numpy


def test_they_are_loaded_for_what_is_large_and_numpy_goes_on_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_module, "_KERNELS", "batchsim.engines.zones.no_kernels")
    assert kernels_for(0) is None
    monkeypatch.setattr(compiled_loops, "find_spec", lambda _: None)
    compiled_module._loaded.cache_clear()
    assert kernels_for(NEVER) is None
    compiled_module._loaded.cache_clear()
