"""Where a policy can decide otherwise than another: held against runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchsim.analysis.batch.checks import check_of, with_checks
from batchsim.analysis.worth import deciding
from batchsim.analysis.worth.deciding import (
    Delays,
    Otherwise,
    TooLargeToDecide,
    comparable,
    decided_otherwise,
    needs_completed,
)
from batchsim.analysis.worth.question import DELAY
from batchsim.analysis.worth.sooner import sooner_of
from batchsim.batch.decision import Check, Decision
from batchsim.batch.policies import POLICIES
from batchsim.batch.stores import BatchRow, Status
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, format_duration, load_scenario, scenario_from_data, varied
from tests.report.samples import steady

FIRST = POLICIES["pre3427"]
INCIDENT = load_scenario("scenarios/incident.yaml")


def constant(execution: str) -> Scenario:
    late = {"redis.enqueued_count": {"request": "80 ms", "response": "300 us"}}
    return steady("constant", late, batch={"items": 2}, items={"execution": execution})


def verdicts(scenario: Scenario, policy: str, delay_us: int) -> tuple[str, ...]:
    there = varied(scenario, [f"{DELAY}={format_duration(delay_us)}"])
    return verdicts_of(simulate(there, POLICIES[policy], keep=frozenset()).outcome)


@pytest.mark.parametrize("execution", ["1 ms", "2 s"])
def test_where_all_latencies_are_constant_the_border_is_where_a_run_is_saved(execution: str) -> None:
    scenario = constant(execution)
    delays = Delays(scenario, FIRST, {name: POLICIES[name] for name in ("pr3427", "pr3766")})
    # With a delay that is too short for the fix the call fails; with one too short for the bug it is fine.
    for name, before in (("pr3427", "false_failure"), ("pr3766", "ok")):
        border = delays.border(name, 1_000, 10_000_000)
        assert border.least_us is not None
        assert border.is_sharp
        # On the border itself two steps come at one instant, in either order.
        assert verdicts(scenario, name, border.least_us - 1) == (before,)
        assert verdicts(scenario, name, border.least_us + 1) == ("ok",)
        assert verdicts(scenario, "pre3427", border.least_us + 1) == ("false_failure",)


def test_a_policy_that_decides_alike_on_the_whole_axis_has_no_border() -> None:
    delays = Delays(constant("2 s"), FIRST, {"pr3427": POLICIES["pr3427"]})
    border = delays.border("pr3427", 1_000, 1_000_000)
    assert (border.least_us, border.is_sharp, border.otherwise) == (None, False, ())


def test_in_the_incident_only_what_waits_for_completed_is_proved_to_decide_alike() -> None:
    others = {name: POLICIES[name] for name in ("pr3427_count_only", "pr3427", "pr3766")}
    found = decided_otherwise(INCIDENT, FIRST, others)
    assert found["pr3427_count_only"] == found["pr3427"] == ()
    rows = {(each.check, each.row.status, each.decision) for each in found["pr3766"]}
    assert ("on_count_mismatch", Status.PENDING, Decision.OK) in rows
    assert not needs_completed(found["pr3766"])


def test_every_row_on_which_runs_differ_is_found() -> None:
    """An exploration meets every row that a check is asked about in any run."""
    met: set[tuple[str, BatchRow]] = set()

    def asked(name: str) -> Check:
        def decide(row: BatchRow) -> Decision:
            met.add((name, row))
            return check_of(FIRST, name)(row)

        return decide

    for seed in range(20):
        simulate(replace(INCIDENT, seed=seed), with_checks(FIRST, asked))
    contrary = replace(FIRST, name="contrary")
    object.__setattr__(contrary, "on_entry", lambda row: Decision.NOT_SEALED)
    object.__setattr__(contrary, "on_count_mismatch", lambda row: Decision.REJECT)
    found = decided_otherwise(INCIDENT, FIRST, {"contrary": contrary})["contrary"]
    assert met <= {(each.check, each.row) for each in found}


def test_who_accepts_completed_on_entry_does_not_wait_for_it() -> None:
    row = BatchRow(Status.COMPLETED, False, True, 1, 0)
    late = Otherwise("on_count_mismatch", row, Decision.NOT_SEALED, Decision.OK)
    on_entry = Otherwise("on_entry", row, Decision.REJECT, Decision.OK)
    assert needs_completed([late])
    assert not needs_completed([late, on_entry])
    assert not needs_completed([])


def test_with_other_switches_a_policy_cannot_be_compared() -> None:
    assert list(comparable(FIRST, {name: POLICIES[name] for name in ("pr3766", "pr4397")})) == ["pr3766"]


def test_with_faults_and_with_many_items_nothing_is_explored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "explore_timed", lambda *_, **__: pytest.fail("explored"))
    many = scenario_from_data({"name": "many", "batch": {"items": 9}})
    faulty = scenario_from_data(
        {"name": "x", "batch": {"items": 1}, "faults": [{"lost_response": {"attempt": 1}}]}
    )
    for scenario in (many, faulty):
        with pytest.raises(TooLargeToDecide):
            decided_otherwise(scenario, FIRST, {"pr3427": POLICIES["pr3427"]})


def test_what_is_not_explored_to_the_end_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "BOUNDS", Bounds(10, None))
    with pytest.raises(TooLargeToDecide):
        decided_otherwise(INCIDENT, FIRST, {"pr3427": POLICIES["pr3427"]})


def test_a_job_of_an_earlier_run_can_complete_the_batch_sooner_than_the_debounce() -> None:
    two = varied(INCIDENT, ["batch.items=2"])
    sooner = sooner_of(two, ("10 ms", "20 s"), FIRST, POLICIES["pr3427"])
    assert sooner is not None
    assert sooner.scheduled_by == "run-0"
    assert sooner.scheduled_us < 0 < sooner.completed_us < 200_000
    assert sooner.taken_us == sooner.scheduled_us + 200_000
    # Where every run is longer than what is left to do, nothing is undercut.
    assert sooner_of(two, ("1 s", "20 s"), FIRST, POLICIES["pr3427"]) is None
