"""The findings: what is looked at, what is proved, and that the proposal needs each of its switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from batchsim.analysis.findings import (
    BUDGETS,
    NO_FAULT,
    ONCE,
    USUAL,
    Base,
    Budget,
    Effort,
    Finding,
    Findings,
    FindingsTable,
    FoundSchedule,
    Known,
    PolicyStanding,
    Scope,
    SizedBatch,
    Sizes,
    SurveyCase,
    batches_of,
    budgets_of,
    cases_of,
    meaning_of,
    survey,
    switches_over,
)
from batchsim.analysis.findings.examining import CaseWork, examine, under_budget
from batchsim.batch.policies import POLICIES
from batchsim.batch.policies.pr4397 import PR4397
from batchsim.batch.policies.proposed import PROPOSED
from batchsim.batch.setting import Call
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import explore
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.engines.timed import simulate
from batchsim.model.faults import Fault
from batchsim.report.findings import page, witness_pages
from batchsim.report.markdown_text import plain
from batchsim.scenario import load_scenario, scenario_from_data

ROOT = Path(__file__).parents[2]
FILE = "scenarios/small-payloads.yaml"
BATCHES = batches_of([load_scenario(ROOT / FILE)], (), USUAL, load_scenario)
REDELIVERED, CRASHED = Budget(("redeliver",)), Budget(("crash",))
EFFORT = Effort(states_max=80_000, walks=60)
SWITCHES = switches_over(PROPOSED, PR4397)


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def case(
    policy: str, budget: Budget, call: Call = Call.TRIGGER, without: str = "", consumers: int = 2, items: int = 1
) -> SurveyCase:
    return SurveyCase(policy, without, budget, SizedBatch(Base("small-payloads", call), items, consumers))


def examined(subject: SurveyCase, effort: Effort = EFFORT, *, tries_all: bool = True) -> Finding:
    scenario, _ = BATCHES[subject.batch]
    return examine(CaseWork(subject, scenario, faults_of(subject), (), Path()), effort, tries_all).finding


@cache
def examined_to_the_end(subject: SurveyCase) -> Finding:
    return examined(subject, Effort(states_max=1_000_000, walks=60))


def faults_of(subject: SurveyCase) -> tuple[Fault, ...]:
    return tuple(ONCE[name].fault for name in subject.budget.names)


def surveyed(
    policies: Sequence[str],
    budgets: Sequence[Budget] = BUDGETS,
    sizes: Sizes = USUAL,
    effort: Effort = EFFORT,
    without: Sequence[tuple[str, str]] = (),
    workers: int = 1,
) -> Findings:
    batches = batches_of([load_scenario(FILE)], (), sizes, load_scenario)
    scope = Scope(
        tuple(policies),
        {batch: scenario for batch, (scenario, _) in batches.items()},
        tuple(budgets),
        without=tuple(without),
    )
    found = survey(scope, effort, workers=workers)
    sources = {batch: source for batch, (_, source) in batches.items()}
    return Findings(scope, effort, found, sources, tuple(policies), "pr4397", {name: name for name in policies})


def test_budgets_are_none_each_fault_once_and_each_pair_once() -> None:
    assert [len(budget.names) for budget in BUDGETS] == [0] + [1] * 6 + [2] * 15
    scope = Scope(("pr3427",), {batch: scenario for batch, (scenario, _) in BATCHES.items()})
    # Pairs in batches of one item alone.
    assert len(list(cases_of(scope))) == 7 * 2 * 2 * 2 + 15 * 2 * 2
    assert list(map(str, budgets_of(["crash", "cut", "crash"]))) == ["none", "cut", "crash", "cut + crash"]


def test_the_proposal_closes_what_a_redelivery_opens_in_the_latest_design() -> None:
    latest = examined(case("pr4397", REDELIVERED))
    proposed = examined(case("proposed", REDELIVERED))
    assert set(latest.witnesses) >= {"duplicate_run", "double_finalize", "lost_item", "stuck"}
    assert (proposed.is_complete, proposed.witnesses) == (True, {})


@pytest.mark.parametrize(
    ("switch", "budget", "call", "comes_back"),
    [
        ("enqueues_atomically", ("crash",), Call.TRIGGER, "lost_item"),
        ("on_missing_meta", ("disconnect",), Call.TRIGGER, "spurious_retry"),
        ("completes_message_last", ("crash",), Call.TRIGGER, "leaked_keys"),
        ("claims_have_tokens", ("redeliver",), Call.TRIGGER, "lost_item"),
        ("guards_completion_update", ("redeliver",), Call.TRIGGER, "double_finalize"),
        ("creates_runs_once", ("redeliver",), Call.TRIGGER, "duplicate_run"),
        ("reaper_spares_work", (), Call.TRIGGER_AND_WAIT, "false_failure"),
        ("resumes_completion", ("store_error",), Call.TRIGGER_AND_WAIT, "stuck"),
        ("asks_for_completion_for_sure", ("store_error",), Call.TRIGGER, "stuck"),
    ],
)
def test_without_one_of_its_switches_something_comes_back(
    switch: str, budget: tuple[str, ...], call: Call, comes_back: str
) -> None:
    whole = examined_to_the_end(case("proposed", Budget(budget), call))
    less = examined_to_the_end(case("proposed", Budget(budget), call, switch))
    assert whole.is_complete
    assert comes_back not in whole.witnesses
    assert comes_back in less.witnesses
    assert switch in SWITCHES


def test_without_the_check_of_a_record_a_late_one_leaves_keys_behind() -> None:
    drawn = Effort(states_max=1, walks=300)
    late = case("proposed", REDELIVERED, Call.TRIGGER_AND_WAIT, "records_with_meta_only", items=2)
    assert "leaked_keys" in examined(late, drawn, tries_all=False).witnesses
    assert "leaked_keys" not in examined(late._replace(without=""), drawn, tries_all=False).witnesses


def test_without_a_run_for_it_the_parent_of_a_rejected_item_waits_for_ever() -> None:
    subject = load_scenario("scenarios/and-wait-rejected.yaml", overrides=("consumers=1", "batch.items=2"))
    less = replace(PROPOSED, answers_rejected_items=False)
    assert "stuck" in explore(subject, less, counts=False).verdicts
    assert "stuck" not in explore(subject, PROPOSED, counts=False).verdicts


def test_a_run_that_is_there_is_published_by_the_last_attempt_too() -> None:
    fault = {"store_error": {"operation": "run_queue.publish", "at_most": 1}}
    data = {"name": "x", "batch": {"items": 1}, "items": {"failed_attempts": 5}, "consumers": 1, "faults": [fault]}
    assert explore(scenario_from_data(data), PROPOSED).verdicts == {"ok"}


def test_every_switch_is_tried() -> None:
    assert len(SWITCHES) == 11


def test_schedules_that_are_drawn_replay_and_are_among_those_of_the_graph() -> None:
    subject = case("pr4397", Budget(("crash", "redeliver")))
    scenario = under_budget(BATCHES[subject.batch][0], faults_of(subject))
    walker = Walker(scenario.system(PR4397))
    exploration = explore(under_budget(scenario, faults_of(case("pr4397", CRASHED))), PR4397, reduces=True)
    met: set[str] = set()
    for number in range(40):
        walk = walker.walk(number)
        assert simulate(scenario, PR4397, order=walk.steps).outcome == walk.outcome
        met.update(verdicts_of(walk.outcome))
    assert met & (exploration.verdicts - {"ok"})
    assert walker.walk(7) == Walker(scenario.system(POLICIES["pr4397"])).walk(7)


# -- what is known -----------------------------------------------------------------------------


def test_whether_all_faults_of_a_budget_can_happen_is_known_of_all_schedules_and_counted_in_those_drawn() -> None:
    """A disconnect needs a handler at work, and `lost_response` an answer: both can befall one call."""
    for budget in budgets_of(["lost_response", "disconnect"]):
        subject = case("pr3766", budget, consumers=1)
        whole, drawn = examined(subject), examined(subject, tries_all=False)
        assert (whole.is_complete, drawn.is_complete) == (True, False)
        assert 0 < whole.happened <= whole.looked_at
        assert 0 < drawn.happened <= drawn.looked_at == EFFORT.walks
        # No fault has happened from the beginning on, another one not yet.
        is_no_fault = budget == NO_FAULT
        assert (whole.happened == whole.looked_at) == is_no_fault
        assert (drawn.happened == drawn.looked_at) == is_no_fault
        assert whole.gives_ok
        assert drawn.gives_ok


def judged(*findings: Finding) -> FindingsTable:
    return FindingsTable({finding.case: finding for finding in findings})


def finding(policy: str, budget: Budget, *verdicts: str, is_complete: bool = True, happened: int = 1) -> Finding:
    witnesses = {verdict: FoundSchedule((verdict,), ()) for verdict in verdicts}
    return Finding(case(policy, budget), is_complete, 100, happened, witnesses, gives_ok=True)


def standings(ours: Finding, theirs: Finding) -> dict[str, PolicyStanding]:
    ours_alone = finding("mine", NO_FAULT, "stuck")
    theirs_alone = finding("other", NO_FAULT, "stuck")
    compared = judged(ours_alone, theirs_alone, ours, theirs).compared(
        "mine", "other", [ours.case.batch.base], [ours.case.budget]
    )
    return {each.verdict: each.standing for each in compared}


def test_nothing_is_closed_without_a_proof() -> None:
    theirs = finding("other", CRASHED, "lost_item", "stuck")
    proved = standings(finding("mine", CRASHED, "stuck", "leaked_keys"), theirs)
    assert proved == {
        "lost_item": PolicyStanding.CLOSED,
        "stuck": PolicyStanding.OPEN,
        "leaked_keys": PolicyStanding.CAME_BACK,
    }
    sampled = standings(finding("mine", CRASHED, "stuck", is_complete=False), theirs)
    assert sampled == {"lost_item": PolicyStanding.NOT_FOUND, "stuck": PolicyStanding.OPEN}
    # What a smaller budget gives, a larger one gives, whether a schedule of it was drawn or not.
    assert standings(finding("mine", CRASHED, is_complete=False), theirs)["stuck"] is PolicyStanding.OPEN
    never = standings(finding("mine", CRASHED, "stuck", happened=0), theirs)
    assert never == {"lost_item": PolicyStanding.CANNOT_HAPPEN, "stuck": PolicyStanding.CANNOT_HAPPEN}


def test_what_cannot_happen_is_not_none() -> None:
    base = case("mine", CRASHED).batch.base
    for happened, is_complete, known in (
        (3, True, Known.PROVED),
        (0, True, Known.CANNOT_HAPPEN),
        (3, False, Known.SAMPLED),
        (0, False, Known.SAMPLED),
    ):
        judgement = judged(finding("mine", CRASHED, "stuck", is_complete=is_complete, happened=happened))
        cell = judgement.cell("mine", CRASHED, base)
        assert (cell.known, cell.schedules) == (known, 0 if is_complete else 100)
        # What is given there is given without the fault.
        assert set(judgement.shown("mine", CRASHED, base)) == (
            set() if known is Known.CANNOT_HAPPEN else {"stuck"}
        )


def test_a_cell_is_proved_only_if_all_sizes_are() -> None:
    one = finding("mine", CRASHED)
    more = Finding(case("mine", CRASHED, items=2), False, 60, 5, {}, True)
    base = one.case.batch.base
    assert judged(one).cell("mine", CRASHED, base).known is Known.PROVED
    assert judged(one, more).cell("mine", CRASHED, base).known is Known.SAMPLED


# -- the page ----------------------------------------------------------------------------------


def test_the_findings_do_not_depend_on_the_workers_and_every_link_leads_somewhere() -> None:
    budgets = budgets_of(["crash", "store_error"])
    switch = ("proposed", "enqueues_atomically")

    def found(workers: int) -> Findings:
        effort = Effort(states_max=3_000, walks=20)
        sizes = Sizes((1,), (1,), tuple(Call))
        return surveyed(("pr4397", "proposed"), budgets, sizes, effort, [switch], workers)

    alone, together = found(1), found(2)
    assert alone.findings == together.findings
    text = page(alone, ("enqueues_atomically",))
    schedules = dict(witness_pages(alone))
    links = [part.split(")")[0] for part in text.split("](findings/")[1:]]
    assert links
    for link in links:
        file, anchor = link.split("#")
        assert f'<a id="{anchor}"></a>' in schedules[file]
    assert "**open**" not in text
    assert f"| `enqueues_atomically` | {plain(meaning_of('enqueues_atomically'))} | " in text


def test_the_guide_tells_each_change_of_the_proposal_as_its_switch_says_it() -> None:
    told = [f"| `{switch}` | {plain(meaning_of(switch))} |" for switch in SWITCHES]
    page = (ROOT / "docs" / "reference" / "findings.md").read_text()
    told_there = page.partition("| switch | the change |\n|---|---|\n")[2]
    assert told_there.partition("\n\n")[0].splitlines() == told


def cells_of(text: str) -> dict[tuple[str, str, str], str]:
    """The cells of a page's tables of faults: by heading, faults, policy."""
    cells = {}
    for section in text.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        for table in body.strip().split("\n\n"):
            rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
            if rows and rows[0][0] == "faults":
                assert len(rows[0]) <= 5
                for faults, *row in rows[2:]:
                    cells.update(
                        {(heading, faults, policy): cell for policy, cell in zip(rows[0][1:], row, strict=True)}
                    )
    return cells


@pytest.mark.parametrize(
    ("policies", "faults", "calls"),
    [
        (("pr3427", "proposed"), (("lost_response",),), (Call.TRIGGER_AND_WAIT,)),
        (("pr3766",), (("disconnect",), ("lost_response", "disconnect")), (Call.TRIGGER,)),
    ],
)
def test_the_committed_page_says_what_its_cheapest_cases_give(
    policies: tuple[str, ...], faults: tuple[tuple[str, ...], ...], calls: tuple[Call, ...]
) -> None:
    """Whole cells and their schedules; the others take minutes: `make findings`."""
    budgets = [NO_FAULT, *map(Budget, faults)]
    sample = surveyed(policies, budgets, replace(USUAL, calls=calls), Effort())
    fresh = cells_of(page(sample))
    committed = cells_of((ROOT / "reports" / "findings.md").read_text())
    assert len(fresh) == len(policies) * len(budgets) * len(calls)
    stale = {key: (cell, committed.get(key)) for key, cell in fresh.items() if committed.get(key) != cell}
    assert stale == {}, "reports/findings.md is stale: make findings"
    for name, text in witness_pages(sample):
        there = (ROOT / "reports" / "findings" / name).read_text()
        missing = [each for each in text.split("<a id=")[1:] if each.strip() not in there]
        assert missing == [], f"reports/findings/{name} is stale: make findings"
