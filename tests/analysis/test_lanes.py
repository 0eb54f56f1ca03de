from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batchsim.analysis.batch.whose import attempt_of
from batchsim.analysis.chains import Stretch
from batchsim.analysis.lanes import ActorLane, FoldedLanes, busy_stretches, lanes_of, with_folded
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario
from tests.report.samples import incident, steady, thousand, two_hours
from tests.strategies import policies, scenarios


def _lane(actor: str, *legs: tuple[int, int]) -> ActorLane:
    return ActorLane(actor, tuple(Stretch(actor, "redis.record", "request", *ends) for ends in legs), ())


def test_lanes_are_in_the_order_of_the_protocol() -> None:
    assert [lane.actor for lane in lanes_of(incident().runs[0].trace)] == [
        "sdk",
        "handler-1",
        "handler-2",
        "handler-3",
        "handler-4",
        "consumer-0",
        "run-0",
        "run-1",
        "run-2",
        "job-0",
    ]
    scenario = steady("tombstone", batch={"items": 12}, ingest_concurrency=12)
    actors = [lane.actor for lane in lanes_of(simulate(scenario, POLICIES["tombstone"]))]
    assert actors.index("handler-1.2") < actors.index("handler-1.10") < actors.index("consumer-0")
    assert actors[-1] == "redis"


@given(scenarios(), policies())
def test_every_step_is_in_a_lane_and_no_two_legs_of_a_lane_overlap_but_those_issued_together(
    scenario: Scenario, policy: Policy
) -> None:
    trace = simulate(scenario, policy)
    lanes = lanes_of(trace)
    assert sorted(step.number for lane in lanes for step in lane.steps) == list(range(len(trace.steps)))
    for lane in lanes:
        alone = [leg for leg in lane.legs if leg.operation not in ("redis.read_runs", "redis.read_failures")]
        assert all(leg.from_us < leg.to_us or leg.part == "wait" for leg in lane.legs)
        assert all(before.to_us <= after.from_us for before, after in pairwise(alone))


def test_timers_are_waits_and_idle_consumers_are_not() -> None:
    (run,) = two_hours().runs
    lanes = {lane.actor: lane for lane in lanes_of(run.trace)}
    assert Stretch("reaper", "jobs.take_expiry", "wait", 0, 1_800_000_000) in lanes["reaper"].legs
    assert [leg.duration_us for leg in lanes["job-0"].legs if leg.part == "wait"] == [200_000] * 3
    assert not [leg for leg in lanes["consumer-0"].legs if leg.part == "wait"]
    assert [leg.operation for leg in lanes["sdk"].legs] == ["http.deliver", "waitpoint"]
    assert lanes["sdk"].legs[-1].to_us == run.trace.called_back_us


def test_a_call_that_does_not_wait_has_no_waitpoint() -> None:
    lanes = lanes_of(incident().runs[0].trace)
    assert "waitpoint" not in {leg.operation for leg in lanes[0].legs}


def test_few_lanes_stay_as_they_are() -> None:
    lanes = lanes_of(incident().runs[0].trace)
    assert with_folded(lanes, (), 20) == lanes


def test_large_groups_are_folded_but_for_those_involved() -> None:
    lanes = lanes_of(thousand().trace)
    shown = with_folded(lanes, {"consumer-3", "run-7"}, 20)
    assert len(shown) <= 20
    assert {lane.actor for lane in shown if isinstance(lane, ActorLane)} >= {
        "sdk",
        "handler-1",
        "consumer-3",
        "run-7",
    }
    (runs,) = (lane for lane in shown if isinstance(lane, FoldedLanes) and lane.kind == "run")
    assert (runs.count, runs.others_shown, runs.of_handler) == (999, True, None)


def test_items_of_a_handler_fold_by_themselves() -> None:
    lanes = [_lane("handler-1"), *(_lane(f"handler-1.{item}", (item, item + 3)) for item in range(9))]
    shown = with_folded(lanes, (), 20)
    assert isinstance(shown[0], ActorLane)
    assert isinstance(shown[1], FoldedLanes)
    assert (shown[1].count, shown[1].of_handler, shown[1].peak) == (9, "handler-1", 3)


def test_a_fold_counts_how_many_are_busy() -> None:
    lanes = [
        _lane("run-0", (0, 10)),
        _lane("run-1", (5, 20)),
        *(_lane(f"run-{n}", (30, 40)) for n in (2, 3, 4)),
    ]
    (fold,) = with_folded(lanes, (), 20)
    assert isinstance(fold, FoldedLanes)
    assert fold.busy == ((0, 1), (5, 2), (10, 1), (20, 0), (30, 3), (40, 0))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=12))
def test_busy_stretches_cover_the_legs_and_lie_apart(spans: list[tuple[int, int]]) -> None:
    legs = [Stretch("a", "b", "request", begin, begin + size) for begin, size in spans]
    stretches = list(busy_stretches(legs))
    assert all(before[1] < after[0] for before, after in pairwise(stretches))
    covered = {instant for begin, end in stretches for instant in range(begin, end)}
    assert covered == {instant for leg in legs for instant in range(leg.from_us, leg.to_us)}


def test_attempt_of() -> None:
    assert [attempt_of(actor) for actor in ("handler-3", "handler-2.11", "consumer-1", "sdk")] == [
        3,
        2,
        None,
        None,
    ]
