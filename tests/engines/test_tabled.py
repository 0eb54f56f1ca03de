"""Runs by table come to what runs by lanes come to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim import scenario_of, simulate
from batchsim.batch.policy import Policy
from batchsim.engines.drawing_ahead import DrawingAhead
from batchsim.engines.timed import Simulation
from batchsim.model.faults import LostState, Outage
from batchsim.model.operation import Alternative, Chance, Footprint, Operation, for_each, touches
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario, load_scenario
from batchsim.stores import redis
from tests.engines.test_random_systems import LATENCY, drawn
from tests.strategies import policies, scenarios, timed_faults
from tests.trying import examples

ACTOR = "one"
NO_STEPS: frozenset[str] = frozenset()
SHIPPED = sorted(path for path in Path("scenarios").glob("*.yaml") if path.stem != "thousand-items")


def is_the_same(scenario: Scenario, policy: Any, runs: int) -> bool:
    """Whether all runs by table are those by lanes; what it gives says that there was one until the end."""
    simulation = Simulation(scenario, policy)
    for seed, ahead in DrawingAhead().draw(range(runs)):
        by_lanes = simulate(replace(scenario, seed=seed), policy, keep=NO_STEPS)
        assert repr(simulation.run(seed, keep=NO_STEPS, drawn=ahead)) == repr(by_lanes)
    return simulation.is_tabled


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario(path: Path) -> None:
    scenario = load_scenario(path)
    is_large = len(scenario.setting.items) > 20
    for name in (scenario.policies[0], scenario.policies[-1]):
        policy = scenario.find_policy(name, scenario.directory)
        assert is_the_same(scenario, policy, 6) is not (is_large or bool(scenario.injected_delays))


@settings(max_examples=examples(25, searched=150))
@given(scenarios(), policies(), st.lists(timed_faults(), max_size=2))
def test_scenarios_drawn_at_random(scenario: Scenario, policy: Policy, faults: list[Any]) -> None:
    # None that has a length of its own, which a file would give a latency.
    befallen = [each for each in faults if not isinstance(each, Outage | LostState)]
    is_the_same(replace(scenario, setting=replace(scenario.setting, faults=tuple(befallen))), policy, 4)


@pytest.mark.parametrize("seed", range(25))
def test_systems_drawn_at_random(seed: int) -> None:
    is_the_same(scenario_of(drawn(seed), redis=LATENCY), None, 6)


@dataclass(frozen=True)
class Count(Operation[int]):
    """Something of one's own, made by a function."""

    count: Callable[[Any], int]
    name = "own.count"
    default_latency = "1 ms"

    def footprint(self) -> Footprint:
        return touches(writes=("n",))

    def apply(self, world: Any) -> int:
        return self.count(world)


def counting(count: Callable[[Any], int], cells: tuple[str, ...] = ("n",)) -> Scenario:
    async def program() -> int:
        answer = await Count(count)
        return answer if await redis.get("n") is None else -answer

    actors = (Actor(ACTOR, None, program, is_judged=True),)
    return scenario_of(System("counting", actors, cells=cells))


def numbers(first: int = 0) -> Iterator[int]:
    while True:
        yield first
        first += 1


def result_of(simulation: Simulation, seed: int) -> Any:
    """What the one actor returned."""
    outcome: Any = simulation.run(seed, keep=NO_STEPS).outcome
    return dict(outcome.results)[ACTOR]


def test_what_is_no_function_of_its_cells_is_not_known_by_them() -> None:
    some = numbers()
    simulation = Simulation(counting(lambda world: next(some)), None)
    results = [result_of(simulation, seed) for seed in range(3)]
    assert len(set(results)) == 3
    assert not simulation.is_tabled
    simulation = Simulation(counting(lambda world: 7), None)
    assert [result_of(simulation, seed) for seed in range(3)] == [7] * 3
    assert simulation.is_tabled


@dataclass(frozen=True)
class EitherWay(Operation[int]):
    """Two ways that go by one name."""

    name = "own.either"
    default_latency = "1 ms"
    has_alternatives = True

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        return Alternative(chance=Chance("half", 0, 0.5), choice=1), Alternative(choice=2)

    def apply_alternative(self, world: Any, alternative: Alternative) -> int:
        number: int = alternative.choice
        return number


def test_ways_with_one_label_are_told_apart() -> None:
    async def program() -> int:
        return await EitherWay()

    scenario = scenario_of(System("either", (Actor(ACTOR, None, program, is_judged=True),), cells=()))
    assert is_the_same(scenario, None, 20)


def of_a_dictionary(world: Any) -> int:
    """The member that was put there first, which is the second in their order."""
    members = world.cells.modify("n", dict)
    members.update({9: 1, 8: 1} if not members else {})
    return next(iter(members))  # type: ignore[no-any-return]


def of_a_frozen_set(world: Any) -> int:
    value = world.cells.read("n")
    world.cells.write("n", frozenset((1,)))
    return isinstance(value, frozenset)


def of_few(world: Any) -> int:
    queue = world.cells.modify("n", lambda: deque(maxlen=1))
    queue.append(1)
    return len(queue)


def of_nothing(world: Any) -> int:
    was_there = "n" in world.cells
    world.cells.write("n", None)
    return was_there


@pytest.mark.parametrize(
    "count",
    [
        of_a_dictionary,
        of_a_frozen_set,
        of_few,
        of_nothing,
    ],
)
def test_what_a_table_would_forget_is_no_table(count: Callable[[Any], int]) -> None:
    """A cell is known by its value there, and a step by its footprint: past either there is more to be seen."""

    async def program() -> tuple[int, ...]:
        await redis.set("m", 5)
        return await Count(count), await Count(count), await redis.get("m") or 0

    actors = (Actor(ACTOR, None, program, is_judged=True),)
    assert not is_the_same(scenario_of(System("odd", actors, cells=("m", "n"))), None, 2)


def test_a_cell_that_counts_only_where_it_is_listed_is_no_hindrance() -> None:
    async def program() -> int:
        await redis.set("m", 5)
        return await redis.get("m") or 0

    actors = (Actor(ACTOR, None, program, is_judged=True),)
    assert is_the_same(scenario_of(System("set", actors, cells=("m",))), None, 2)


def look(world: Any) -> int:
    return len(world.cells.read("another") or "")


@pytest.mark.parametrize(
    ("scenario", "match"),
    [
        (counting(look), "reads another, which its footprint"),
        (counting(lambda world: "another" in world.cells), "reads another, which its footprint"),
        (counting(lambda world: len(world.cells)), "looks at all cells"),
        (counting(lambda world: 7, cells=("m",)), "touches the cell 'n'"),
        (counting(lambda world: world.cells.write("n", object()) or 7), "left .*object"),
    ],
    ids=["undeclared", "asked", "all", "unlisted", "left"],
)
def test_an_error_is_told_as_without_a_table(scenario: Scenario, match: str) -> None:
    told = []
    runs: list[Callable[[], Any]] = [lambda: simulate(scenario), lambda: result_of(Simulation(scenario, None), 0)]
    for run in runs:
        with pytest.raises(Exception, match=match) as error:
            run()
        told.append((type(error.value), str(error.value)))
    assert told[0] == told[1]


def test_errors_of_one_type_that_hold_something_else_lead_to_different_places() -> None:
    async def fail(number: int) -> None:
        if await redis.get(f"c{number}") is None:
            raise KeyError(number)

    async def program() -> int:
        try:
            await for_each(2, 2, fail)
        except KeyError as error:
            number: int = error.args[0]
            return number
        return -1

    actors = (Actor(ACTOR, None, program, is_judged=True),)
    scenario = scenario_of(System("failing", actors, ("c0", "c1")), redis=LATENCY)
    assert is_the_same(scenario, None, 20)
    simulation = Simulation(scenario, None)
    assert {result_of(simulation, seed) for seed in range(20)} == {0, 1}


@pytest.mark.parametrize(("items", "runs"), [(20, 40), (400, 1)])
def test_where_most_is_new_there_is_no_table(items: int, runs: int) -> None:
    """That is found by trying, or known beforehand: hardly a content comes twice."""
    scenario = load_scenario("incident", (f"batch.items={items}", "items.upload=1 s", "ingest_concurrency=20"))
    simulation = Simulation(scenario, scenario.find_policy("pr4397", scenario.directory))
    assert simulation.is_tabled is (runs > 1)
    for seed in range(runs):
        simulation.run(seed, keep=NO_STEPS)
    assert not simulation.is_tabled


async def with_a_list() -> int:
    seen = []

    async def lane(number: int) -> None:
        seen.append(await redis.incr("n"))

    await for_each(2, 2, lane)
    return sum(seen)


async def with_a_number() -> int:
    highest = 0

    async def lane(number: int) -> None:
        nonlocal highest
        highest = max(highest, await redis.incr("n"))

    await for_each(2, 2, lane)
    return highest


async def round_by_round() -> int:
    for turn in range(2):

        async def lane(number: int) -> None:
            await redis.incr("n")
            await redis.rpush("log", turn)  # noqa: B023 - it is awaited within the turn

        await for_each(2, 2, lane)
    return await redis.llen("log")


@pytest.mark.parametrize("program", [with_a_list, with_a_number, round_by_round])
def test_a_variable_that_coroutines_side_by_side_share_has_what_they_wrote(program: Any) -> None:
    async def count() -> None:
        for _ in range(3):
            await redis.incr("n")

    actors = (Actor(ACTOR, None, program, is_judged=True), Actor("other", None, count))
    scenario = scenario_of(System[Any]("shared", actors, cells=("n", "log")), redis=LATENCY)
    assert is_the_same(scenario, None, 30) is False


@dataclass(frozen=True)
class About(Operation[None]):
    """About an item, or about none."""

    about: int | None
    name = "own.about"
    default_latency = {"uniform": ["1 ms", "60 ms"]}  # noqa: RUF012 - as it is written in a scenario

    @property
    def item(self) -> int | None:
        return self.about

    def apply(self, world: Any) -> None:
        """It only takes its time."""


def test_a_draw_for_an_item_is_the_same_after_draws_for_none() -> None:
    async def program() -> int:
        await About(None)
        await About(0)
        await About(None)
        await About(1)
        return await redis.get("n") or 0

    async def count() -> None:
        for _ in range(60):
            await redis.incr("n")

    actors = (Actor(ACTOR, None, program, is_judged=True, draws_by_item=True), Actor("clock", None, count))
    assert is_the_same(scenario_of(System[Any]("items", actors, cells=("n",)), redis="2 ms"), None, 20)
