"""What each fix is worth: what is measured, and what is said to follow from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchsim.analysis.worth import DELAY, EffectOfFix, Question, Worth, judge, worth_of
from batchsim.analysis.worth.costs import STORES, Extra, costs_of
from batchsim.analysis.worth.results import gain
from batchsim.analysis.worth.timing import timing_of
from batchsim.bad_input import BadInputError
from batchsim.batch.decision import Decision
from batchsim.batch.policies import POLICIES
from batchsim.batch.stores import Status
from batchsim.engines.timed import Simulation, simulate
from batchsim.report.worth_contract import worth_document
from batchsim.report.worth_page import page
from batchsim.report.worth_pictures import on_both, pictures
from batchsim.scenario import load_scenario, scenario_from_data, varied
from tests.report.golden_files import check_golden
from tests.report.samples import LATE_COUNT, steady

INCIDENT = load_scenario("scenarios/incident.yaml")
LATE = load_scenario("tests/golden/timed.yaml")
SMALL = Question("10 ms..1 s:3:log", "10 ms..10 s:2:log", 60)
OF_THREE = ("pre3427", "pr3427", "pr3766")


@pytest.fixture(scope="module")
def late() -> Worth:
    return worth_of(LATE, OF_THREE, SMALL, workers=1)


def test_times_are_counted_from_the_completion_update() -> None:
    scenario = steady("late", LATE_COUNT, items={"upload": "3 s", "execution": "20 s"})
    steps = simulate(scenario, POLICIES["pre3427"]).steps
    at = {step.name: step.at_us for step in reversed(steps)}
    reads = [step for step in steps if (step.name, step.actor) == ("postgres.find_batch", "handler-1")]
    timing = timing_of(Simulation(scenario, POLICIES["pre3427"]), [1, 2, 3])
    assert (timing.runs, timing.late, timing.read_completed) == (3, 3, 0)
    assert timing.read.median_us == reads[1].at_us - at["postgres.completion_update"]
    assert timing.completed.least_us == at["postgres.set_completed"] - at["postgres.completion_update"]
    assert {answer: count % 3 for answer, count in timing.retries} == {(500, None): 0, (422, None): 0}


def test_a_count_in_time_is_no_late_one_even_if_the_seal_is_lost() -> None:
    slow_seal = {"postgres.seal": {"request": "500 ms", "response": "2 ms"}}
    for scenario in (steady("early"), steady("seal lost", slow_seal, items={"kind": "pre_failed"})):
        timing = timing_of(Simulation(scenario, POLICIES["pre3427"]), [1, 2])
        assert (timing.runs, timing.late, timing.retries, timing.ends) == (2, 0, (), ())


def test_what_a_policy_costs_is_counted_and_retries_are_no_savings() -> None:
    scenario = steady("cheap", items={"execution": "1 s"})
    named = ("pre3427", "pr3766", "tombstone", "local_count", "proposed")
    plain, waiting, tombstone, local, atomic = costs_of(scenario, [POLICIES[name] for name in named], [1, 2])
    steps = [
        step for step in simulate(scenario, POLICIES["pre3427"]).steps if step.name.partition(".")[0] in STORES
    ]
    assert (plain.operations, plain.round_trips) == (len(steps), len(steps) - 1)  # runs and failures go together
    assert waiting == plain
    assert plain.extra == Extra(2, 0, 0)
    assert (tombstone.keys_kept, tombstone.kept_us) == (1, 3_600_000_000)
    assert (tombstone.operations, plain.keys_kept) == (
        plain.operations,
        0,
    )  # that Redis drops a key is no operation
    assert local.extra == Extra(2, -1, -1)  # nothing is counted in Redis
    assert atomic.extra is not None
    assert atomic.extra.operations <= -2  # metadata, mark and push are one script
    late = costs_of(steady("late", LATE_COUNT), [POLICIES[name] for name in OF_THREE], [1])
    assert [each.extra for each in late] == [None] * 3
    assert late[2].operations < late[0].operations


@pytest.mark.parametrize("execution", ["10 ms", "1 s", "20 s"])
def test_no_retry_of_a_late_count_is_saved_as_the_page_says(execution: str) -> None:
    """Refused on entry as the row is COMPLETED, or without metadata as it is PENDING; a second later or more."""
    scenario = varied(INCIDENT, [f"items.execution={execution}"])
    refused = lost = 0
    for seed in range(15):
        trace = simulate(replace(scenario, seed=seed), POLICIES["pr3427"])
        if len(trace.answers) == 1:
            continue
        first = trace.answers[0]
        for answered in trace.answers[1:]:
            entry = next(step for step in trace.steps if step.actor == f"handler-{answered.attempt}")
            assert entry.at_us >= first.at_us + 1_000_000
            assert (answered.status == 422) == (entry.answer.status is Status.COMPLETED)
            if answered.status == 500:
                meta = [step for step in trace.steps if (step.name, step.actor) == ("redis.get_meta", entry.actor)]
                assert (entry.answer.status, meta[-1].answer) == (Status.PENDING, None)
                lost += 1
        refused += trace.answers[-1].status == 422
    assert refused
    assert bool(lost) == (execution != "10 ms")


def test_what_waits_for_completed_saves_nothing_and_what_does_not_saves_all(late: Worth) -> None:
    waiting, other = judge(late)
    assert (waiting.policies, waiting.effect, waiting.is_proved_alike) == (("pr3427",), EffectOfFix.NOTHING, True)
    assert waiting.needs_completed
    assert waiting.is_proved_alike_throughout
    assert (other.policies, other.effect, other.is_proved_alike) == (("pr3766",), EffectOfFix.ALL, False)
    assert not other.needs_completed
    assert {dict(point.values)[DELAY].text for point in waiting.apart_over_both} == {"1 s"}
    assert waiting.excess_us == 990_000
    assert [dict(point.values)[DELAY].text for point in waiting.apart_over_delay] == ["1 s"]
    assert waiting.apart_over_execution == ()
    assert other.apart_over_execution == late.over_execution.points


def test_a_border_lies_between_the_points_where_a_policy_is_told_apart(late: Worth) -> None:
    own = late.rows[0]
    border = late.border("pr3427", own)
    assert border is not None
    assert border.least_us is not None
    for point in late.over_delay.points:
        found = gain(late.over_delay, "pr3427", point)
        assert found is not None
        assert bool(found.only_other) == (dict(point.values)[DELAY].number >= border.least_us)


def test_the_runs_are_those_of_the_sweeps(late: Worth) -> None:
    assert [row.timing.runs for row in late.rows] == [60, 60, 60]
    assert late.rows[0].timing.late == late.own_share("pre3427").count
    for row in late.rows[1:]:
        assert row.timing.late == late.over_execution.cell("pre3427", row.point).verdicts["false_failure"].count


def test_the_page_is_the_golden_one(late: Worth) -> None:
    check_golden("late-count-worth.md", page(late))


def test_pictures_show_where_a_policy_begins_to_decide_otherwise(late: Worth) -> None:
    drawn = pictures(late)
    without = pictures(replace(late, rows=tuple(replace(row, borders=()) for row in late.rows)))
    # Of two executions, the longer one has no border: no line in the heat map.
    assert [what for what in drawn if drawn[what] != without[what]] == ["delay", "both"]
    # Who can decide otherwise, and than whom: a map is one of several policies.
    assert {each.label.replace("\n", " ") for each in on_both(late)} == {
        "to the right of the line the policies named above the map can decide otherwise than pre3427"
    }


def test_it_depends_on_no_number_of_workers() -> None:
    few = Question("10 ms..1 s:2:log", "10 ms..1 s:2:log", 20)
    one, two = (worth_of(LATE, ("pre3427", "pr3766"), few, workers=workers) for workers in (1, 2))
    assert page(one) == page(two)
    assert worth_document(one) == worth_document(two)


def test_a_policy_can_be_worse_or_worth_a_part_or_not_told_apart() -> None:
    worse = replace(POLICIES["pre3427"], name="worse", on_entry=lambda row: Decision.REJECT)
    part = replace(POLICIES["pre3427"], name="part", counts_in_redis=False)
    slow_seal = {"postgres.seal": {"request": {"uniform": ["1 ms", "80 ms"]}, "response": "1 ms"}}
    late = {"redis.enqueued_count": {"request": {"uniform": ["1 ms", "80 ms"]}, "response": "1 ms"}}
    scenario = steady("mixed", late | slow_seal, batch={"items": 1}, items={"kind": "pre_failed"})
    scenario = varied(scenario, ["latency.operations.jobs.take_completion=5 ms"])
    few = Question("1 ms..80 ms:2", "1 ms..2 ms:2", 40)
    found = {
        each.policies: each.effect
        for each in judge(worth_of(scenario, [POLICIES["pre3427"], part], few, workers=1))
    }
    assert found == {("part",): EffectOfFix.SOME}
    turned = judge(worth_of(scenario, [part, POLICIES["pre3427"], worse], few, workers=1))
    assert {each.policies: each.effect for each in turned} == {
        ("pre3427",): EffectOfFix.MORE,
        ("worse",): EffectOfFix.ALL,
    }
    once = judge(worth_of(scenario, [POLICIES["pre3427"], part], replace(few, runs=2), workers=1))
    assert once[0].effect in (EffectOfFix.UNSURE, EffectOfFix.NOTHING)


def test_where_nothing_can_be_explored_nothing_is_said_to_be_proved() -> None:
    faulty = scenario_from_data(
        {
            "name": "faulty",
            "batch": {"items": 1},
            "latency": {"operations": LATE_COUNT},
            "faults": [{"lost_response": {"attempt": 5}}],
        }
    )
    found = worth_of(faulty, OF_THREE, replace(SMALL, runs=5), workers=1)
    assert all((row.decided, row.borders) == (None, ()) for row in found.rows)
    assert not any(each.is_proved_alike or each.otherwise for each in judge(found))
    assert page(found).count("proved") == 1  # what the word means
    assert "## COMPLETED" not in page(found)


def test_what_cannot_be_varied_is_told() -> None:
    with pytest.raises(BadInputError, match=r"redis\.enqueued_count: found one round trip"):
        worth_of(load_scenario("scenarios/small-payloads.yaml"), workers=1)
    with pytest.raises(BadInputError, match=r"items\.execution=1\.\.2:2: found numbers"):
        worth_of(LATE, OF_THREE, replace(SMALL, execution="1..2:2"), workers=1)
    with pytest.raises(BadInputError, match="found no axis"):
        worth_of(LATE, OF_THREE, replace(SMALL, delay="1 ms"), workers=1)


def test_who_is_stopped_at_once_knows_nothing() -> None:
    found = worth_of(LATE, OF_THREE, SMALL, workers=1, watch=lambda known, total: False)
    assert found.rows == ()
    assert "- Nothing is known yet." in page(found)


def test_a_policy_alone_is_compared_with_nothing() -> None:
    found = worth_of(LATE, ["pr3427"], replace(SMALL, runs=3), workers=1)
    assert judge(found) == ()
    assert "`pr3427` fails falsely in" in page(found)


def test_who_is_stopped_has_what_was_found_so_far() -> None:
    looks = 0

    def watch(known: int, total: int) -> bool:
        nonlocal looks
        looks += 1
        return known < total // 2

    found = worth_of(LATE, OF_THREE, SMALL, workers=1, watch=watch)
    assert not found.is_complete
    assert looks
    assert found.own_share("pre3427").runs == 60
    assert "incomplete: sampled" in page(found)
