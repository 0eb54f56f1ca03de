"""Every step on real servers is answered as in the model, and leaves the same; what does otherwise is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchsim import explore, load_scenario, scenario_of
from batchsim.engines.live import commands, postgres_cells, redis_cells
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.codec import text_of
from batchsim.engines.live.postgres_cells import Statement, statement_of
from batchsim.engines.live.scripts import Script
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario
from batchsim.stores import postgres, queue, redis
from tests.live.following import followed, live_system

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "scenarios").glob("*.yaml"))
LARGE = ("small-payloads", "thousand-items")
"""So many items that the benchmark takes them instead."""
EXAMPLES = ("chord", "callback_batch", "lease")


def runs_of(scenario: Scenario) -> list[Any]:
    return [scenario.find_policy(name, scenario.directory) for name in scenario.policies]


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in LARGE])
def test_shipped_scenarios_differ_nowhere(name: str, lines: Lines) -> None:
    scenario = load_scenario(ROOT / "scenarios" / f"{name}.yaml")
    for policy in runs_of(scenario)[-2:]:
        compared = followed(scenario, policy, lines)
        assert compared.difference is None
        assert compared.steps > 1
        assert compared.answers > compared.steps // 2
        assert compared.cells > compared.steps


@pytest.mark.parametrize("name", EXAMPLES)
def test_systems_of_ones_own_differ_nowhere(name: str, lines: Lines) -> None:
    scenario = load_scenario(ROOT / "examples" / f"{name}.yaml")
    for policy in runs_of(scenario):
        assert followed(scenario, policy, lines).difference is None


def test_each_step_of_a_second_batch_is_taken_on_its_cells(lines: Lines) -> None:
    scenario = load_scenario(ROOT / "scenarios" / "retried-parent.yaml")
    compared = followed(scenario, scenario.find_policy("pre3427", scenario.directory), lines)
    assert compared.difference is None
    assert compared.answers == compared.steps  # without a fault nothing is put there as the model has it


def test_every_outcome_has_a_witness_that_differs_nowhere(lines: Lines) -> None:
    scenario = load_scenario(ROOT / "scenarios" / "memoryless.yaml")
    policy = scenario.find_policy("pr3427", scenario.directory)
    outcomes = explore(scenario, policy).outcomes
    assert len(outcomes) > 2
    for outcome in outcomes:
        assert followed(scenario, policy, lines, outcome.witness).difference is None


def test_ready_made_operations_of_all_stores_differ_nowhere(lines: Lines) -> None:
    async def worker() -> None:
        await queue.send("jobs", "a")
        message = await queue.receive("jobs")
        await postgres.insert("orders", 1, status="new", total=3)
        await postgres.update("orders", 1, set={"status": "paid"}, add={"total": 2}, where={"status": "new"})
        if await redis.set("lease", "me", nx=True, ex="30 s"):
            await redis.zadd("done", "a", 3)
            await redis.hset("names", "a", "1")
            await redis.rpush("list", "x", (1, "y"))
        assert await postgres.select_many("orders", [1, 2], where={"total": 5})
        await queue.delete("jobs", message.receipt)

    system: System[Any] = System(
        "all",
        (Actor("worker", None, worker),),
        cells=("done", "names", "list", "postgres:orders:1", "postgres:orders:2"),
        parts=(queue.visibility("jobs", "30 s"), redis.expiring("lease")),
    )
    compared = followed(scenario_of(system), None, lines)
    assert compared.difference is None
    assert compared.steps > 10


def test_a_condition_on_rows_is_one_statement() -> None:
    from batchsim.batch.operations.rows import is_unsealed_and_pending
    from batchsim.batch.stores import BatchRow, Status

    sealing = statement_of(
        BatchRow, lambda row: row._replace(sealed=True, status=Status.PROCESSING), is_unsealed_and_pending
    )
    assert sealing == Statement(
        {"sealed": True, "status": "PROCESSING"}, (("status", ("PENDING",)), ("sealed", (False,)))
    )


# -- what is wrong is found ------------------------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch], None]


def breaks_sadd(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commands.Commands, "sadd", lambda self, key, member: 1)


def updates_unconditionally(patch: pytest.MonkeyPatch) -> None:
    of = postgres_cells.statement_of
    patch.setattr(postgres_cells, "statement_of", lambda *each: of(*each)._replace(where=()))


def counts_one_too_few(patch: pytest.MonkeyPatch) -> None:
    scard = commands.Commands.scard
    patch.setattr(commands.Commands, "scard", lambda self, key: max(0, scard(self, key) - 1))


def queues_backwards(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redis_cells, "WRITE", redis_cells.WRITE.replace("(last[2] or 0) + 1", "-(last[2] or 0) - 1"))


def leaves_a_key(patch: pytest.MonkeyPatch) -> None:
    delete = commands.Commands.delete
    patch.setattr(commands.Commands, "delete", lambda self, *keys: delete(self, *keys[1:]) + 1)


def loses_a_failure(patch: pytest.MonkeyPatch) -> None:
    from batchsim.engines.live import performing
    from batchsim.engines.live.scripts import script_of as of

    patch.setattr(
        performing,
        "script_of",
        lambda tree: Script(of(tree).text.replace("redis.call('ZADD'", "tostring('ZADD'"), *of(tree)[1:]),
    )


def does_not_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(postgres_cells.PostgresCells, "commit", lambda self: self.roll_back())


def forgets_jobs(patch: pytest.MonkeyPatch) -> None:
    write = redis_cells.RedisCells.write
    patch.setattr(
        redis_cells.RedisCells,
        "write",
        lambda self, expected, after: write(
            self, expected, {key: each for key, each in after.items() if not key.startswith("jobs:")}
        ),
    )


@pytest.mark.parametrize(
    "broken",
    [
        breaks_sadd,
        updates_unconditionally,
        counts_one_too_few,
        queues_backwards,
        leaves_a_key,
        loses_a_failure,
        does_not_commit,
        forgets_jobs,
    ],
)
def test_a_bug_in_the_stores_is_found(broken: Break, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)
    scenario = load_scenario(ROOT / "scenarios" / "seal-lost.yaml", ("batch.items=2",))
    other = load_scenario(ROOT / "scenarios" / "race-won.yaml")
    third = load_scenario(ROOT / "scenarios" / "small-payloads.yaml", ("batch.items=4", "consumers=1"))
    found = [
        followed(each, each.find_policy("pr3427", each.directory), lines).difference
        for each in (scenario, other, third)
    ]
    assert any(each is not None and each.model != each.live for each in found)


def test_a_time_to_live_that_is_lost_is_found(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario(ROOT / "examples" / "lease.yaml")
    policy = runs_of(scenario)[0]
    assert followed(scenario, policy, lines).difference is None
    forgetful = lambda issue, keys, given, command: (  # noqa: E731
        issue("SET", keys[0], text_of(given[0]), *(["NX"] if given[1] else [])) is not None
    )
    monkeypatch.setitem(commands._VERBS, "set", forgetful)
    difference = followed(scenario, policy, lines).difference
    assert difference is not None


def test_what_is_on_the_servers_and_in_no_list_is_found(lines: Lines) -> None:
    scenario = load_scenario(ROOT / "scenarios" / "memoryless.yaml")
    live = live_system(scenario, scenario.find_policy("pr3427", scenario.directory), lines)
    assert live.cells.strays() == {}
    live.cells.redis._client.set(live.cells.redis.key("stray"), "5")
    assert live.cells.strays() == {"stray": 5}


def test_a_transaction_is_done_again_where_somebody_else_was_there(lines: Lines) -> None:
    scenario = load_scenario(ROOT / "scenarios" / "memoryless.yaml")
    live = live_system(scenario, scenario.find_policy("pr3427", scenario.directory), lines)
    from batchsim.batch.stores import META
    from batchsim.model.operation import touches

    with live.cells.unit(touches(writes=(META,))) as unit:
        assert unit.read(META) == 1
        unit.write(META, 2)
        live.cells.redis._client.incrby(live.cells.redis.key(META), 6)
        assert not unit.commit()
    assert live.cells.contents((META,)) == {META: 7}
