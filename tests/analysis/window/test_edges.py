"""Edges of windows over the fields of a sweep: held against timed runs with all latencies at their means."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np
import pytest

from batchsim import POLICIES, Scenario, Sweep, load_scenario, simulate, sweep, verdicts_of
from batchsim.analysis.window import Edge, NoEdge, edges_of
from batchsim.analysis.window.assignments import fixed, means_of
from batchsim.scenario import varied

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

ONE = load_scenario("tests/golden/one.yaml")
COUNT = "latency.operations.redis.enqueued_count.request"


@cache
def swept(*vary: str, policies: tuple[str, ...] = ("pre3427", "pr3427", "pr3766")) -> Sweep:
    return sweep(ONE, policies, runs=2, vary=vary, workers=1)


@cache
def found(*vary: str) -> tuple[list[Edge], dict[str, str]]:
    result = swept(*vary)
    return edges_of(result, [(name, POLICIES[name]) for name in result.policies])


def fails_at_the_means(policy: str, **fields: float) -> bool:
    scenario = varied(ONE, [f"{name}={round(us)} us" for name, us in fields.items()])
    trace = simulate(at_means(scenario), POLICIES[policy], keep=frozenset())
    return "false_failure" in verdicts_of(trace.outcome)


def at_means(scenario: Scenario) -> Scenario:
    return fixed(scenario, means_of(scenario))


def test_a_curve_is_crossed_where_the_run_at_the_means_begins_or_ceases_to_fail() -> None:
    edges, reasons = found(f"{COUNT}=1 ms..2 s:12:log")
    assert reasons == {}
    assert [(edge.policies, len(edge.crossings)) for edge in edges] == [(("pre3427",), 1), (("pr3427",), 2)]
    for edge in edges:
        (numbers,) = edge.numbers
        assert numbers[1:] / numbers[:-1] == pytest.approx(numbers[1] / numbers[0])
        before = False
        for crossing in edge.crossings:
            sides = [fails_at_the_means(edge.policies[0], **{COUNT: crossing + us}) for us in (-2, 2)]
            assert sides == [before, not before]
            before = not before


def test_a_plane_is_parted_as_runs_at_the_means_are() -> None:
    edges, _ = found(f"{COUNT}=1 ms..2 s:9", "items.execution=0 s..1 s:7")
    random = Random(1)
    for edge in edges:
        counts, executions = edge.numbers
        assert edge.slack_us.shape == (len(counts), len(executions))
        told = set()
        for _ in range(60):
            x, y = random.randrange(len(counts)), random.randrange(len(executions))
            if abs(edge.slack_us[x, y]) > 2:
                is_open = bool(edge.slack_us[x, y] > 0)
                told.add(is_open)
                fields = {COUNT: counts[x], "items.execution": executions[y]}
                assert fails_at_the_means(edge.policies[0], **fields) == is_open, fields
        assert len(edge.policies) == 1
        assert told == {True, False} or edge.policies == ("pre3427",)


def test_what_a_distribution_is_made_of_moves_its_mean() -> None:
    narrow = varied(ONE, [f"{COUNT}={{uniform: [0 ms, 80 ms]}}"])
    result = sweep(narrow, ["pre3427"], runs=20, vary=[f"{COUNT}.uniform.1=20 ms..120 ms:5"], workers=1)
    ((edge,), _) = edges_of(result, [("pre3427", POLICIES["pre3427"])])
    (plain,) = (each for each in found(f"{COUNT}=1 ms..2 s:12:log")[0] if each.policies == ("pre3427",))
    (crossing,) = edge.crossings
    assert crossing == pytest.approx(2 * plain.crossings[0], rel=0.001)


def test_policies_of_one_mind_share_an_edge() -> None:
    names = ("pre3427", "pr3427_count_only", "pr3427")
    result = swept(f"{COUNT}=20 ms..50 ms:4", policies=names)
    edges, _ = edges_of(result, [(name, POLICIES[name]) for name in names])
    assert [edge.policies for edge in edges] == [names]


def test_a_window_that_is_open_everywhere_has_no_edge() -> None:
    edges, reasons = found(f"{COUNT}=60 ms..70 ms:3")
    assert edges == []
    why = "with mean latencies the window of false_failure is open everywhere"
    assert reasons == {"pre3427": why, "pr3427": why}


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("batch.items=1..2:2", "along batch.items more varies than latencies"),
        ("items.upload=0 s..2 s:2", "along items.upload more varies than latencies"),
        ("latency.operations.jobs.take_expiry=1 s..2 s:2", None),
    ],
)
def test_other_fields_have_no_edge(vary: str, message: str | None) -> None:
    late = varied(ONE, [f"{COUNT}=60 ms"])
    result = sweep(late, ["pre3427"], runs=2, vary=[vary], workers=1)
    policies = [("pre3427", POLICIES["pre3427"])]
    if message is None:
        assert edges_of(result, policies)[0] == []
        return
    with pytest.raises(NoEdge, match=message):
        edges_of(result, policies)


def test_crossings_lie_between_numbers() -> None:
    numbers = np.array([0.0, 1.0, 2.0, 3.0])
    edge = Edge("v", ("p",), (numbers,), np.array([-1.0, 3.0, 1.0, -1.0]))
    assert edge.crossings == (0.25, 2.5)
    assert edge.is_seen


@pytest.mark.parametrize(
    ("slacks", "crossings"),
    [
        ([-1.0, 0.0, 1.0], (1.0,)),
        ([-1.0, 0.0, 0.0, 2.0], (1.0, 2.0)),
        ([-2.0, -1.0, 0.0], (2.0,)),
        ([0.0, 3.0, 1.0], (0.0,)),
        ([0.0, 0.0, 0.0], ()),
    ],
)
def test_where_either_may_come_first_is_neither_open_nor_closed(
    slacks: list[float], crossings: tuple[float, ...]
) -> None:
    edge = Edge("v", ("p",), (np.arange(len(slacks), dtype=float),), np.array(slacks))
    assert (edge.crossings, edge.is_seen) == (crossings, bool(crossings))
