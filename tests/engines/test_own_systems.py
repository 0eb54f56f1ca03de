"""What systems of one's own have in all engines: choices, deadlocks, errors, histories, a background."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from batchsim import (
    Exploration,
    explore,
    explore_exact,
    explore_timed,
    over_history,
    scenario_of,
    simulate,
    sometimes,
)
from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.engines.exhaustive.twins import twins_with_programs_of_their_own
from batchsim.engines.timed import Simulation
from batchsim.model.cells import Cells
from batchsim.model.faults import Crash, LostState, Outage, SlowOutage
from batchsim.model.history import HistoryStep
from batchsim.model.injection import with_faults
from batchsim.model.operation import (
    Footprint,
    Operation,
    Program,
    Stopped,
    StoreFailure,
    both,
    choose,
    for_each,
    sleep,
    touches,
)
from batchsim.model.system import DEADLOCK, Actor, System
from batchsim.report.occurrences import why_inconclusive
from batchsim.scenario import Slow
from batchsim.stores import queue, redis
from tests.engines.naive import enumerate_system


class Level(IntEnum):
    ONE = 1


LEGS = {"request": {"exponential": {"mean": "1 ms"}}, "response": {"exponential": {"mean": "2 ms"}}}
SEEDS = range(40)


def schedules_of(found: Exploration) -> dict[Any, int | None]:
    return {(each.outcome, each.verdicts): each.schedules for each in found.outcomes}


def agree(system: System[Any]) -> Exploration:
    """All engines say the same of a system; what the exploration without time found."""
    found = explore(scenario_of(system))
    assert found.is_complete
    assert schedules_of(found) == enumerate_system(system)
    assert schedules_of(explore(scenario_of(system), merges=False)) == schedules_of(found)
    reduced = explore(scenario_of(system), reduces=True)
    assert {(each.outcome, each.verdicts) for each in reduced.outcomes} == {
        (each.outcome, each.verdicts) for each in found.outcomes
    }
    within = explore_timed(scenario_of(system))
    assert within.is_complete
    assert {each.outcome for each in within.outcomes} <= {each.outcome for each in found.outcomes}
    for each in within.outcomes:
        run = simulate(scenario_of(system), order=each.witness.steps, draws=each.witness.draws)
        assert run.outcome == each.outcome
    for seed in SEEDS:
        outcome = simulate(scenario_of(system, seed=seed)).outcome
        assert outcome in {each.outcome for each in within.outcomes}
        assert system.verdicts_of(outcome) in {each.verdicts for each in within.outcomes}
    exact = explore_exact(scenario_of(system, redis=LEGS))
    assert {(each.outcome, each.verdicts) for each in exact.outcomes} == set(schedules_of(found))
    assert sum(each.probability for each in exact.outcomes) == pytest.approx(1)
    return found


def timed(system: System[Any], seed: int) -> Any:
    return simulate(scenario_of(system, seed=seed)).outcome


def actors(*programs: Callable[[], Program[Any]]) -> tuple[Actor, ...]:
    return tuple(Actor(program.__name__, None, program) for program in programs)


# -- without end -------------------------------------------------------------------------------------


async def spin() -> None:
    while await redis.get("x") != 9:
        pass


def test_what_never_ends_is_told_by_every_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchsim.engines.timed.run.EVENTS_MAX", 1_000)
    monkeypatch.setattr("batchsim.engines.exhaustive.sampling_walks.STEPS_MAX", 1_000)
    monkeypatch.setattr("batchsim.engines.chain.solve.STEPS_MAX", 1_000)
    spinning: System[Any] = System("spinning", actors(spin), cells=("x",))
    for found in (explore(scenario_of(spinning)), explore_timed(scenario_of(spinning))):
        assert found.is_complete
        assert not found.outcomes
        assert why_inconclusive(found) == "no schedule comes to an end, so there is nothing to judge"
    ending = "spinning: found a (run|schedule) that has not ended after 1,000 steps(, in which .*)?; allowed: "
    with pytest.raises(BadInputError, match=ending):
        simulate(scenario_of(spinning))
    with pytest.raises(BadInputError, match=ending):
        Walker(spinning).walk(0)
    with pytest.raises(BadInputError, match="a run can come back to a state that it was in"):
        explore_exact(scenario_of(spinning, redis=LEGS))
    # Whoever is in the background keeps no walk from its end.
    behind = replace(spinning, actors=(Actor("spin", None, spin, is_background=True), *actors(twice_the_same)))
    assert Walker(behind).walk(0).outcome["x"] == 2


# -- side by side ------------------------------------------------------------------------------------


async def twice_the_same() -> None:
    await both(redis.incr("x"), redis.incr("x"))


async def again_after_a_failure() -> None:
    """Lanes of the first round are still at it when the second begins, with the same operation."""

    async def lane(number: int) -> None:
        if number == 0:
            raise StoreFailure
        await redis.incr("x")

    for _ in range(2):
        with suppress(StoreFailure):
            await for_each(2, 2, lane)


@pytest.mark.parametrize("program", [twice_the_same, again_after_a_failure])
def test_the_same_operation_may_be_under_way_twice(program: Callable[[], Program[None]]) -> None:
    found = agree(System("twice", actors(program), cells=("x",)))
    assert {each.outcome["x"] for each in found.outcomes} == {2}


# -- choose ------------------------------------------------------------------------------------------


async def decide() -> None:
    if await choose("commit", "abort", None) == "commit":
        await redis.set("row", 1)
        await redis.set("row", 2)


async def look() -> None:
    await redis.set("seen", await redis.get("row"))


CHOOSING: System[Any] = System("choosing", actors(decide, look), cells=("row", "seen"))


def test_every_engine_goes_each_way_of_a_choice() -> None:
    found = agree(CHOOSING)
    by_row = Counter[Any]()
    for (outcome, _), schedules in schedules_of(found).items():
        by_row[outcome["row"]] += schedules or 0
    # Five steps of two actors for one option, and three for each of the others.
    assert by_row == {2: 10, None: 6}
    ways = {step.alternative for each in found.outcomes for step in each.witness if step.name == "choose"}
    assert ways >= {"commit"}
    assert len(ways) > 1


def test_ends_that_python_calls_equal_are_told_apart_by_every_engine() -> None:
    async def put() -> None:
        await redis.set("x", {"1": 1, "True": True, "ONE": Level.ONE}[await choose("1", "True", "ONE")])

    scenario = scenario_of(System("x", (Actor("put", None, put),), cells=("x",)), redis=LEGS)
    counted = {repr(each.outcome["x"]): each.schedules for each in explore(scenario).outcomes}
    assert counted == {"1": 1, "True": 1, repr(Level.ONE): 1}
    for found in (explore(scenario, reduces=True), explore_timed(scenario), explore_exact(scenario)):
        assert {repr(each.outcome["x"]) for each in found.outcomes} == counted.keys()


def test_the_options_of_a_choice_are_equally_likely_where_chance_decides() -> None:
    exact = explore_exact(scenario_of(CHOOSING, redis=LEGS))
    committed = sum(each.probability for each in exact.outcomes if each.outcome["row"])
    assert committed == pytest.approx(1 / 3)
    ends = (timed(CHOOSING, seed) for seed in range(600))
    counted = Counter(end["row"] for end in ends)
    assert 160 < counted[2] < 240


def test_the_choices_of_one_actor_are_drawn_one_by_one() -> None:
    async def toss() -> None:
        for number in range(3):
            await redis.set(f"coin:{number}", await choose(0, 1))

    system: System[Any] = System("coins", actors(toss), cells=("coin:0", "coin:1", "coin:2"))
    assert agree(system).schedules == 8
    ends = {simulate(scenario_of(system, seed=seed)).outcome for seed in range(100)}
    assert len(ends) == 8


def test_options_are_values_that_can_be_told_apart() -> None:
    refused: tuple[tuple[Any, ...], ...] = ((), (1, 1), (1, True), ([],))
    for options in refused:
        with pytest.raises(BadInputError, match=r"choose\(.*allowed: "):
            _ = choose(*options)
    assert [each.label for each in choose(1, "1").alternatives(None)] == ["1", "'1'"]


# -- deadlock ----------------------------------------------------------------------------------------


async def one_way() -> None:
    await redis.blpop("lock:a")
    await redis.blpop("lock:b")
    await redis.rpush("lock:b", 1)
    await redis.rpush("lock:a", 1)


async def other_way() -> None:
    await redis.blpop("lock:b")
    await redis.blpop("lock:a")
    await redis.rpush("lock:a", 1)
    await redis.rpush("lock:b", 1)


def unlocked(cells: Cells) -> None:
    for key in ("lock:a", "lock:b"):
        held: list[int] = cells.modify(key, list)
        held.append(1)


LOCKS: System[Any] = System("locks", actors(one_way, other_way), cells=("lock:a", "lock:b"), begin=unlocked)


def test_two_locks_in_two_orders_are_a_deadlock() -> None:
    found = agree(LOCKS)
    assert Counter({each.verdicts: each.schedules for each in found.outcomes}) == {("deadlock",): 2, ("ok",): 4}
    (end,) = (each.outcome for each in found.outcomes if each.verdicts == ("deadlock",))
    assert end.waiting == ("one_way", "other_way")
    assert any(each.verdict == "deadlock" for each in found.decisive)


async def serve() -> None:
    while True:
        await redis.incr("served", await redis.blpop("queue"))


async def ask() -> None:
    await redis.rpush("queue", 1)


async def crash() -> None:
    await redis.incr("crashed")
    raise Stopped


async def never() -> None:
    await redis.blpop("never")


def test_who_serves_as_a_twin_who_has_stopped_and_who_never_begins_wait_for_nothing() -> None:
    system: System[Any] = System(
        "served",
        (
            *(Actor("server", number, serve, is_twin=True) for number in range(2)),
            Actor("never", None, never, begins_with="gate"),
            *actors(ask, crash),
        ),
        cells=("queue", "served", "crashed", "never", "gate"),
    )
    found = agree(system)
    assert found.verdicts == {"ok"}
    assert {each.outcome.waiting for each in found.outcomes} == {()}


def test_who_has_begun_waits_though_what_it_began_with_is_gone() -> None:
    async def work() -> None:
        await redis.rpush("queue", 1)
        await redis.blpop("never")

    async def open_and_close() -> None:
        await redis.set("gate", 1)
        await redis.blpop("queue")
        await redis.delete("gate")

    late = Actor("late", None, work, begins_with="gate")
    system: System[Any] = System("gate", (late, *actors(open_and_close)), cells=("queue", "never", "gate"))
    found = agree(system)
    assert found.verdicts == {"deadlock"}
    assert {each.outcome.waiting for each in found.outcomes} == {("late",)}


def test_a_lane_that_waits_lets_its_actor_wait() -> None:
    async def in_lanes() -> None:
        async def body(number: int) -> None:
            await redis.blpop(f"box:{number}")

        await for_each(2, 2, body)

    system: System[Any] = System("lanes", (*actors(in_lanes), Actor("ask", None, put)), cells=("box:0", "box:1"))
    assert agree(system).verdicts == {"deadlock"}


async def put() -> None:
    await redis.rpush("box:0", 1)


def test_a_system_may_do_without_built_in_verdicts() -> None:
    waits: System[Any] = System("waits", actors(never), cells=("never",), built_in=())
    assert explore(scenario_of(waits)).verdicts == {"ok"}
    told: System[Any] = System(
        "told", actors(never), cells=("never",), outcome=lambda world, results: len(results)
    )
    with pytest.raises(BadInputError, match=r"of type int has no `waiting`.*built_in=\(\)"):
        explore(scenario_of(told))


# -- sometimes ---------------------------------------------------------------------------------------


SEEN = sometimes("seen", "The row is seen committed.", lambda end: end["seen"] == 2)
LATE = sometimes("late", "The row is seen with what nobody writes.", lambda end: end["seen"] == 3)


@pytest.mark.parametrize("is_of_system", [True, False])
def test_what_no_run_comes_to_is_unreached(is_of_system: bool) -> None:
    of_system, more = ((SEEN, LATE), ()) if is_of_system else ((), (SEEN, LATE))
    system = replace(CHOOSING, properties=of_system)
    found = explore(scenario_of(system), properties=more)
    assert found.unreached == ("late",)
    assert found.verdicts == {"ok"}
    assert explore(scenario_of(system), properties=more, reduces=True).unreached == ("late",)
    assert explore_timed(scenario_of(system), properties=more).unreached == ("late",)
    assert explore_exact(scenario_of(system, redis=LEGS), properties=more).unreached == ("late",)


def test_an_exploration_that_is_not_complete_says_nothing_of_what_is_unreached() -> None:
    found = explore(scenario_of(CHOOSING), properties=(SEEN, LATE), bounds=Bounds(states_max=2))
    assert (found.is_complete, found.unreached) == (False, ())


# -- errors of coroutines ----------------------------------------------------------------------------


async def divide() -> None:
    await redis.set("share", 12 // (await redis.get("count") or 0))
    await redis.set("shared", value=True)


async def count() -> None:
    await redis.set("count", 3)


DIVIDING: System[Any] = System("dividing", actors(divide, count), cells=("count", "share", "shared"))


def test_an_error_of_a_coroutine_is_what_a_run_comes_to() -> None:
    found = agree(DIVIDING)
    assert {each.verdicts: each.schedules for each in found.outcomes} == {("raises",): 1, ("ok",): 1}
    bad = found.outcomes[0]
    ((actor, error, line),) = bad.outcome.raised
    assert (actor, error) == ("divide", "ZeroDivisionError: integer division or modulo by zero")
    file, _, number = line.rpartition(":")
    assert Path(file).resolve() == Path(__file__)
    assert "12 //" in Path(file).read_text().splitlines()[int(number) - 1]
    assert [step.name for step in bad.witness] == ["redis.get", "redis.set"]
    assert (bad.outcome["count"], bad.outcome["share"], bad.outcome.waiting) == (3, None, ())


def test_an_error_ends_all_lanes_of_its_actor_unless_it_is_handled() -> None:
    async def lane(number: int) -> None:
        if await redis.incr("begun") == 1:
            raise ValueError(number)
        await redis.incr("ended")

    async def unhandled() -> None:
        await for_each(3, 2, lane)

    async def handled() -> str:
        try:
            await for_each(3, 2, lane)
        except ValueError as error:
            await redis.set("error", str(error))
            await redis.set("error", str(error) + "!")
        return "handled"

    lanes: System[Any] = System("lanes", actors(unhandled), cells=("begun", "ended", "error"))
    found = agree(lanes)
    assert found.verdicts == {"raises"}
    assert {each.outcome["begun"] for each in found.outcomes} == {1}
    caught = replace(lanes, actors=(Actor("handled", None, handled, is_judged=True),))
    found = agree(caught)
    assert found.verdicts == {"ok"}
    assert {each.outcome["error"] for each in found.outcomes} == {"0!", "1!"}
    assert {each.outcome.result_of("handled") for each in found.outcomes} == {"handled"}


def test_an_error_that_nobody_awaits_any_longer_is_told_too() -> None:
    async def lane(number: int) -> None:
        await redis.incr("begun")
        raise ValueError(number)

    async def handled() -> None:
        try:
            await for_each(2, 2, lane)
        except ValueError:
            await redis.incr("handled")

    found = agree(System("lanes", actors(handled), cells=("begun", "handled")))
    assert found.verdicts == {"raises"}
    assert {each.outcome["handled"] for each in found.outcomes} == {None, 1}


def test_twins_raise_under_the_name_of_their_kind_and_before_their_first_step() -> None:
    async def work() -> None:
        await redis.incr("worked")
        raise KeyError("size")

    async def at_once() -> None:
        raise RuntimeError("at once")

    twins = tuple(Actor("worker", number, work, is_twin=True) for number in range(2))
    late = Actor("late", None, at_once, begins_with="gate")
    system: System[Any] = System("twins", (*twins, late, *actors(at_once)), cells=("worked", "gate"))
    found = agree(system)
    assert {tuple((each.actor, each.error) for each in end.outcome.raised) for end in found.outcomes} == {
        (("at_once", "RuntimeError: at once"), *[("worker", "KeyError: 'size'")] * 2)
    }


def test_a_failure_of_a_store_that_nobody_handles_is_an_error_too() -> None:
    async def work() -> None:
        await redis.incr("worked")
        raise StoreFailure

    found = agree(System("failing", actors(work), cells=("worked",)))
    assert [each.outcome.raised[0].error for each in found.outcomes] == ["StoreFailure"]


def test_errors_of_batchsim_itself_are_not_hidden() -> None:
    async def asks_badly() -> None:
        await redis.incr("worked")
        await choose()

    system: System[Any] = System("bad", actors(asks_badly), cells=("worked",))
    for engine in (explore, explore_timed, explore_exact, simulate):
        with pytest.raises(BadInputError, match=r"choose\(\)"):
            engine(scenario_of(system, redis=LEGS))


def test_who_wants_errors_raised_says_so() -> None:
    early = replace(DIVIDING, actors=actors(divide), built_in=(DEADLOCK,))
    for engine in (explore, explore_timed, explore_exact, simulate):
        with pytest.raises(ZeroDivisionError):
            engine(scenario_of(early, redis=LEGS))


def test_many_runs_that_were_read_raise_the_same() -> None:
    many = Simulation(scenario_of(DIVIDING), None)
    for seed in (*SEEDS, *SEEDS):
        assert many.run(seed).outcome == timed(DIVIDING, seed)


# -- twins -------------------------------------------------------------------------------------------


def twins(*programs: Callable[[], Program[Any]], **fields: Any) -> System[Any]:
    workers = (Actor("worker", number, each, is_twin=True) for number, each in enumerate(programs))
    return System("twins", tuple(workers), cells=("owner", "count", "seen"), **fields)


async def own(number: int) -> None:
    if await redis.get("count") is None:
        await redis.incr("count")
    else:
        await redis.set("owner", number)


async def own_at_first(number: int) -> None:
    await redis.set("owner", number)


async def count_only(number: int) -> None:
    first = await redis.incr("count")
    await redis.set("seen", min(first, 1))


ENGINES: tuple[Callable[..., Any], ...] = (explore, explore_timed, explore_exact)


@pytest.mark.parametrize("engine", ENGINES)
def test_twins_that_do_different_things_are_refused(engine: Callable[..., Any]) -> None:
    later = (
        "twins of kind 'worker' are not alike: after the answers .1.* worker-0 awaits redis.set, .*, and worker-1 "
    )
    for program, why in ((own_at_first, "at first worker-0 awaits redis.set"), (own, later)):
        with pytest.raises(BadInputError, match=why):
            engine(scenario_of(twins(partial(program, 0), partial(program, 1)), redis=LEGS))
    with pytest.raises(BadInputError, match=r"worker-0 awaits redis.*, and worker-1 ends"):
        engine(scenario_of(twins(partial(count_only, 0), nothing), redis=LEGS))


async def nothing() -> None:
    pass


def test_twins_that_do_the_same_are_twins_whatever_their_programs_are() -> None:
    same = agree(twins(partial(count_only, 0), partial(count_only, 0)))
    other = agree(twins(partial(count_only, 0), partial(count_only, 1)))
    assert other.states == same.states
    assert (
        explore(scenario_of(twins(*[lambda number=n: count_only(number) for n in (0, 1)]))).states == same.states
    )
    assert explore(scenario_of(twins(*[lambda: count_only(0) for _ in (0, 1)]))).states == same.states


def test_programs_are_compared_whatever_they_are_made_of() -> None:
    def others(*programs: Callable[[], Program[Any]]) -> int:
        return len(twins_with_programs_of_their_own(tuple(twins(*programs).actors)))

    assert others(partial(takes, (0,)), partial(takes, (0, 1))) == 1
    assert others(partial(takes, [0, 1]), partial(takes, [0, 1])) == 0
    assert others(holding_itself(0), holding_itself(0)) == 0
    assert others(holding_itself(0), holding_itself(1)) == 1


async def takes(numbers: Sequence[int]) -> None:
    await redis.set("seen", len(numbers))


def holding_itself(number: int) -> Callable[[], Program[Any]]:
    def program() -> Program[Any]:
        return count_only(number + 0 * id(program))

    return program


def test_twins_that_differ_after_some_answers_alone_are_found_by_exploring() -> None:
    async def forgets() -> None:
        await redis.get("seen")
        await redis.set("owner", 0)

    async def remembers() -> None:
        seen = await redis.get("seen")
        await redis.set("owner", 0 if seen is None else 1)

    async def see() -> None:
        await redis.set("seen", 1)

    system = twins(forgets, remembers)
    assert explore(scenario_of(system)).is_complete
    with pytest.raises(BadInputError, match=r"after the answers \[1\] worker-0 awaits"):
        explore(scenario_of(replace(system, actors=(*system.actors, *actors(see)))))


def test_twins_that_begin_otherwise_are_refused() -> None:
    workers = (Actor("worker", number, nothing, begins_with=f"cell:{number}", is_twin=True) for number in range(2))
    system: System[Any] = System("twins", tuple(workers), cells=("cell:0", "cell:1"))
    with pytest.raises(BadInputError, match=r"begins_with is 'cell:0' for worker-0, 'cell:1' for worker-1"):
        explore(scenario_of(system))
    judged: System[Any] = System(
        "twins", tuple(Actor("worker", n, nothing, is_twin=True, is_judged=True) for n in range(2)), cells=()
    )
    with pytest.raises(BadInputError, match=r"each is asked what it returned \(is_judged\)"):
        explore(scenario_of(judged))


# -- history -----------------------------------------------------------------------------------------


async def child() -> None:
    await redis.decr("left")


async def parent() -> None:
    await redis.get("left")
    await redis.incr("callback")


def two_left(cells: Cells) -> None:
    cells.write("left", 2)


def early(memory: str, step: HistoryStep) -> str:
    """Whether the callback ran while somebody was left."""
    change = step.change_of("left")
    if change is not None and change.after == 0:
        return "all" if memory == "some" else memory
    return "early" if step.change_of("callback") and memory == "some" else memory


EARLY = over_history(
    "early",
    "The callback ran before the last child ended.",
    start="some",
    update=early,
    holds=lambda memory, end: memory == "early" and end["left"] == 0,
)
FAMILY: System[Any] = System(
    "family",
    (*(Actor("child", number, child, is_twin=True) for number in range(2)), *actors(parent)),
    cells=("left", "callback"),
    begin=two_left,
    properties=(EARLY,),
)


def test_a_verdict_over_history_tells_runs_apart_that_end_alike() -> None:
    found = agree(FAMILY)
    assert {each.verdicts: each.schedules for each in found.outcomes} == {("early",): 6, ("ok",): 6}
    assert len({each.outcome.cells for each in found.outcomes}) == 1
    assert found.outcomes[0].outcome.memory_of("early") == "early"
    assert all("history" not in str(each.outcome.cells) for each in found.outcomes)
    assert any(each.verdict == "early" and each.operation == "redis.incr" for each in found.decisive)


def test_a_property_over_history_may_be_given_to_an_exploration() -> None:
    system = replace(FAMILY, properties=())
    for engine in ENGINES:
        assert engine(scenario_of(system, redis=LEGS), properties=(EARLY,)).verdicts == {"early", "ok"}
    assert explore(scenario_of(system), properties=(EARLY,), reduces=True).verdicts == {"early", "ok"}
    with pytest.raises(BadInputError, match="early: nothing is remembered for it"):
        system.verdicts_of(timed(system, 1), (EARLY,))


def test_a_memory_sees_each_step_with_what_it_changed() -> None:
    def all_of_it(memory: tuple[Any, ...], step: HistoryStep) -> tuple[Any, ...]:
        changes = tuple((each.key, each.before, each.after) for each in step.changes)
        return (*memory, (step.actor, step.name, step.answer, changes))

    log = over_history("log", "It is what it is.", start=(), update=all_of_it, holds=lambda memory, end: False)
    run = simulate(scenario_of(replace(FAMILY, properties=(log,))))
    told = [
        (step.actor.partition("-")[0], step.name, step.answer, [(c.key, c.before, c.after) for c in step.changes])
        for step in run.steps
    ]
    end: Any = run.outcome
    assert [(*each[:3], list(each[3])) for each in end.memory_of("log")] == told
    assert ("child", "redis.decr", 0, [("left", 1, 0)]) in told
    assert all("history" not in key for step in run.steps for key in step.keys_written)
    assert explore(scenario_of(replace(FAMILY, properties=(log,)))).is_complete


def test_what_waits_and_what_is_a_collection_is_remembered_too() -> None:
    def lengths(memory: int, step: HistoryStep) -> int:
        change = step.change_of("queue")
        return memory if change is None else max(memory, len(change.after or ()))

    async def ask_twice() -> None:
        await redis.rpush("queue", 1)
        await redis.rpush("queue", 2)

    long = over_history("long", "The queue grows.", start=0, update=lengths, holds=lambda memory, end: memory > 1)
    servers = (Actor("server", number, serve, is_twin=True) for number in range(2))
    found = agree(System("q", (*servers, *actors(ask_twice)), cells=("queue", "served"), properties=(long,)))
    assert found.verdicts == {"long", "ok"}


def test_memories_that_are_of_no_use_are_refused() -> None:
    def with_update(update: Callable[[Any, Any], Any]) -> System[Any]:
        bad = over_history("bad", "", start=0, update=update, holds=lambda memory, end: False)
        return replace(FAMILY, properties=(bad,))

    def broken(memory: int, step: HistoryStep) -> int:
        raise KeyError(memory)

    for engine in (explore, explore_timed, simulate):
        with pytest.raises(BadInputError, match=r"bad: update raised KeyError: 0, after redis\.\w+ by \w+"):
            engine(scenario_of(with_update(broken)))
        with pytest.raises(BadInputError, match=r"bad: it remembers \[\], of type list; allowed: what has a hash"):
            engine(scenario_of(with_update(lambda memory, step: [])))
    with pytest.raises(BadInputError, match=r"bad: it remembers \[\], of type list; allowed: what has a hash"):
        over_history("bad", "", start=[], update=broken, holds=lambda memory, end: False)  # type: ignore[arg-type]
    other = replace(EARLY, meaning="Another one.")
    with pytest.raises(BadInputError, match="two properties over history named 'early'"):
        explore(scenario_of(FAMILY), properties=(other,))


def test_an_unbounded_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def turn() -> None:
        for _ in range(60):
            await redis.get("x")

    counting = over_history(
        "counting", "", start=0, update=lambda memory, step: memory + 1, holds=lambda memory, end: False
    )
    system: System[Any] = System("turning", actors(turn), cells=("x",), properties=(counting,))
    assert explore(scenario_of(system)).states == 61
    monkeypatch.setattr(sys.modules["batchsim.engines.exhaustive.explore"], "MEMORIES_MAX", 50)
    with pytest.raises(BadInputError, match="counting: more than 50 different memories: it is unbounded"):
        explore(scenario_of(system))
    assert timed(system, 1).memory_of("counting") == 60


# -- in the background -------------------------------------------------------------------------------


async def tick() -> None:
    while True:
        await sleep("1 ms")
        await redis.set("tick", await redis.get("seen"))


async def tick_twice() -> None:
    for _ in range(2):
        await redis.set("tick", await redis.get("seen"))


async def write_and_wait() -> None:
    await redis.set("seen", 1)
    await redis.set("seen", 2)
    if await redis.get("tick") == 1:
        await redis.blpop("never")


def ticking(clock: Callable[[], Program[Any]], **fields: Any) -> System[Any]:
    cron = Actor("cron", None, clock, is_background=True)
    return System("ticking", (cron, *actors(write_and_wait)), cells=("seen", "tick", "never"), **fields)


def test_a_run_is_over_when_only_the_background_could_go_on() -> None:
    system = ticking(tick_twice)
    found = explore(scenario_of(system))
    assert schedules_of(found) == enumerate_system(system)
    assert found.verdicts == {"ok", "deadlock"}
    assert found.uncounted_because is None
    for each in found.outcomes:
        assert each.witness[-1].actor == "write_and_wait"
    within = explore_timed(scenario_of(system))
    assert {(each.outcome, each.verdicts) for each in within.outcomes} <= set(schedules_of(found))


def test_where_the_background_never_rests_verdicts_and_witnesses_are_exact_and_nothing_is_counted() -> None:
    system = ticking(tick)
    found = explore(scenario_of(system))
    assert found.is_proof
    assert found.schedules is None
    assert found.uncounted_because is not None
    assert "a run can come back to a state that it was in" in found.uncounted_because
    assert {(each.schedules, each.share) for each in found.outcomes} == {(None, None)}
    assert found.decisive == ()
    ends = {(each.outcome, each.verdicts) for each in found.outcomes}
    # Two rounds are enough to come to each end.
    assert ends == set(enumerate_system(ticking(tick_twice)))
    for options in ({"reduces": True}, {"merges": False, "bounds": Bounds(states_max=2000)}, {"counts": False}):
        other = explore(scenario_of(system), **options)
        assert {(each.outcome, each.verdicts) for each in other.outcomes} == ends
    within = explore_timed(scenario_of(system))
    assert within.is_complete
    assert {(each.outcome, each.verdicts) for each in within.outcomes} <= ends
    for each in within.outcomes:
        run = simulate(scenario_of(system), order=each.witness.steps, draws=each.witness.draws)
        assert run.outcome == each.outcome
    for seed in SEEDS:
        outcome = timed(system, seed)
        assert outcome in {each.outcome for each in within.outcomes}
    slow = scenario_of(system, redis={"exponential": {"mean": "5 ms"}})
    assert {(each.outcome, each.verdicts) for each in explore_timed(slow).outcomes} == ends
    with pytest.raises(BadInputError, match="ticking: found an actor in the background; allowed: none"):
        explore_exact(scenario_of(system, redis=LEGS))


def test_a_memory_of_who_never_rests_is_unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    count_all = over_history(
        "steps", "", start=0, update=lambda memory, step: memory + 1, holds=lambda memory, end: False
    )
    monkeypatch.setattr(sys.modules["batchsim.engines.exhaustive.explore"], "MEMORIES_MAX", 50)
    with pytest.raises(BadInputError, match="steps: more than 50 different memories"):
        explore(scenario_of(ticking(tick, properties=(count_all,))))
    ended = over_history(
        "ended",
        "",
        start=False,
        update=lambda memory, step: step.name == "redis.get",
        holds=lambda memory, _: memory,
    )
    assert explore(scenario_of(ticking(tick, properties=(ended,)))).verdicts == {"ended", "deadlock", "ok"} - {
        "ok"
    }


def test_who_goes_round_for_ever_ends_no_run_and_is_explored_all_the_same() -> None:
    async def turn() -> None:
        while True:
            await redis.get("seen")

    system: System[Any] = System("turning", actors(turn), cells=("seen",))
    found = explore(scenario_of(system))
    assert (found.is_complete, found.outcomes, found.states, found.schedules) == (True, (), 1, None)


def test_a_twin_that_is_slow_is_a_twin_all_the_same() -> None:
    servers = tuple(Actor("server", number, serve, is_twin=True) for number in range(2))
    system: System[Any] = System("served", (*servers, *actors(ask)), cells=("queue", "served"))
    slow = replace(
        scenario_of(system), injected_delays=(Slow(operation="redis.incr", delay_us=5_000, actor="server-1"),)
    )
    found = explore_timed(slow)
    assert found.verdicts == {"ok"}
    assert [each.occurs for each in found.faults] == [True]


@dataclass(frozen=True)
class PushTwo(Operation[None]):
    """A script that says nothing of who waits for what it writes."""

    name: ClassVar[str] = "redis.push_two"

    def footprint(self) -> Footprint:
        return touches(writes=("gate",))

    def apply(self, world: Any) -> None:
        world.cells.modify("gate", list).extend([1, 2])


def test_whoever_waits_for_what_an_operation_of_ones_own_writes_goes_on() -> None:
    async def pop() -> None:
        await redis.blpop("gate")
        await redis.incr("popped")

    async def push() -> None:
        await PushTwo()

    twins = tuple(Actor("twin", number, pop, is_twin=True) for number in range(2))
    found = agree(System("script", (*twins, *actors(push)), cells=("gate", "popped")))
    assert [each.outcome["popped"] for each in found.outcomes] == [2]


def test_a_coroutine_that_awaits_on_its_way_out_is_left_where_it_is_and_a_crash_lets_it_do_nothing_more() -> None:
    async def lock() -> None:
        await redis.incr("locked")
        try:
            await redis.get("row")
        finally:
            await redis.decr("locked")

    twins = tuple(Actor("twin", number, lock, is_twin=True) for number in range(2))
    system: System[Any] = System("released", twins, cells=("locked", "row"))
    assert [each.outcome["locked"] for each in agree(system).outcomes] == [0]
    crashed = scenario_of(with_faults(system, [Crash(actor="twin-0", before="redis.get")]), redis="1 ms")
    for found in (explore(crashed), explore_timed(crashed)):
        assert [each.outcome["locked"] for each in found.outcomes] == [1]
    assert simulate(crashed).outcome["locked"] == 1  # type: ignore[index]


def test_an_actor_begins_with_what_an_operation_of_ones_own_writes() -> None:
    async def push() -> None:
        await PushTwo()

    assert [each.outcome["late"] for each in agree(begins_late(push)).outcomes] == [1]


# -- cells that actors begin with ------------------------------------------------------------------


async def set_late() -> None:
    await redis.set("late", 1)


def begins_late(*programs: Callable[[], Program[Any]]) -> System[Any]:
    late = Actor("late", None, set_late, begins_with="gate")
    return System("gates", (*actors(*programs), late), cells=("gate", "late", "other"))


def test_nobody_begins_with_a_cell_that_is_deleted_without_having_been_there() -> None:
    async def delete() -> None:
        await redis.delete("gate")

    found = agree(begins_late(delete))
    assert [each.outcome.cells for each in found.outcomes] == [()]


def test_nobody_begins_with_a_cell_because_an_outage_is_over() -> None:
    async def work() -> None:
        await redis.incr("other")

    system = with_faults(begins_late(work), [Outage(group="redis", at_us=3000, lasts_us=4000)])
    scenario = scenario_of(system)
    timed: Any = simulate(scenario).outcome
    assert timed["late"] is None
    assert timed.cells in {each.outcome.cells for each in explore(scenario).outcomes}


def test_a_cell_that_goes_before_who_begins_with_it_took_a_step_is_refused() -> None:
    """With time they have begun, and go on; states without time do not tell that they have."""

    async def come_and_go() -> None:
        await redis.set("gate", 1)
        await redis.delete("gate")

    system = begins_late(come_and_go)
    for engine in (explore, explore_timed, lambda scenario: explore(scenario, reduces=True)):
        with pytest.raises(BadInputError, match=r"redis\.delete by come_and_go takes away the cell 'gate', with"):
            engine(scenario_of(system))
    end: Any = simulate(scenario_of(system)).outcome
    assert end["late"] == 1


def test_a_cell_may_go_once_who_began_with_it_took_a_step() -> None:
    async def open_gate() -> None:
        await redis.set("gate", 1)

    async def close() -> None:
        await redis.incr("other")
        await redis.delete("gate")
        await redis.incr("other")

    late = Actor("late", None, close, begins_with="gate")
    found = agree(System("gates", (*actors(open_gate), late), cells=("gate", "other")))
    assert [each.outcome.cells for each in found.outcomes] == [(("other", 2),)]


def test_who_waited_through_an_outage_looks_again_and_not_one_alone() -> None:
    async def push_and_pop() -> None:
        await redis.rpush("gate", 1)
        await redis.blpop("gate")

    twins = tuple(Actor("twin", number, push_and_pop, is_twin=True) for number in range(2))
    system = with_faults(
        System("held", twins, cells=("gate",)), [Outage(group="redis", at_us=3000, lasts_us=4000)]
    )
    timed = scenario_of(system, redis="2 ms")
    end: Any = simulate(timed).outcome
    assert end["gate"] is None
    assert len(simulate(timed).steps) == 6
    (only,) = explore_timed(timed).outcomes
    assert simulate(timed, order=only.witness.steps, draws=only.witness.draws).outcome == only.outcome


def test_a_slow_service_puts_off_what_follows_a_step_of_that_time_and_no_wait() -> None:
    """Who reads while it lasts writes last, who reads at its end may; with time and without the engines agree."""

    async def read_and_write() -> None:
        await redis.get("row")
        await redis.set("row", "slow")

    async def write_later() -> None:
        await sleep("20 ms")
        await redis.set("row", "later")

    async def pop() -> None:
        await redis.blpop("gate")

    async def push() -> None:
        await sleep("2 ms")
        await redis.rpush("gate", 1)

    system: System[Any] = System("slow", actors(read_and_write, write_later, pop, push), cells=("row", "gate"))
    slow = SlowOutage(group="redis", at_us=2500, lasts_us=4000, delay_us=50_000)
    for longest, rows in (("6400 us", {"slow"}), ("9 ms", {"slow", "later"})):
        legs = {"redis.get": {"request": {"uniform": ["6 ms", longest]}, "response": "1 ms"}}
        scenario = scenario_of(with_faults(system, [slow]), redis="2 ms", operations=legs)
        within = explore_timed(scenario)
        assert within.is_complete
        assert [each.occurs for each in within.faults] == [True]
        assert {each.outcome["row"] for each in within.outcomes} == rows
        for each in within.outcomes:
            replayed = simulate(scenario, order=each.witness.steps, draws=each.witness.draws)
            assert replayed.outcome == each.outcome
        runs: list[Any] = [simulate(replace(scenario, seed=seed)) for seed in SEEDS]
        assert {run.outcome["row"] for run in runs} == rows
        for run in runs:
            at_us = {step.name: step.at_us for step in run.steps if step.actor in ("pop", "push")}
            assert at_us["redis.blpop"] == at_us["redis.rpush"] == 3000
    without_time = explore(scenario_of(with_faults(system, [slow])))
    assert {each.outcome.cells for each in without_time.outcomes} == {
        each.outcome.cells for each in explore(scenario_of(system)).outcomes
    }


def test_all_state_may_be_lost_but_not_how_the_system_is_set_up() -> None:
    async def send_twice() -> None:
        await queue.send("jobs", "one")
        await queue.send("jobs", "two")

    parts = (queue.visibility("jobs", "30 s"),)
    system: System[Any] = System("lost", actors(send_twice), cells=(), parts=parts)
    found = explore(scenario_of(with_faults(system, [LostState(keys=("*",), at_most=1)])))
    assert {len(each.outcome["queue:jobs"] or ()) for each in found.outcomes} == {0, 1, 2}


@dataclass(frozen=True)
class Script(Operation[int]):
    """Ready-made commands as one step."""

    name: ClassVar[str] = "redis.script"
    parts: tuple[Operation[Any], ...]

    def footprint(self) -> Footprint:
        return touches(of=self.parts)

    def apply(self, world: Any) -> int:
        return sum(bool(each.apply(world)) for each in self.parts)


def test_ready_made_commands_can_be_one_step_together() -> None:
    async def reserve() -> int:
        script = Script(
            (redis.sadd("done", 1), redis.incr("stock"), redis.rpush("jobs", 1), redis.rpush("jobs", 2))
        )
        return await script

    async def look() -> tuple[Any, ...]:
        # Whoever waits for what the script writes goes on, and meets all of what it wrote.
        first = await redis.blpop("jobs")
        return first, await redis.scard("done"), await redis.get("stock"), await redis.llen("jobs")

    both_of_them = (Actor("reserve", None, reserve), Actor("look", None, look, is_judged=True))
    system: System[Any] = System("script", both_of_them, cells=("done", "stock", "jobs"))
    for found in (agree(system), explore_timed(scenario_of(system))):
        (outcome,) = found.outcomes
        assert outcome.outcome.result_of("look") == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (redis.set("a", 1, ex="1 s"), "redis.set, which starts what time decides"),
        (redis.expire("a", "1 s"), "redis.pexpire, which starts what time decides"),
        (redis.blpop("a"), "redis.blpop, which waits"),
        (queue.receive("a"), "queue.receive, which waits"),
        ("redis.get", "'redis.get'; allowed: operations"),
    ],
)
def test_what_cannot_be_part_of_a_step_is_refused(part: Any, found: str) -> None:
    with pytest.raises(BadInputError, match=f"touches: of: found {found}"):
        touches(of=(part,))


# -- lanes that are alike -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Noted(Operation[None]):
    """Something that a lane does for its number, which is noted without the number."""

    name: ClassVar[str] = "own.note"
    default_latency: ClassVar[Any] = {"request": {"uniform": ["0 ms", "9 ms"]}, "response": "1 ms"}
    number: int
    looks: bool

    def footprint(self) -> Footprint:
        return touches(writes=("log", f"passed:{self.number}"))

    def apply(self, world: Any) -> None:
        passed = f"passed:{self.number}"
        if not self.looks:
            world.cells.write(passed, True)
        said = "pass" if not self.looks else "seen" if world.cells.read(passed) else "missed"
        world.cells.modify("log", list).append(said)


async def side_by_side(looks: bool) -> None:
    async def lane(number: int) -> None:
        await Noted(number, looks)

    await for_each(2, 2, lane)


async def let_the_other_one_begin() -> None:
    await redis.set("go", 1)


@pytest.mark.parametrize("is_alone", [True, False])
def test_lanes_keep_their_order_until_somebody_else_may_tell_them_apart(is_alone: bool) -> None:
    """Who looks at the numbers of others goes by them in any order."""
    passing = Actor("handler", 1, partial(side_by_side, False), has_lanes_alike=True)
    looking = Actor("handler", 2, partial(side_by_side, True), begins_with="go", has_lanes_alike=True)
    starting = Actor("starter", None, let_the_other_one_begin)
    everybody = (passing,) if is_alone else (passing, looking, starting)
    system: System[Any] = System("lanes", everybody, ("log", "go", "passed:0", "passed:1"))
    found, within = explore(scenario_of(system)), explore_timed(scenario_of(system))
    assert {each.outcome for each in within.outcomes} == {each.outcome for each in found.outcomes}
    assert (within.transitions == 2) == is_alone


# -- cells as a dictionary -------------------------------------------------------------------------


@dataclass(frozen=True)
class Look(Operation[Any]):
    """It looks at a cell that it does not declare, by what a dictionary has."""

    name: ClassVar[str] = "own.look"
    default_latency: ClassVar[str] = "1 ms"
    look: Callable[[Cells], Any]

    def footprint(self) -> Footprint:
        return touches(writes=("n",))

    def apply(self, world: Any) -> Any:
        return self.look(world.cells)


def looking(look: Callable[[Cells], Any]) -> Any:
    async def program() -> Any:
        await redis.set("m", 5)
        return await Look(look)

    return scenario_of(System("looks", (Actor("one", None, program, is_judged=True),), cells=("m", "n")))


@pytest.mark.parametrize("engine", [simulate, explore, explore_timed])
@pytest.mark.parametrize(
    ("look", "verb"),
    [
        (lambda cells: cells.get("m"), "reads m"),
        (lambda cells: cells["m"], "reads m"),
        (lambda cells: "m" in cells, "reads m"),
        (lambda cells: cells.pop("m", 0), "deletes m"),
        (lambda cells: cells.__delitem__("m"), "deletes m"),
        (lambda cells: cells.setdefault("m", 0), "writes m"),
        (lambda cells: cells.__setitem__("m", 0), "writes m"),
        (lambda cells: cells.update(m=0), "writes m"),
        (len, "looks at all cells"),
        (list, "looks at all cells"),
        (dict, "looks at all cells"),
        (lambda cells: cells.copy(), "looks at all cells"),
        (lambda cells: cells == {}, "looks at all cells"),
        (lambda cells: cells | {}, "looks at all cells"),
        (lambda cells: cells.popitem(), "looks at all cells"),
        (lambda cells: cells.clear(), "looks at all cells"),
    ],
)
def test_a_step_sees_no_more_than_it_declares_however_it_looks(
    look: Callable[[Cells], Any], verb: str, engine: Callable[..., Any]
) -> None:
    """Else an exploration, which shows it the cells of its footprint alone, would prove what is not so."""
    with pytest.raises(BadInputError, match=rf"own\.look\) {verb}"):
        engine(looking(look))


def test_what_is_written_as_to_a_dictionary_is_seen_by_all() -> None:
    def write(cells: Cells) -> Any:
        cells["n"] = 1 + cells.get("n", 6)
        return cells.pop("n"), cells.setdefault("n", 4)

    scenario = looking(write)
    trace: Any = simulate(scenario)
    assert [repr(change) for change in trace.steps[-1].changes] == ["Change('n', None -> 4)"]
    outcomes = [
        outcome.outcome for found in (explore(scenario), explore_timed(scenario)) for outcome in found.outcomes
    ]
    assert [trace.outcome] * 2 == outcomes
    assert trace.outcome["n"] == 4


@pytest.mark.parametrize("engine", [simulate, explore, explore_timed])
def test_cells_are_shown_to_a_step_as_far_as_it_declares_them(engine: Callable[..., Any]) -> None:
    """One may print them to see what goes on: that is no error, and no way past the footprint."""
    found: Any = engine(looking(lambda cells: cells.setdefault("n", 1) and f"{cells}"))
    (end,) = {found.outcome} if engine is simulate else {each.outcome for each in found.outcomes}
    assert end.result_of("one") == "{'n': 1}"
