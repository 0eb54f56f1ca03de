"""What is told of a run of a system of one's own holds in the graph of all its orders."""

from __future__ import annotations

from typing import Any

from batchsim import Property, over_history, scenario_of, simulate
from batchsim.analysis.own_explanation import tell
from batchsim.model.cells import Cells
from batchsim.model.system import Actor, System
from batchsim.stores import redis

LATENCY = {"uniform": ["1 ms", "9 ms"]}


def explained(system: System[object], seed: int = 0) -> tuple[str, ...]:
    scenario = scenario_of(system, seed=seed, redis=LATENCY)
    run: Any = simulate(scenario)
    return tell(scenario, None, run, scenario.system().verdicts_of(run.outcome), ()).sentences


def full(cells: Cells) -> None:
    cells.modify("queue", list[str]).append("message")


async def look_and_pop() -> None:
    await redis.get("other")
    await redis.blpop("queue")


async def move() -> None:
    await redis.lmove("queue", "elsewhere")


def test_two_steps_that_only_a_history_has_in_common_are_no_race() -> None:
    seen = over_history("seen", "", start=0, update=lambda memory, step: memory, holds=lambda memory, end: False)
    actors = (Actor("one", None, look_and_pop), Actor("other", None, move))
    cells = ("queue", "other", "elsewhere")
    told = explained(System("moved", actors, cells=cells, begin=full, properties=(seen,)))
    assert "by redis.lmove of other (message): from there every order comes to it." in told[1]
    assert len(told) == 2


async def set_twice() -> None:
    await redis.set("cell", 1)
    await redis.set("cell", 2)


async def read() -> None:
    await redis.set("read", await redis.get("cell"))


def test_where_one_step_more_is_not_enough_it_is_said() -> None:
    early = Property("early", "It is read before it is written twice.", lambda end: end["read"] != 2)
    actors = (Actor("writer", None, set_twice), Actor("reader", None, read))
    system: System[object] = System("early", actors, cells=("cell", "read"), properties=(early,))
    firsts = {explained(system, seed)[-1].rpartition("and ")[2] for seed in range(20)}
    assert firsts == {
        "in the other order early could still be avoided.",
        "had that come first, early could still be avoided, if more had come before redis.get.",
    }
