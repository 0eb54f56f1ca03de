"""Laws of every timed run, over generated scenarios."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import Phase, find, given, settings

from batchsim.batch.client import Result
from batchsim.batch.decision import Check, Decision
from batchsim.batch.operations import Backoff, CreateRun, Deliver, EndOfRun, FindBatch, Resume
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.stores import BatchRow
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.batch.world import World
from batchsim.engines.timed import Simulation, simulate
from batchsim.model.operation import BlockingOperation
from batchsim.model.run import Step
from batchsim.scenario import Scenario, scenario_from_data
from tests.batch.facts import Facts
from tests.strategies import policies, policies_as_specified, scenarios
from tests.trying import examples


def in_bytes(trace: Trace) -> bytes:
    return repr(trace).encode()


# -- the same again ----------------------------------------------------------------------------


@settings(max_examples=examples(30, searched=60))
@given(scenarios(), policies())
def test_the_same_scenario_and_seed_give_the_same_trace(scenario: Scenario, policy: Policy) -> None:
    assert in_bytes(simulate(scenario, policy)) == in_bytes(simulate(scenario, policy))


@settings(max_examples=examples(30, searched=60))
@given(scenarios(), policies())
def test_a_simulation_that_was_run_before_gives_the_trace_of_a_fresh_one(
    scenario: Scenario, policy: Policy
) -> None:
    simulation = Simulation(scenario, policy)
    for seed in (5, 0, 5):
        assert in_bytes(simulation.run(seed)) == in_bytes(simulate(replace(scenario, seed=seed), policy))


@settings(max_examples=examples(30, searched=60))
@given(scenarios(), policies())
def test_a_run_in_its_own_order_takes_the_same_steps_at_the_same_times(scenario: Scenario, policy: Policy) -> None:
    def told(trace: Trace) -> list[object]:
        return [(step.actor, step.operation, step.answer, step.at_us, step.answered_us) for step in trace.steps]

    trace = simulate(scenario, policy)
    assert told(simulate(scenario, policy, order=trace.steps)) == told(trace)


def test_another_seed_gives_another_trace() -> None:
    digests = {
        in_bytes(replace(simulate(scenario_from_data(DATA | {"seed": seed}), POLICIES["pr3766"]), seed=0))
        for seed in range(20)
    }
    assert len(digests) == 20


DATA: dict[str, Any] = {
    "name": "several of all",
    "batch": {"items": 5, "call": "batchTriggerAndWait"},
    "items": {
        "upload": "30 ms",
        "overrides": [
            {"index": 1, "kind": "rejected", "failed_attempts": 2},
            {"index": [2, 3], "kind": "pre_failed", "upload": {"exponential": {"mean": "20 ms"}}},
        ],
    },
    "consumers": 4,
    "ingest_concurrency": 3,
    "latency": {
        "redis": {"lognormal": {"median": "400 us", "p99": "9 ms"}},
        "postgres": {"normal": {"mean": "3 ms", "sd": "2 ms"}},
        "http": "0 us",
    },
}


def digests() -> list[str]:
    """Of runs that use all that there is to draw from; printed by a process of its own below."""
    scenario = scenario_from_data(DATA)
    runs = [simulate(scenario, policy) for policy in POLICIES.values()]
    return [sha256(in_bytes(run)).hexdigest() for run in runs]


def test_a_trace_is_the_same_in_every_process_and_with_every_hash_seed() -> None:
    root = Path(__file__).parents[2]
    code = "from tests.engines.test_timed_laws import digests; print(*digests())"
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        printed = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.split() == digests()


@settings(max_examples=examples(20, searched=40))
@given(scenarios(), policies())
def test_to_be_instrumented_changes_nothing(scenario: Scenario, policy: Policy) -> None:
    seen: list[Step] = []
    instrumented = simulate(scenario, policy, observer=lambda _world, step, _operation: seen.append(step))
    assert in_bytes(instrumented) == in_bytes(simulate(scenario, policy))
    assert tuple(seen) == instrumented.steps


@settings(max_examples=examples(20, searched=40))
@given(scenarios(), policies())
def test_to_keep_fewer_steps_changes_nothing_else(scenario: Scenario, policy: Policy) -> None:
    whole = simulate(scenario, policy)
    kept = frozenset({"redis.record", "http.deliver"})
    some = simulate(scenario, policy, keep=kept)
    assert some == replace(whole, steps=tuple(step for step in whole.steps if step.name in kept))


# -- instants ----------------------------------------------------------------------------------


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_an_effect_lies_between_its_issue_and_its_answer(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    assert [step.number for step in trace.steps] == list(range(len(trace.steps)))
    last_us = 0
    for step in trace.steps:
        assert all(type(us) is int for us in (step.issued_us, step.at_us, step.answered_us))
        assert 0 <= step.issued_us <= step.at_us <= step.answered_us
        assert last_us <= step.at_us
        last_us = step.at_us
    assert trace.ended_us == last_us
    assert 0 <= trace.called_back_us <= trace.ended_us


def actor_of(step: Step) -> str:
    return step.actor.partition(".")[0]


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_a_step_is_issued_when_the_step_before_lets_it(scenario: Scenario, policy: Policy) -> None:
    """With the answer of its own actor's, or a leg of the network after the effect that let it begin."""
    trace = simulate(scenario, policy)
    for step in trace.steps:
        if step.after is None:
            begins_later = actor_of(step) == "handler-1"
            assert step.issued_us == 0 or begins_later
            continue
        before = trace.steps[step.after]
        assert step.after < step.number
        if actor_of(before) == actor_of(step):
            assert step.issued_us == before.answered_us
        elif isinstance(before.operation, CreateRun):
            assert isinstance(step.operation, EndOfRun)
            assert step.issued_us == before.at_us
        elif isinstance(before.operation, Deliver):
            assert isinstance(step.operation, Resume)
            assert step.issued_us == before.answered_us
        elif isinstance(before.operation, Backoff):
            assert isinstance(step.operation, FindBatch)
            assert step.issued_us >= before.at_us
        else:
            assert (actor_of(before)[:4], actor_of(step)[:4]) == ("job-", "job-")
            assert step.issued_us == before.at_us


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_who_was_woken_waited_for_that_very_step(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    for step in trace.steps:
        if step.woken_by is None:
            continue
        assert isinstance(step.operation, BlockingOperation)
        waker = trace.steps[step.woken_by]
        assert waker.number < step.number
        assert waker.at_us <= step.at_us
        if isinstance(step.operation, Deliver):
            assert actor_of(waker) == f"handler-{step.operation.attempt}"
            assert waker.answered_us <= step.at_us
        else:
            assert step.operation.waits_for() in waker.operation.unblocks()


# -- the stores --------------------------------------------------------------------------------


@settings(max_examples=examples(50, searched=100))
@given(scenarios(), policies_as_specified())
def test_the_facts_of_protocol_md_hold_after_every_step(scenario: Scenario, policy: Policy) -> None:
    facts = Facts(scenario.setting, policy)

    def check(world: World, step: Step, _: object) -> None:
        facts.check(world, step.operation)

    simulate(scenario, policy, observer=check)


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies_as_specified())
def test_a_run_ends_at_quiescence(scenario: Scenario, policy: Policy) -> None:
    """Nobody is forgotten: every phase-2 request is answered, every run final, every job done."""
    trace = simulate(scenario, policy)
    outcome = trace.outcome
    assert outcome.call.attempts == len(trace.answers)
    assert outcome.runs_are_final
    waits = trace.setting.call == "batchTriggerAndWait"
    assert waits or outcome.call.result is not Result.WAITING
    names = [step.name for step in trace.steps]
    assert names.count("queue.take") == names.count("queue.push") + names.count("queue.retry")
    created = [step for step in trace.steps if isinstance(step.operation, CreateRun) and step.answer > 0]
    pre_failed = sum(step.operation.final for step in created if isinstance(step.operation, CreateRun))
    assert names.count("run.finish") + names.count("run.expire") == len(created) - pre_failed
    if "jobs.schedule_completion" in names:
        last_request = len(names) - 1 - names[::-1].index("jobs.schedule_completion")
        assert "jobs.take_completion" in names[last_request:]


# -- policies ----------------------------------------------------------------------------------


class Witness:
    """A check that remembers the rows that it met."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self.met: set[BatchRow] = set()

    def __call__(self, row: BatchRow) -> Decision:
        self.met.add(row)
        return self._check(row)

    def contrary_elsewhere(self) -> Check:
        """Decides the same on the rows that were met, and something else on all others."""

        def check(row: BatchRow) -> Decision:
            decision = self._check(row)
            if row in self.met:
                return decision
            return Decision.REJECT if decision is not Decision.REJECT else Decision.OK

        return check


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_only_decisions_on_rows_that_were_met_matter(scenario: Scenario, policy: Policy) -> None:
    witnesses = [Witness(each) for each in (policy.on_entry, policy.on_count_mismatch, policy.on_seal_lost)]
    on_entry, on_count_mismatch, on_seal_lost = witnesses
    noting = replace(policy, on_entry=on_entry, on_count_mismatch=on_count_mismatch, on_seal_lost=on_seal_lost)
    trace = simulate(scenario, noting)
    assert on_entry.met
    twin = replace(
        policy,
        on_entry=on_entry.contrary_elsewhere(),
        on_count_mismatch=on_count_mismatch.contrary_elsewhere(),
        on_seal_lost=on_seal_lost.contrary_elsewhere(),
    )
    assert in_bytes(simulate(scenario, twin)) == in_bytes(trace)


@settings(max_examples=examples(75, searched=150))
@given(scenarios())
def test_under_pr3766_no_failure_is_false(scenario: Scenario) -> None:
    assert "false_failure" not in verdicts_of(simulate(scenario, POLICIES["pr3766"]).outcome)


def test_before_pr3766_some_failure_is_false() -> None:
    """Under each of the policies before it, so that the law above is about something."""
    found: dict[str, Scenario] = {}

    def is_false_under_all_by_now(scenario: Scenario) -> bool:
        for policy in {"pre3427", "pr3427_count_only", "pr3427"} - found.keys():
            if "false_failure" in verdicts_of(simulate(scenario, POLICIES[policy]).outcome):
                found[policy] = scenario
        return len(found) == 3

    find(scenarios(), is_false_under_all_by_now, settings=settings(max_examples=2_000, phases=[Phase.generate]))
    for scenario in found.values():
        assert "false_failure" not in verdicts_of(simulate(scenario, POLICIES["pr3766"]).outcome)
