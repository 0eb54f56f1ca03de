"""Bounds and Ctrl-C are looked at from the first moment, wherever a search is at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from batchsim.batch.policies import POLICIES
from batchsim.engines.chain import explore_exact
from batchsim.engines.exhaustive import Bounds, Level, explore, search
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.scouting import send_scouts
from batchsim.engines.zones import explore_timed
from batchsim.scenario import Scenario, load_scenario, scenario_from_data

POLICY = POLICIES["pr3427"]
SMALL = scenario_from_data({"name": "small", "batch": {"items": 2}})


def reduced(scenario: Scenario, policy: Any, **options: Any) -> Any:
    return explore(scenario, policy, reduces=True, **options)


def memoryless() -> Scenario:
    return load_scenario("scenarios/memoryless.yaml")


@pytest.fixture(autouse=True)
def looks_at_every_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "LOOK_S", 0.0)


@pytest.fixture
def small_graphs_are_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules["batchsim.engines.exhaustive.explore"], "WHOLE_STATES_MAX", 20)


@pytest.mark.usefixtures("small_graphs_are_reduced")
@pytest.mark.parametrize(
    ("look_at", "scenario"),
    [(explore, SMALL), (reduced, SMALL), (explore_timed, SMALL), (explore_exact, None)],
    ids=["explore", "reduced", "timed", "exact"],
)
def test_a_search_ends_at_whichever_look_says_so(look_at: Callable[..., Any], scenario: Scenario | None) -> None:
    scenario = scenario or memoryless()
    looks = 0

    def count(_: Level) -> bool:
        nonlocal looks
        looks += 1
        return True

    whole = look_at(scenario, POLICY, on_level=count)
    assert whole.is_complete
    levels = 60
    assert looks > 5 * levels  # far more than one for each level
    for last in (1, 2, looks // 7, looks // 3, looks // 2, looks - 1, looks):
        seen = 0

        def stop(_: Level, last: int = last) -> bool:
            nonlocal seen
            seen += 1
            return seen < last

        part = look_at(scenario, POLICY, on_level=stop)
        assert (part.is_complete, part.stopped_by) == (False, "interrupted")
        assert seen in (last, last + 1)  # whoever goes before the search, and the search itself
        assert part.verdicts <= whole.verdicts


def test_memory_is_looked_at_within_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first state so much follows that the bound is hit on the way."""
    held = iter([0, 0, 0])
    monkeypatch.setattr(search, "memory_bytes", lambda: next(held, 1 << 40))
    found = explore(SMALL, POLICY, bounds=Bounds(memory_bytes_max=1 << 30))
    assert (found.stopped_by, found.is_complete) == ("stopped at 1,024 MiB of memory (--max-memory)", False)
    assert found.states < 4


def test_scouts_take_no_more_steps_than_a_search_may_have_states() -> None:
    steps = 0

    def look() -> None:
        nonlocal steps
        steps += 1

    table = StepTable(Layout(SMALL.system(POLICY), merges=True))
    send_scouts(table, steps_max=100, look=look)
    assert steps == 101


def test_nothing_before_the_first_look_grows_with_the_square_of_the_batch() -> None:
    """Child runs that can be exchanged know of each other by one list."""
    scenario = scenario_from_data({"name": "large", "batch": {"items": 50}})
    layout = Layout(scenario.system(POLICY), merges=True, exchanges=True)
    groups = {id(role.locals.alike) for role, _ in layout.exchangeable}
    assert (len(groups), len(layout.exchangeable)) == (1, 50)
