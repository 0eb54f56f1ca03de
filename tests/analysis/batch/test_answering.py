from __future__ import annotations

from hypothesis import given

from batchsim.analysis.batch.answering import answering_steps
from batchsim.batch.policy import Policy
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario
from tests.report.samples import incident, run_one, steady
from tests.strategies import policies, scenarios


def test_each_attempt_of_the_incident_is_explained() -> None:
    trace = incident().runs[0].trace
    explained = [
        (trace.steps[number].name, answered.status) for number, answered in answering_steps(trace).items()
    ]
    assert explained == [
        ("redis.enqueued_count", 200),
        ("redis.get_meta", 500),
        ("redis.get_meta", 500),
        ("postgres.find_batch", 422),
    ]


def test_a_seal_explains_more_than_the_count_before_it() -> None:
    trace = run_one(steady("sealed"), "pre3427").trace
    (number,) = answering_steps(trace)
    assert trace.steps[number].name == "postgres.seal"


@given(scenarios(), policies())
def test_each_answer_has_one_step_of_its_own_handler(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    explained = answering_steps(trace)
    assert sorted(answered.attempt for answered in explained.values()) == [each.attempt for each in trace.answers]
    for number, answered in explained.items():
        assert trace.steps[number].actor.split(".")[0] == f"handler-{answered.attempt}"
        assert trace.steps[number].at_us <= answered.at_us
