"""What limits phase-2 requests: a limiter with a grant, and the server's request timeout."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.operations import AwaitReset, TimeOutRequest
from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Trace
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.engines.zones import explore_timed
from batchsim.scenario import InvalidScenario, Scenario, scenario_from_data

LOST = {"lost_response": {"attempt": 1}}


def scenario(limits: dict[str, Any], *faults: dict[str, Any], count: int = 1, **fields: Any) -> Scenario:
    return scenario_from_data(
        {
            "name": "x",
            "batch": {"items": count},
            "consumers": 1,
            "limits": limits,
            "faults": list(faults),
            **fields,
        }
    )


def limited(others: int, *faults: dict[str, Any], per: str = "10 s") -> Scenario:
    return scenario({"stream": {"requests": 3, "per": per, "others": others}}, *faults)


def admissions(trace: Trace) -> list[str]:
    return [step.description for step in trace.steps if step.name == "redis.admit"]


# -- the limiter -------------------------------------------------------------------------------


def test_it_admits_so_many_in_a_window_and_the_sdk_waits_for_the_reset() -> None:
    trace = simulate(limited(2, LOST), POLICIES["pr3777"])
    assert admissions(trace) == ["attempt 1", "not attempt 2", "attempt 3"]
    assert [answer.status for answer in trace.answers] == [None, 429, 200]
    begun, waited = (
        next(step.at_us for step in trace.steps if step.name == "redis.admit"),
        next(step.at_us for step in trace.steps if isinstance(step.operation, AwaitReset)),
    )
    assert waited - begun == 10_000_000


def test_a_window_that_is_over_admits_again_without_a_wait() -> None:
    trace = simulate(limited(2, LOST, per="1 s"), POLICIES["pr3777"])
    assert admissions(trace) == ["attempt 1", "attempt 2"]


def test_the_grant_goes_before_the_limiter_for_ten_requests_and_half_an_hour() -> None:
    trace = simulate(limited(3, LOST), POLICIES["pr4397"])
    assert admissions(trace) == ["attempt 1, by the grant", "attempt 2, by the grant"]
    ended = next(step for step in trace.steps if step.name == "limiter.end_grant")
    assert ended.at_us == 30 * 60 * 1_000_000
    slow = {"slow": {"operation": "redis.admit", "delay": "31 min"}}
    assert simulate(limited(3, slow), POLICIES["pr4397"]).answers[0].status == 429


def test_what_is_always_refused_fails_after_five_attempts() -> None:
    (end,) = {each.outcome.call for each in explore(limited(3), POLICIES["pr3777"]).outcomes}
    assert end == CallResult(Result.API_ERROR, 429, 5)


def test_a_limit_that_is_not_reached_changes_no_share() -> None:
    free, many = (scenario({}), scenario({"stream": {"requests": 100}}))
    shares = [{call: each.verdicts for call, each in by_call(subject).items()} for subject in (free, many)]
    assert shares[0] == shares[1]


def by_call(subject: Scenario) -> dict[Any, Any]:
    return {each.outcome: each for each in explore(subject, POLICIES["pr3427"]).outcomes}


# -- the request timeout -----------------------------------------------------------------------


def test_a_body_that_arrives_too_slowly_is_answered_408_and_the_handler_reads_no_more() -> None:
    slow = scenario({"request_timeout": "4 s"}, count=2, items={"upload": "5 s"})
    trace = simulate(slow, POLICIES["pr3766"])
    assert trace.outcome.call == CallResult(Result.API_ERROR, 408, 5)
    assert (trace.outcome.runs_created, trace.outcome.items_without_run) == (1, 1)
    timed_out = [step for step in trace.steps if isinstance(step.operation, TimeOutRequest)]
    assert len(timed_out) == 5
    # It is measured from when the request reaches the server.
    began = next(step.issued_us for step in trace.steps if step.actor == "handler-1")
    assert timed_out[0].at_us - began == 4_000_000


def test_a_body_that_has_arrived_never_times_out() -> None:
    slow = scenario({"request_timeout": "4 s"}, count=2, items={"upload": "3 s"})
    for policy in ("pr3766", "pr3777"):
        trace = simulate(slow, POLICIES[policy])
        assert (trace.outcome.call.result, "http.time_out" in {step.name for step in trace.steps}) == (
            Result.OK,
            False,
        )


def test_the_request_reaches_the_server_when_it_reaches_the_handler() -> None:
    """One leg, drawn once: in dense time, too, the handler cannot be half a second later than the server."""
    leg = {"request": {"uniform": ["0 ms", "1 s"]}, "response": "10 ms"}
    latency = {"redis": "1 ms", "postgres": "1 ms", "http": leg}
    slow = scenario({"request_timeout": "3500 ms"}, count=2, items={"upload": "3 s"}, latency=latency)
    assert explore_timed(slow, POLICIES["pr3766"]).verdicts == {"ok"}


@pytest.mark.parametrize("others", [4, -1, "x"])
def test_others_take_no_more_than_there_is(others: object) -> None:
    with pytest.raises(InvalidScenario, match=r"limits\.stream\.others: found .*; allowed: "):
        scenario({"stream": {"requests": 3, "others": others}})
