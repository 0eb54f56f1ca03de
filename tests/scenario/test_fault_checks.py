"""Which faults a timed run can place, and which an exploration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from batchsim.batch.faults import LostResponse, Redeliver
from batchsim.batch.policies import POLICIES
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.scenario import (
    InvalidScenario,
    Scenario,
    check_for_exploration,
    check_for_timed_run,
    load_scenario,
    scenario_from_data,
)

Check = Callable[[Scenario], None]

HEAD = "name: x\nbatch: {items: 1}\nconsumers: 1\nfaults:\n"
ANYWHERE = [
    "lost_response: {attempt: 5}",
    "disconnect: {attempt: 5}",
    "redeliver: {item: 0, at: 61 s}",
    "crash: {actor: consumer-0, at: 9 s}",
    "crash: {before: redis.cleanup}",
    "store_error: {at: 9 s}",
    "store_error: {operation: redis.cleanup}",
    "slow: {operation: redis.cleanup, delay: 5 s}",
    "slow: {operation: redis.cleanup, delay: 5 s, probability: 50%}",
]
IN_TIMED_RUNS = ["crash: {probability: 1%}", "store_error: {actor: consumer, probability: 1%}"]
IN_EXPLORATIONS = [
    "redeliver: {at_most: 2}",
    "crash: {actor: consumer-0}",
    "crash: {item: 0}",
    "store_error: {effect: after}",
]


def loaded(folder: Path, *entries: str) -> Scenario:
    (folder / "s.yaml").write_text(HEAD + "".join(f"  - {entry}\n" for entry in entries))
    return load_scenario("s.yaml")


def complaints(check: Check, scenario: Scenario) -> list[str]:
    with pytest.raises(InvalidScenario) as caught:
        check(scenario)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("check", "entries"),
    [
        (check_for_timed_run, [*ANYWHERE, *IN_TIMED_RUNS]),
        (check_for_exploration, [*ANYWHERE, *IN_EXPLORATIONS]),
    ],
)
def test_what_can_occur_passes(check: Check, entries: list[str], folder: Path) -> None:
    check(loaded(folder, *entries))


def test_a_timed_run_needs_a_moment_or_a_probability(folder: Path) -> None:
    scenario = loaded(folder, "slow: {operation: redis.cleanup, delay: 1 s}", *IN_EXPLORATIONS, *IN_TIMED_RUNS)
    budget = "a pinned moment or a probability, in a timed run; at_most is a budget for exploration"
    moment = "to pin its moment in a timed run; only exploration takes every moment"
    assert complaints(check_for_timed_run, scenario) == [
        f"s.yaml:6:26: faults[1].redeliver.at_most: found 2; allowed: {budget}",
        f"s.yaml:7:12: faults[2].crash: found no moment; allowed: before or at, {moment}",
        f"s.yaml:8:12: faults[3].crash: found no moment; allowed: before or at, {moment}",
        f"s.yaml:9:18: faults[4].store_error: found no moment; allowed: operation or at, {moment}",
    ]


def test_an_exploration_needs_no_probability(folder: Path) -> None:
    pinned = "a pinned fault or at_most, in an exploration; a probability is for timed runs"
    assert complaints(check_for_exploration, loaded(folder, *IN_EXPLORATIONS, *IN_TIMED_RUNS)) == [
        f"s.yaml:9:26: faults[4].crash.probability: found 0.01; allowed: {pinned}",
        f"s.yaml:10:49: faults[5].store_error.probability: found 0.01; allowed: {pinned}",
    ]


def test_a_problem_that_an_option_brings_is_located_there(folder: Path) -> None:
    loaded(folder, "redeliver: {item: 0}")
    scenario = load_scenario("s.yaml", ["faults.0.redeliver.at_most=1"])
    (message,) = complaints(check_for_timed_run, scenario)
    assert message.startswith("--set faults.0.redeliver.at_most=1: faults[0].redeliver.at_most: found 1; ")


def test_faults_that_code_put_in_are_checked_too(folder: Path) -> None:
    scenario = loaded(folder, "redeliver: {at_most: 2}")
    faults = (LostResponse(at_most=1), Redeliver(at_most=2))
    changed = replace(scenario, setting=replace(scenario.setting, faults=faults))
    assert [line.partition("; ")[0] for line in complaints(check_for_timed_run, changed)] == [
        "s.yaml: LostResponse (fault 0).at_most: found 1",
        "s.yaml: Redeliver (fault 1).at_most: found 2",
    ]


def test_the_engines_check_for_themselves() -> None:
    def scenario(**fault: object) -> Scenario:
        return scenario_from_data({"name": "x", "batch": {"items": 1}, "faults": [{"redeliver": fault}]})

    with pytest.raises(InvalidScenario, match="at_most is a budget for exploration"):
        simulate(scenario(at_most=1), POLICIES["pr3766"])
    with pytest.raises(InvalidScenario, match="a probability is for timed runs"):
        explore(scenario(probability="1%"), POLICIES["pr3766"])
