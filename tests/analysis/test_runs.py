"""A scenario run under its policies, and judged by what it expects."""

from __future__ import annotations

import pytest

from batchsim.analysis.runs import run_scenario
from batchsim.batch.policies import POLICIES
from batchsim.model.properties import Property
from tests.strategies import request_leg, timeless

LATENCY = {"redis.enqueued_count": request_leg("1 s"), "sdk.backoff": request_leg("1 s")}
NAMES = [(name, POLICIES[name]) for name in ("pre3427", "pr3766")]
HASTY = Property("hasty", "One attempt.", lambda outcome: outcome.call.attempts == 1)


def test_every_policy_is_run_judged_and_explained() -> None:
    bug, fixed = run_scenario(timeless(LATENCY), NAMES).runs
    assert (bug.policy.name, bug.verdicts, bug.is_ok) == ("pre3427", ("false_failure",), False)
    assert (fixed.policy.name, fixed.verdicts, fixed.is_ok) == ("pr3766", ("ok",), True)
    assert bug.explanation
    assert bug.decisive
    assert not fixed.explanation
    assert not fixed.decisive
    assert bug.race is not None
    assert bug.race.margin_us == -1_000_000
    assert bug.seal is None


@pytest.mark.parametrize(
    ("expect", "as_expected"),
    [
        ({}, True),
        ({"pre3427": "false_failure"}, True),
        ({"pre3427": "false_failure", "pr3766": "ok"}, True),
        ({"pre3427": "ok"}, False),
        ({"pre3427": ["false_failure", "leaked_keys"]}, False),
        ({"pr3766": "false_failure"}, False),
        ({"pr4397": "false_failure"}, True),
    ],
)
def test_a_run_is_as_expected_where_all_its_verdicts_are(expect: dict[str, object], as_expected: bool) -> None:
    assert run_scenario(timeless(LATENCY, expect=expect), NAMES).is_as_expected == as_expected


def test_verdicts_of_ones_own_count_too() -> None:
    (run,) = run_scenario(timeless(), NAMES[1:], [HASTY]).runs
    assert run.verdicts == ("hasty",)
    assert not run.is_ok


def test_a_verdict_that_was_not_expected_is_one_too_many() -> None:
    always = Property("always", "Always given.", lambda _outcome: True)
    scenario = timeless(LATENCY, expect={"pre3427": "false_failure"})
    assert run_scenario(scenario, NAMES).is_as_expected
    assert not run_scenario(scenario, NAMES, [always]).is_as_expected
