"""The N-th run of a sweep, made by itself, is that run: the same point, the same draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim import POLICIES, Property, load_scenario, scenario_from_data, simulate, sweep, verdicts_of
from batchsim.analysis.sweep import examples_of, parse_point, run_of
from batchsim.analysis.sweep.identity import digest_of
from batchsim.bad_input import BadInputError
from batchsim.scenario import InvalidScenario
from tests.trying import examples

AGAIN = Property("again", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
SLOW: dict[str, Any] = {"slow": {"operation": "redis.enqueued_count", "delay": "90 ms", "probability": "40%"}}
FAULTS = st.lists(
    st.sampled_from(
        [
            {"lost_response": {"probability": "30%"}},
            {"redeliver": {"probability": "20%"}},
            {"store_error": {"actor": "consumer", "probability": "10%"}},
            {"crash": {"actor": "consumer-0", "before": "redis.record"}},
            {"slow": {"operation": "queue.take", "delay": "61 s"}},
        ]
    ),
    max_size=2,
    unique_by=str,
)


@settings(max_examples=examples(12, searched=25))
@given(
    faults=FAULTS,
    call=st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    items=st.integers(1, 3),
    seed=st.integers(0, 2**64 - 1),
    vary=st.lists(
        st.sampled_from(
            [
                "items.execution=20 ms..3 s:2:log",
                "faults.0.slow.probability=0.5%..100%:2",
                "consumers=1..3:2",
                "latency.operations.redis.enqueued_count.request=0..45 ms:2",
            ]
        ),
        max_size=2,
        unique=True,
    ),
)
def test_its_verdicts_are_those_that_the_sweep_counted(
    faults: list[dict[str, Any]], call: str, items: int, seed: int, vary: list[str]
) -> None:
    scenario = scenario_from_data(
        {
            "name": "generated",
            "batch": {"items": items, "call": call},
            "latency": {
                "operations": {"redis.enqueued_count": {"request": {"uniform": ["1 ms", "60 ms"]}, "response": 0}}
            },
            "faults": [SLOW, *faults],
            "seed": seed,
        }
    )
    policies, runs = ["pre3427", "pr3766", "proposed"], 6
    result = sweep(scenario, policies, runs=runs, vary=vary, properties=[AGAIN], workers=1)
    for cell in result.cells:
        point = parse_point(cell.point.overrides)
        given = [
            verdicts_of(simulate(run_of(scenario, point, number), POLICIES[cell.policy]).outcome, [AGAIN])
            for number in range(runs)
        ]
        for verdict, share in cell.verdicts.items():
            having = [number for number, verdicts in enumerate(given) if verdict in verdicts]
            assert share.count == len(having)
            assert cell.first_runs.get(verdict) == (having[0] if having else None)
    examples = examples_of(result)
    met = {verdict for cell in result.cells for verdict in cell.first_runs}
    assert sorted(each.verdict for each in examples) == sorted(met)
    assert all(each.cell.first_runs[each.verdict] == each.run for each in examples)


def test_a_point_is_the_same_however_its_values_are_written() -> None:
    assert parse_point(["a=0.025 s"]).key == parse_point(["a = 25 ms"]).key == parse_point(["a=25000 us"]).key
    assert parse_point(["a=1 s", "b=5%"]).key == parse_point(["b=5.0 %", "a=1000 ms"]).key
    assert parse_point(["a=25 ms"]).key != parse_point(["b=25 ms"]).key


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a"], "--at a: found no value of a field; allowed: NAME=VALUE"),
        (["a="], "--at a=: found no value of a field"),
        (["a=x"], "--at a=x: found 'x'; allowed: a number with a unit"),
        (["a=1", "a=2"], "--at: found a twice"),
        (["a=1", "b=2", "c=3"], "--at: found 3 names; allowed: at most 2"),
    ],
)
def test_what_is_no_point_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=f"^{message}"):
        parse_point(options)


def test_a_point_that_the_scenario_cannot_have_is_refused() -> None:
    with pytest.raises(InvalidScenario, match="found the unknown key 'itms'"):
        run_of(load_scenario("scenarios/incident.yaml"), parse_point(["batch.itms=2"]), 0)


def test_where_faults_are_written_plays_no_part(tmp_path: Path) -> None:
    text = "name: x\nbatch: {items: 1}\nfaults: [{redeliver: {probability: 1%}}]\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(f"# the same\n{text}")
    first, second = load_scenario(tmp_path / "a.yaml"), load_scenario(tmp_path / "b.yaml")
    assert digest_of(first) == digest_of(second)
    assert digest_of(first) != digest_of(replace(first, setting=replace(first.setting, faults=())))
