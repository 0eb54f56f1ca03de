"""The findings: what is looked at, what is proved, and that the proposal needs each of its switches."""

from __future__ import annotations

import pytest

from batchsim.analysis.findings import BUDGETS, Budget, Case, Effort, Scope, cases_of, judge, survey, switches_over
from batchsim.analysis.findings.examining import examine, scenario_of
from batchsim.engines.exhaustive import explore
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.engines.timed import simulate
from batchsim.policies import POLICIES
from batchsim.policies.pr4397 import PR4397
from batchsim.policies.proposed import PROPOSED
from batchsim.protocol.setting import Call
from batchsim.report.findings import page, witness_pages
from batchsim.verdicts import verdicts_of

REDELIVERED = Budget(("redeliver",))
EFFORT = Effort(states_max=80_000, walks=60)
SWITCHES = switches_over(PROPOSED, PR4397)


def case(policy: str, budget: Budget, call: Call = Call.TRIGGER, without: str = "", consumers: int = 2) -> Case:
    return Case(policy, without, budget, call, 1, consumers)


def test_budgets_are_none_each_fault_once_and_each_pair_once() -> None:
    assert [len(budget.names) for budget in BUDGETS] == [0] + [1] * 6 + [2] * 15
    assert len(list(cases_of(Scope(("pr3427",)), range(3)))) == len(BUDGETS) * 2 * 2 * 2


def test_the_proposal_closes_what_a_redelivery_opens_in_the_latest_design() -> None:
    latest = examine(case("pr4397", REDELIVERED), EFFORT, tries_all=True)
    proposed = examine(case("proposed", REDELIVERED), EFFORT, tries_all=True)
    assert set(latest.witnesses) >= {"duplicate_run", "double_finalize", "lost_item", "stuck"}
    assert (proposed.is_complete, proposed.witnesses) == (True, {})


@pytest.mark.parametrize(
    ("switch", "budget", "call", "comes_back"),
    [
        ("enqueues_atomically", ("crash",), Call.TRIGGER, "lost_item"),
        ("on_missing_meta", ("disconnect",), Call.TRIGGER, "spurious_retry"),
        ("completes_message_last", ("crash",), Call.TRIGGER, "stuck"),
        ("claims_have_tokens", ("redeliver",), Call.TRIGGER, "lost_item"),
        ("guards_completion_update", ("redeliver",), Call.TRIGGER, "double_finalize"),
        ("creates_runs_once", ("redeliver",), Call.TRIGGER, "duplicate_run"),
        ("reaper_spares_work", (), Call.TRIGGER_AND_WAIT, "false_failure"),
    ],
)
def test_without_one_of_its_switches_something_comes_back(
    switch: str, budget: tuple[str, ...], call: Call, comes_back: str
) -> None:
    whole = examine(case("proposed", Budget(budget), call), EFFORT, tries_all=True)
    less = examine(case("proposed", Budget(budget), call, switch), EFFORT, tries_all=True)
    assert whole.is_complete
    assert comes_back not in whole.witnesses
    assert comes_back in less.witnesses
    assert switch in SWITCHES


def test_without_the_check_of_a_record_a_late_one_leaves_keys_behind() -> None:
    drawn = Effort(states_max=1, walks=300)
    late = case("proposed", REDELIVERED, Call.TRIGGER_AND_WAIT, "records_with_meta_only")._replace(items=2)
    assert "leaked_keys" in examine(late, drawn, tries_all=False).witnesses
    assert "leaked_keys" not in examine(late._replace(without=""), drawn, tries_all=False).witnesses


def test_every_switch_is_tried() -> None:
    assert len(SWITCHES) == 8


def test_schedules_that_are_drawn_replay_and_are_among_those_of_the_graph() -> None:
    subject = case("pr4397", Budget(("crash", "redeliver")))
    scenario = scenario_of(subject)
    walker = Walker(scenario.setting, PR4397)
    exploration = explore(scenario_of(case("pr4397", Budget(("crash",)))), PR4397, reduces=True)
    met: set[str] = set()
    for number in range(40):
        walk = walker.walk(number)
        assert simulate(scenario, PR4397, order=walk.steps).outcome == walk.outcome
        met.update(verdicts_of(walk.outcome))
    assert met & (exploration.verdicts - {"ok"})
    assert walker.walk(7) == Walker(scenario.setting, POLICIES["pr4397"]).walk(7)


def test_the_findings_do_not_depend_on_the_workers_and_every_link_leads_somewhere() -> None:
    scope = Scope(
        ("pr4397", "proposed"),
        items=(1,),
        consumers=(1,),
        budgets=(BUDGETS[0], Budget(("crash",)), Budget(("store_error",)), Budget(("crash", "store_error"))),
        without=(("proposed", "enqueues_atomically"),),
    )
    effort = Effort(states_max=3_000, walks=20)
    alone, together = survey(scope, effort, workers=1), survey(scope, effort, workers=2)
    assert alone == together
    judgement = judge(alone)
    text = page(judgement, scope.policies, ("enqueues_atomically",), effort)
    schedules = dict(witness_pages(judgement, scope.policies))
    links = [part.split(")")[0] for part in text.split("](findings/")[1:]]
    assert links
    for link in links:
        file, anchor = link.split("#")
        assert f'<a id="{anchor}"></a>' in schedules[file]
    assert "**open**" not in text
