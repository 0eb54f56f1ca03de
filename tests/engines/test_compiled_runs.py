"""Runs by compiled loops come to what runs by table come to, which come to what lanes come to."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchsim.engines.timed.compiled as compiled_module
import batchsim.engines.timed.compiled_runs as compiled_runs_module
from batchsim import explore, scenario_of
from batchsim.analysis.sweep.pieces import Piece, run_piece
from batchsim.batch.policy import Policy
from batchsim.engines import compiled_loops
from batchsim.engines.sampling import leg_sampler
from batchsim.engines.timed import Simulation
from batchsim.engines.timed import columns as c
from batchsim.engines.timed.compiled import kernels_for
from batchsim.engines.timed.compiled_runs import Seeds
from batchsim.engines.timed.laid_out import LaidOut, Memory
from batchsim.engines.timed.laid_out_latencies import numbers_of
from batchsim.engines.timed.tabled import NotTabled
from batchsim.model.faults import LostState, Outage
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Chance,
    EndsEarly,
    Footprint,
    Operation,
    Timer,
    both,
    choose,
    for_each,
    sleep,
    touches,
)
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario, load_scenario
from batchsim.scenario.latencies import Backoff, Exponential, Latency, Legs, Lognormal, Normal, RoundTrip, Uniform
from batchsim.stores import redis
from tests.engines.test_random_systems import LATENCY, drawn
from tests.strategies import LATENCIES, policies, scenarios, timed_faults
from tests.trying import examples

pytest.importorskip("numba")
VERY_MANY = 1 << 40
NO_STEPS: frozenset[str] = frozenset()
SHIPPED = sorted(path for path in Path("scenarios").glob("*.yaml") if path.stem != "thousand-items")
REFUSED = {"idempotency", "outbox"}
EXAMPLES = sorted(path for path in Path("examples").glob("*.yaml") if path.stem not in REFUSED)


@pytest.fixture(scope="module", name="kernels")
def the_kernels() -> ModuleType:
    """They are asked for as nobody else does: how many runs a process has made is left as it is."""
    found = compiled_module._loaded()
    assert found is not None
    return found


def compiled_of(scenario: Scenario, policy: Any, runs: int, kernels: ModuleType) -> int:
    """How many runs are compiled; each comes to what it comes to by table."""
    simulation, by_table = Simulation(scenario, policy), Simulation(scenario, policy)
    found = [*simulation.ends(Seeds(range(runs // 2)), kernels)]
    found += simulation.ends(Seeds(range(runs // 2, runs)), kernels)
    for seed, end in enumerate(found):
        if end is not None:
            trace = by_table.run(seed, keep=NO_STEPS)
            assert repr(end.outcome) == repr(trace.outcome), seed
            assert list(end.faults) == [times > 0 for times in trace.faults], seed
    return sum(end is not None for end in found)


@pytest.mark.parametrize("path", [*SHIPPED, *EXAMPLES], ids=lambda path: path.stem)
def test_every_shipped_scenario(path: Path, kernels: ModuleType) -> None:
    scenario = load_scenario(path)
    for name in dict.fromkeys((scenario.policies[0], scenario.policies[-1])):
        policy = scenario.find_policy(name, scenario.directory)
        compiled = compiled_of(scenario, policy, 20, kernels)
        if len(scenario.setting.items) <= 20:  # of more, too little comes twice
            assert compiled == (20 if Simulation(scenario, policy).is_tabled else 0)


@settings(max_examples=examples(25, searched=150))
@given(scenarios(), policies(), st.lists(timed_faults(), max_size=2))
def test_scenarios_drawn_at_random(
    kernels: ModuleType, scenario: Scenario, policy: Policy, faults: list[Any]
) -> None:
    befallen = tuple(each for each in faults if not isinstance(each, Outage | LostState))
    compiled_of(replace(scenario, setting=replace(scenario.setting, faults=befallen)), policy, 6, kernels)


@pytest.mark.parametrize("seed", range(40))
def test_systems_drawn_at_random(seed: int, kernels: ModuleType) -> None:
    compiled_of(scenario_of(drawn(seed), redis=LATENCY), None, 8, kernels)


@pytest.mark.parametrize("seed", range(12))
def test_timers_that_are_started_anew_run_out_when_the_last_start_says(seed: int, kernels: ModuleType) -> None:
    """Sooner than before, or later; some who wait are woken by one, and some by both."""
    some = random.Random(seed)
    steps = [(some.choice("ab"), f"{some.randrange(1, 9)} s", f"{some.randrange(4000)} ms") for _ in range(6)]

    async def hold() -> None:
        for key, lives, pause in steps:
            await redis.set(key, 1, ex=lives) if some_of(key) else await redis.expire(key, lives)
            await sleep(pause)

    def some_of(key: str) -> bool:
        return key == "a" or seed % 2 == 0

    async def look() -> tuple[Any, ...]:
        seen = []
        for _ in range(8):
            await sleep("1700 ms")
            seen.append((await redis.get("a"), await redis.get("b")))
        return tuple(seen)

    actors = (Actor("holder", None, hold), Actor("looker", None, look, is_judged=True))
    parts = (redis.expiring("a"), redis.expiring("b"))
    scenario = scenario_of(System("timers", actors, cells=("a", "b"), parts=parts), redis=LATENCY)
    assert compiled_of(scenario, None, 30, kernels) == 30


def test_of_those_who_wait_alike_the_first_to_come_is_the_first_to_be_served(kernels: ModuleType) -> None:
    async def take(number: int) -> None:
        await sleep("5 ms")
        await redis.set(f"got:{number}", await redis.blpop("queue"))

    async def all_take() -> None:
        await for_each(3, 3, take)

    async def fill() -> None:
        await sleep("60 ms")
        for number in range(3):
            await redis.rpush("queue", number)

    cells = ("queue", *(f"got:{number}" for number in range(3)))
    system = System[Any]("served", (Actor("taker", None, all_take), Actor("filler", None, fill)), cells=cells)
    assert compiled_of(scenario_of(system, redis=LATENCY), None, 30, kernels) == 30


@dataclass(frozen=True)
class Knock(Operation[int]):
    """It lets those look who wait for the door; the third time it is there."""

    name = "own.knock"
    default_latency = "1 ms"
    may_unblock = True

    def footprint(self) -> Footprint:
        return touches(writes=("door", "knocks"))

    def unblocks(self) -> tuple[str, ...]:
        return ("door",)

    def apply(self, world: Any) -> int:
        knocks: int = 1 + (world.cells.read("knocks") or 0)
        world.cells.write("knocks", knocks)
        if knocks == 3:
            world.cells.write("door", 1)
        return knocks


def test_nobody_begins_with_a_cell_before_it_is_there(kernels: ModuleType) -> None:
    async def knock() -> None:
        for _ in range(4):
            await Knock()

    async def enter() -> int:
        return await redis.get("knocks") or 0

    actors = (Actor("one", None, knock), Actor("other", None, enter, begins_with="door", is_judged=True))
    scenario = scenario_of(System[Any]("door", actors, cells=("door", "knocks")), redis=LATENCY)
    assert compiled_of(scenario, None, 10, kernels) == 10
    (end,) = Simulation(scenario, None).ends(Seeds([1]), kernels)
    assert end is not None
    assert end.outcome.result_of("other") in {3, 4}


@dataclass(frozen=True)
class Begin(Operation[None]):
    """A timer begins to run; whoever waits at the gate looks when it has run out."""

    key: str
    name = "own.begin"
    default_latency = "1 ms"
    may_unblock = True

    def footprint(self) -> Footprint:
        return touches(writes=(self.key,))

    def timer(self) -> Timer:
        return Timer(self.key, "own.delay")

    def unblocks(self) -> tuple[str, ...]:
        return ("gate",)

    def apply(self, world: Any) -> None:
        world.cells.write(self.key, 1)


@dataclass(frozen=True)
class Delay(Operation[None]):
    """What timers take."""

    name = "own.delay"
    default_latency = {"uniform": ["1 ms", "60 ms"]}  # noqa: RUF012 - as it is written in a scenario


@dataclass(frozen=True)
class Gate(BlockingOperation[str]):
    """It is passed when a timer has run out, and the first of some."""

    timer_key: str | None
    due: tuple[str, ...]
    name = "own.gate"
    default_latency = "1 ms"

    def footprint(self) -> Footprint:
        return touches(reads=("t1", "t2", "t3"))

    def waits_for(self) -> str:
        return "gate"

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        if None in (world.cells.read(key) for key in ("t1", "t2", "t3")):
            return ()
        return (Alternative("passed", timer=self.timer_key, due=self.due),)

    def apply(self, world: Any) -> str:
        return "passed"


@pytest.mark.parametrize(
    ("timer", "due"), [("t1", ()), ("t1", ("t2", "t3")), (None, ("t2", "t3")), ("t3", ("t1",))]
)
def test_a_way_waits_for_its_timer_and_for_the_first_of_those_that_are_due(
    timer: str | None, due: tuple[str, ...], kernels: ModuleType
) -> None:
    async def begin() -> None:
        for key in ("t1", "t2", "t3"):
            await Begin(key)

    async def count() -> None:
        for _ in range(60):
            await redis.incr("n")

    async def wait() -> int:
        await Gate(timer, due)
        return await redis.get("n") or 0

    actors = (
        Actor("beginner", None, begin),
        Actor("clock", None, count),
        Actor("one", None, wait, is_judged=True),
    )
    timers = dict.fromkeys(("t1", "t2", "t3"), "own.delay")
    system = System[Any]("gate", actors, cells=("t1", "t2", "t3", "n", "gate"), timers=timers)
    assert compiled_of(scenario_of(system, redis="1 ms"), None, 40, kernels) == 40


LARGE = 1 << 33


@settings(max_examples=examples(60, searched=400))
@given(
    LATENCIES
    | st.sampled_from(
        [
            RoundTrip(Uniform(3, LARGE)),
            RoundTrip(Exponential(LARGE, 7)),
            RoundTrip(Exponential(1_000, 200, 1_100)),
            RoundTrip(Normal(50, 20)),
            RoundTrip(Normal(0, 5, 40)),
            RoundTrip(Lognormal(LARGE, 4 * LARGE)),
            Legs(Lognormal(3, 4, 2, 9), Normal(900, 300, 10, 1_000)),
            Legs(Backoff(1), Backoff(4)),
        ]
    ),
    st.integers(),
)
def test_latencies_are_those_of_other_runs(kernels: ModuleType, latency: Latency, seed: int) -> None:
    memory = Memory()
    memory.add([0] * c.HEAD)
    slots = memory.add([0])
    memory.all[c.SLOTS], memory.all[c.SLOTS_COUNT] = slots, 1
    try:
        place = memory.add(numbers_of(latency, memory.add))
    except NotTabled:
        return
    sampler, some = leg_sampler(latency), random.Random(seed)
    for bits in (0, (1 << 64) - 1, *(some.getrandbits(64) for _ in range(300))):
        run = kernels.made(memory.all, 1)
        legs = kernels.legs(memory.all, run, place, np.uint64(bits))
        if run[kernels.STATUS] == c.DONE:
            assert legs == sampler(bits)
        else:  # it says that it does not know how this is rounded
            assert list(run[run[kernels.UNKNOWN_KEY] :][:3]) == [c.DOUBT, place, np.uint64(bits).astype(np.int64)]


def test_what_is_so_near_to_one_half_is_rounded_as_in_other_runs(
    kernels: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of numbers this large some are; without the exact legs no such run would come to its end."""
    latency = {"lognormal": {"median": "400 h", "p99": "700 h"}}
    scenario = scenario_of(drawn(3), redis=latency)
    asked, learn = list[int](), LaidOut.learn

    def learn_and_note(laid_out: LaidOut, key: Sequence[int]) -> None:
        asked.append(key[0])
        learn(laid_out, key)

    monkeypatch.setattr(LaidOut, "learn", learn_and_note)
    assert compiled_of(scenario, None, 30, kernels) == 30
    assert c.DOUBT in asked


def test_a_run_that_needs_more_room_gets_it(kernels: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario("concurrent-ingest")
    policy = scenario.find_policy(scenario.policies[-1], scenario.directory)
    for room_max, compiled in ((1 << 10, 6), (1, 0)):
        monkeypatch.setattr(compiled_runs_module, "_ROOM", 1)
        monkeypatch.setattr(compiled_runs_module, "_ROOM_MAX", room_max)
        assert compiled_of(scenario, policy, 6, kernels) == compiled


@dataclass(frozen=True)
class Odd(Operation[int]):
    """A step that is no function of its cells."""

    seen: list[int]
    name = "own.odd"
    default_latency = "1 ms"

    def apply(self, world: Any) -> int:
        self.seen.append(1)
        return len(self.seen)


def test_a_step_that_cannot_be_known_is_left_to_other_runs(kernels: ModuleType) -> None:
    async def program() -> int:
        return await Odd([])

    actors = (Actor("one", None, program, is_judged=True),)
    simulation = Simulation(scenario_of(System("odd", actors, cells=())), None)
    assert simulation.ends(Seeds(range(3)), kernels) == [None] * 3
    assert not simulation.is_tabled


class Short(EndsEarly):
    """There are two."""

    arrived = 2


def test_who_is_beyond_the_end_goes_no_further(kernels: ModuleType) -> None:
    async def lane(number: int) -> None:
        await redis.incr("begun")
        if number == 2:
            raise Short
        await redis.rpush("done", number)

    async def program() -> Any:
        try:
            return await for_each(4, 4, lane, may_end_early=True)
        except Short:
            return "not all were through"

    system = System[Any]("short", (Actor("one", None, program, is_judged=True),), cells=("begun", "done"))
    scenario = scenario_of(system, redis=LATENCY)
    assert compiled_of(scenario, None, 60, kernels) == 60
    ends = [end.outcome for end in Simulation(scenario, None).ends(Seeds(range(60)), kernels) if end is not None]
    assert {end.result_of("one") for end in ends} == {2, "not all were through"}
    assert {3 in end["done"] for end in ends} == {False, True}


def test_who_ends_without_a_step_lets_only_those_begin_that_there_are(kernels: ModuleType) -> None:
    async def lane(number: int) -> None:
        assert number < 4
        if number == 1:
            await redis.incr("n")

    async def program() -> str:
        await for_each(4, 3, lane)
        return "all"

    system = System[Any]("at once", (Actor("one", None, program, is_judged=True),), cells=("n",))
    scenario = scenario_of(system, redis=LATENCY)
    (end,) = explore(scenario).outcomes
    assert end.outcome.result_of("one") == "all"
    assert compiled_of(scenario, None, 10, kernels) == 10


@dataclass(frozen=True)
class Freed(Operation[str]):
    """A fault holds it back, until a cell is there."""

    name = "own.freed"
    default_latency = "1 ms"
    has_alternatives = True

    def footprint(self) -> Footprint:
        return touches(reads=("free",))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        if world.cells.read("free") is None:
            return (Alternative("held", is_held=True), Alternative())
        return (Alternative(),)

    def apply(self, world: Any) -> str:
        return "freed"


def test_who_is_held_back_looks_again_after_each_step(kernels: ModuleType) -> None:
    async def wait() -> int:
        await Freed()
        return await redis.llen("n")

    async def count() -> None:
        for number in range(20):
            await redis.rpush("n", number)
            if number == 9:
                await redis.set("free", 1)

    actors = (Actor("one", None, wait, is_judged=True), Actor("clock", None, count))
    scenario = scenario_of(System[Any]("held", actors, cells=("free", "n")), redis=LATENCY)
    assert compiled_of(scenario, None, 20, kernels) == 20
    (end,) = Simulation(scenario, None).ends(Seeds([1]), kernels)
    assert end is not None
    assert end.outcome.result_of("one") >= 10


def test_each_opportunity_has_a_number_of_its_own(kernels: ModuleType) -> None:
    async def program() -> tuple[int, ...]:
        return await choose(1, 0), await choose(1, 0), await choose(1, 0)

    scenario = scenario_of(System[Any]("tosses", (Actor("one", None, program, is_judged=True),), cells=()))
    assert compiled_of(scenario, None, 40, kernels) == 40
    ends = Simulation(scenario, None).ends(Seeds(range(100)), kernels)
    assert len({repr(end) for end in ends}) == 8


def test_who_awaits_several_goes_on_with_the_last_of_their_answers(kernels: ModuleType) -> None:
    """Which need not be that of the last effect."""

    async def program() -> int:
        await both(redis.incr("a"), redis.incr("b"))
        return await redis.llen("n")

    async def count() -> None:
        for number in range(60):
            await redis.rpush("n", number)

    legs = {"request": {"uniform": ["0 ms", "2 ms"]}, "response": {"uniform": ["0 ms", "60 ms"]}}
    actors = (Actor("one", None, program, is_judged=True), Actor("clock", None, count))
    system = System[Any]("together", actors, cells=("a", "b", "n"))
    scenario = scenario_of(system, redis="1 ms", operations={"redis.incr": legs})
    assert compiled_of(scenario, None, 40, kernels) == 40


@dataclass(frozen=True)
class OneOfTwelve(Operation[int]):
    """Twelve chances at one opportunity: more than a compiled run remembers."""

    name = "own.twelve"
    default_latency = "1 ms"
    has_alternatives = True

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        ways = (Alternative(str(n), chance=Chance(f"chance {n}", 0, 0.02), choice=n) for n in range(12))
        return (*ways, Alternative(choice=12))

    def apply_alternative(self, world: Any, alternative: Alternative) -> int:
        number: int = alternative.choice
        return number


def test_a_run_that_is_too_much_is_left_to_other_runs(kernels: ModuleType) -> None:
    async def program() -> int:
        return await OneOfTwelve()

    scenario = scenario_of(System("twelve", (Actor("one", None, program, is_judged=True),), cells=()))
    assert 0 < compiled_of(scenario, None, 60, kernels) < 60


async def fail() -> None:
    if await redis.get("there") is None:
        raise KeyError("there")


def test_an_error_of_an_own_coroutine_is_what_the_run_comes_to(kernels: ModuleType) -> None:
    system = System[Any]("failing", (Actor("one", None, fail, is_judged=True),), cells=("there",))
    scenario = scenario_of(system, redis=LATENCY)
    assert compiled_of(scenario, None, 4, kernels) == 4
    (end, *_) = Simulation(scenario, None).ends(Seeds([1]), kernels)
    assert end is not None
    assert [each.error for each in end.outcome.raised] == ["KeyError: 'there'"]


def test_an_outcome_that_a_trace_has_of_its_own_is_no_matter_of_compiled_runs(kernels: ModuleType) -> None:
    system = System[Any]("told", (Actor("one", None, fail),), cells=("there",), trace=lambda run: run)
    assert Simulation(scenario_of(system, redis=LATENCY), None).ends(Seeds([1]), kernels) == [None]


# -- when they are used --------------------------------------------------------------------------


def test_a_piece_of_a_sweep_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    monkeypatch.setattr(compiled_module, "_MADE", [0])
    for worth in (VERY_MANY, 0):
        monkeypatch.setattr(compiled_module, "_WORTH_LOADING", worth)
        monkeypatch.setattr(compiled_module, "_WORTH_COMPILING", worth)
        for name in ("incident", "slow-count", "memoryless"):
            scenario = load_scenario(name)
            policies = tuple(scenario.find_policy(each, scenario.directory) for each in scenario.policies)
            piece = run_piece(Piece(scenario, 7, policies, 3, 50))
            done.append((piece.ends, piece.codes))
    assert done[:3] == done[3:]


def test_they_are_loaded_by_who_makes_many_runs_and_compiled_by_who_makes_very_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled_module, "_MADE", [0])
    is_kept = [False]
    monkeypatch.setattr(compiled_module, "_are_compiled", lambda: is_kept[0])
    monkeypatch.setattr(compiled_module, "_loaded", lambda: compiled_module)
    assert kernels_for(1_999) is None
    assert kernels_for(1) is None
    is_kept[0] = True
    assert kernels_for(0) is not None
    is_kept[0] = False
    assert kernels_for(47_999) is None
    assert kernels_for(1) is not None


def test_where_numba_is_missing_other_runs_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_module, "_MADE", [VERY_MANY])
    monkeypatch.setattr(compiled_module, "_loaded", compiled_module._loaded.__wrapped__)
    monkeypatch.setattr(compiled_loops, "find_spec", lambda name: None)
    assert kernels_for(1) is None
