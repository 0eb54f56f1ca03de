"""Whether a fault of a scenario happened is said by every command, and nothing is proved under one that cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchsim import (
    POLICIES,
    Scenario,
    explore,
    explore_exact,
    load_scenario,
    scenario_from_data,
    simulate,
    sweep,
)
from batchsim.analysis.sweep.identity import seed_stream
from batchsim.bad_input import BadInputError
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.glosses import glossed
from batchsim.cli import main
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.streams import draw
from batchsim.model.faults import Effect, Fault
from batchsim.scenario import Slow, fault_in_words

NEVER = """
name: never
batch: {items: 1}
policies: [pr3766]
faults: [
  {crash: {actor: handler-3, before: redis.enqueued_count}},
  {slow: {operation: store.upload, delay: 5 s}},
  {redeliver: {item: 0, at: 5 h}},
]
"""
"""No third handler, nothing to be uploaded, and nobody works for five hours."""
PUSH = "scenarios/crash-before-push.yaml"
"""Under `proposed` nobody issues the operation before which it crashes."""
PUSH_IN_WORDS = "fault 0 (crash of handler-1 before queue.push)"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def batchsim(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return int(str(ended.value.code)), " ".join(captured.out.split()), captured.err

    return run


@pytest.fixture
def never(tmp_path: Path) -> Path:
    file = tmp_path / "never.yaml"
    file.write_text(NEVER)
    return file


def document(batchsim: Run, *arguments: object) -> Any:
    return json.loads(batchsim(*arguments, "--json", "-")[1])


# -- runs --------------------------------------------------------------------------------------


def test_a_run_says_of_each_fault_whether_it_happened(batchsim: Run, never: Path, tmp_path: Path) -> None:
    code, out, _ = batchsim("run", never, "--report", tmp_path)
    assert code == 0
    for fault in (
        "fault 0: crash of handler-3 before redis.enqueued_count",
        "fault 1: slow store.upload, 5 s later",
        "fault 2: redelivery of item 0, from 5 h on",
    ):
        assert f"{fault}: did not happen" in out
    assert (tmp_path / "never.md").read_text().count(": **did not happen**") == 3
    _, out, _ = batchsim("run", PUSH, "--policy", "proposed", "--policy", "pr3766")
    happened = "did not happen under proposed (proposal); happened once under pr3766 (second fix)"
    assert f"before queue.push: {happened}" in out
    _, out, _ = batchsim("run", PUSH, "scenarios/lost-answer.yaml", "--policy", "proposed", "--policy", "pr3766")
    assert f"crash-before-push: {PUSH_IN_WORDS} did not happen under proposed (proposal)" in out
    assert "lost-answer: fault" not in out


def test_the_json_of_a_run_counts_each_fault(batchsim: Run, never: Path) -> None:
    (run,) = document(batchsim, "run", never)["runs"]
    assert [each["times"] for each in run["faults"]] == [0, 0, 0]
    (run,) = document(batchsim, "run", "scenarios/redelivered-before-complete.yaml", "--policy", "pr4397")["runs"]
    assert run["faults"] == [
        {"fault": 0, "what": "redelivery of item 0, from 61 s on", "pinned": True, "times": 1},
        {"fault": 1, "what": "slow queue.complete, 63 s later", "pinned": True, "times": 1},
    ]


@pytest.mark.parametrize("options", [(), ("--timed",)])
def test_a_replay_counts_them_too(batchsim: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    file = "scenarios/redelivered-before-complete.yaml"
    batchsim("explore", file, *options, "--policy", "proposed", "--witness", tmp_path, "--quiet")
    found = [document(batchsim, "replay", witness)["runs"][0] for witness in sorted(tmp_path.iterdir())]
    times = {tuple(each["times"] for each in run["faults"]) for run in found}
    # Without time the shortest schedules have no redelivery; the clock of a replay lets what is slow be so.
    assert times == ({(1, 1)} if options else {(0, 1)})


def test_a_loss_of_what_is_not_there_does_not_happen(batchsim: Run, tmp_path: Path) -> None:
    file = tmp_path / "nothing.yaml"
    file.write_text(
        "name: nothing\nbatch: {items: 1}\nitems: {kind: rejected}\nconsumers: 1\npolicies: [pr3766]\n"
    )
    pinned, budget = (
        ("--set", f"faults=[{{lost_state: {{keys: batch:B:runs, {when}}}}}]") for when in ("at: 1 s", "at_most: 2")
    )
    assert "did not happen" in batchsim("run", file, *pinned)[1]
    for options in ((), ("--timed",), ("--reduce",)):
        assert batchsim("explore", file, *options, *pinned)[0] == 3
    code, out, _ = batchsim("explore", file, *budget)
    assert (code, "fault 0 no schedule" in out) == (0, True)
    # What undoes itself is no loss either: the message that was pushed has been taken at once.
    undone = ("--set", "faults=[{lost_state: {keys: queue, last_writes: 2, at: 1 s}}]")
    assert "did not happen" in batchsim("run", file, *undone)[1]


def test_each_use_that_a_probability_makes_slow_counts() -> None:
    faults = [
        {"slow": {"operation": "redis.mark_enqueued", "delay": "1 s", "probability": each}} for each in (1, 0.5)
    ]
    fields = {"name": "x", "batch": {"items": 9}, "faults": faults}
    always, at_times = simulate(scenario_from_data(fields), POLICIES["pr3766"]).faults
    assert always == 9
    assert 0 < at_times < 9


# -- sweeps ------------------------------------------------------------------------------------

AT_TIMES = {
    "name": "at times",
    "batch": {"items": 2},
    "faults": [
        {"slow": {"operation": "redis.cleanup", "delay": "1 s", "probability": "20%"}},
        {"lost_response": {"probability": "40%"}},
        {"slow": {"operation": "store.upload", "delay": "1 s"}},
        {"crash": {"actor": "handler-2", "before": "postgres.find_batch"}},
    ],
}


def test_a_sweep_counts_the_runs_in_which_each_fault_happened(tmp_path: Path) -> None:
    scenario = scenario_from_data(AT_TIMES)
    policies, database = ["pre3427", "pr3427", "pr3766", "proposed"], tmp_path / "runs.sqlite"
    looks = iter([True, True, False])
    part = sweep(scenario, policies[:2], runs=80, workers=1, database=database, watch=lambda *_: next(looks))
    assert not part.is_complete
    whole = sweep(scenario, policies, runs=80, workers=1, database=database, resume=True)
    for cell in whole.cells:
        seeds = [draw(seed_stream(scenario, cell.point.key), index) for index in range(80)]
        traces = [simulate(replace(scenario, seed=seed), POLICIES[cell.policy]) for seed in seeds]
        counted = [sum(trace.faults[number] > 0 for trace in traces) for number in range(4)]
        assert [each.count for each in cell.faults] == counted
        assert 0 < counted[0] < 80
        assert counted[2] == 0
        assert 0 < counted[1] <= counted[3] < 80
    assert whole == sweep(scenario, policies, runs=80, workers=2)


def test_a_sweep_does_not_take_one_fault_for_another(tmp_path: Path) -> None:
    """What is slow may stand elsewhere in the list: no run depends on that, but the numbers of faults do."""
    first, second, *others = AT_TIMES["faults"]
    database = tmp_path / "runs.sqlite"
    sweep(scenario_from_data(AT_TIMES), ["pr3766"], runs=5, workers=1, database=database)
    moved = scenario_from_data({**AT_TIMES, "faults": [second, first, *others]})
    with pytest.raises(BadInputError, match="another order of faults, with slow operations at 0, 2; this is"):
        sweep(moved, ["pr3766"], runs=5, workers=1, database=database, resume=True)


def test_the_output_of_a_sweep_says_so(batchsim: Run, never: Path) -> None:
    code, out, _ = batchsim("sweep", never, "--runs", "10", "--workers", "1")
    assert code == 0
    assert (
        "happened in (second fix) fault 0 none of 10 runs fault 1 none of 10 runs fault 2 none of 10 runs" in out
    )
    (cell,) = document(batchsim, "sweep", PUSH, "--runs", "10", "--workers", "1", "--policy", "pr3766")["sweep"]
    assert [(each["fault"], each["count"], each["share"]) for each in cell["faults"]] == [(0, 10, 1.0)]


# -- explorations ------------------------------------------------------------------------------

MEMORYLESS = (
    "scenarios/memoryless.yaml",
    "--set",
    "faults=[{store_error: {actor: handler, operation: queue.push}}]",
)


@pytest.mark.parametrize(
    "arguments",
    [(PUSH,), (PUSH, "--reduce"), (PUSH, "--timed"), (*MEMORYLESS, "--exact")],
    ids=["all", "reduced", "timed", "exact"],
)
def test_nothing_is_proved_under_a_pinned_fault_that_occurs_in_no_schedule(
    batchsim: Run, arguments: tuple[str, ...]
) -> None:
    code, out, _ = batchsim("explore", *arguments, "--policy", "proposed", "--set", "summary=plain")
    assert code == 3
    what = PUSH_IN_WORDS if arguments[0] == PUSH else "fault 0 (store error of handler in queue.push)"
    assert f"proposed (proposal) inconclusive: {what} occurs in no schedule (" in out
    assert "fault 0 no schedule" in out
    assert "proved" not in out
    assert "never" not in out
    (found,) = document(batchsim, "explore", *arguments, "--policy", "proposed")["explorations"]
    assert (found["complete"], found["inconclusive"]) == (True, f"{what} occurs in no schedule")
    (fault,) = found["faults"]
    assert (fault["pinned"], fault["occurs"]) == (True, False)
    assert (fault.get("schedules") or "0", fault.get("probability") or 0.0) == ("0", 0.0)


@pytest.mark.parametrize("option", [None, "--reduce", "--timed"])
def test_a_verdict_that_was_not_expected_comes_first(batchsim: Run, option: str | None) -> None:
    options = [] if option is None else [option]
    arguments = ["explore", PUSH, *options, "--policy", "proposed", "--quiet", "--set"]
    assert batchsim(*arguments, "expect_explore={proposed: stuck}", "--set", "policies=[proposed]")[0] == 1
    assert batchsim(*arguments, "expect_explore={proposed: ok}", "--set", "policies=[proposed]")[0] == 3


def test_that_a_policy_fails_without_the_fault_is_said(batchsim: Run, never: Path) -> None:
    code, out, _ = batchsim(
        "explore", never, "--policy", "pre3427", "--set", "faults.2={lost_response: {attempt: 1}}"
    )
    assert code == 3
    assert "fault 1 (slow store.upload, 5 s later) occurs in no schedule; without them the policy fails in " in out


@pytest.mark.parametrize("option", [None, "--reduce", "--timed"])
@pytest.mark.parametrize(
    ("operation", "policy"),
    [("redis.expire", "pr3766"), ("store.upload", "pr3766"), ("redis.enqueued_count", "local_count")],
)
def test_what_nobody_issues_is_slow_nowhere(
    batchsim: Run, tmp_path: Path, option: str | None, operation: str, policy: str
) -> None:
    """With time or without: that time is left out is no reason where there is nothing to be slow."""
    file = tmp_path / "slow.yaml"
    file.write_text(f"name: x\nbatch: {{items: 1}}\nfaults:\n  - slow: {{operation: {operation}, delay: 1 ms}}\n")
    options = [] if option is None else [option]
    code, out, _ = batchsim("explore", file, *options, "--policy", policy)
    assert (code, "fault 0 no schedule" in out) == (3, True)
    assert f"{glossed(policy)} inconclusive: fault 0 (slow {operation}, 1 ms later) occurs in no schedule" in out
    (found,) = document(batchsim, "explore", file, *options, "--policy", policy)["explorations"]
    assert [each["occurs"] for each in found["faults"]] == [False]


def test_the_first_operation_of_who_never_begins_is_slow_nowhere(batchsim: Run, tmp_path: Path) -> None:
    """No child run is created, so that none finishes, though one could."""
    file = tmp_path / "slow.yaml"
    crash, slow = "crash: {actor: consumer-0, before: BEFORE}", "slow: {operation: run.finish, delay: 1 ms}"
    text = f"name: x\nbatch: {{items: 1}}\nconsumers: 1\nfaults:\n  - {crash}\n  - {slow}\n"
    for before, said in (("postgres.create_run", "no schedule"), ("redis.record", "time is left out")):
        file.write_text(text.replace("BEFORE", before))
        assert f"fault 1 {said}" in batchsim("explore", file, "--policy", "pr3766")[1]


def test_without_time_nothing_is_slow_and_with_it_what_is_slow_has_to_occur(batchsim: Run) -> None:
    file = "scenarios/slow-count.yaml"
    code, out, _ = batchsim("explore", file, "--policy", "pr3766", "--reduce")
    assert (code, "fault 0 time is left out" in out, "proved" in out) == (0, True, True)
    assert batchsim("explore", file, "--policy", "pr3766", "--timed")[0] == 0
    # Where the handler counts too late, which takes longer to end, nothing is sealed.
    slow_seal = "faults=[{slow: {operation: postgres.seal, delay: 1 ms}}]"
    _, out, _ = batchsim("explore", "tests/golden/timed.yaml", "--policy", "pr3427", "--timed", "--set", slow_seal)
    assert "happens in (first fix) fault 0 some schedules" in out
    # It counts what it enqueued by itself.
    code, out, _ = batchsim("explore", file, "--policy", "local_count", "--timed")
    assert code == 3
    assert "inconclusive: fault 0 (slow redis.enqueued_count, 2 s later) occurs in no schedule" in out


SLOW: dict[str, bool | None] = {
    "operation: store.upload": False,  # small payloads
    "operation: redis.get_meta": None,
    "operation: redis.get_meta, actor: consumer-1": None,
    "operation: redis.enqueued_count, item: 0": False,
    "operation: postgres.seal, attempt: 5": False,
    "operation: postgres.find_batch, attempt: 5": None,
    "operation: run.finish, item: 0": None,
    "operation: jobs.take_completion": None,
    "operation: redis.record, item: 1": None,
    "operation: jobs.take_expiry": False,
}
"""What may be slow, and whether it is told without time: what nobody issues never is."""
OF_TWO = ("tests/golden/timed.yaml", "--policy", "pr3427", "--set", "batch.items=2", "--set", "consumers=2")


def slow_ones(*which: str) -> tuple[str, str]:
    return "--set", f"faults=[{', '.join(f'{{slow: {{{each}, delay: 1 us}}}}' for each in which)}]"


@pytest.mark.parametrize("options", [[], ["--reduce"]])
def test_what_nobody_issues_is_never_slow_without_time_either(batchsim: Run, options: list[str]) -> None:
    code, out, _ = batchsim("explore", *OF_TWO, *options, *slow_ones(*SLOW))
    assert code == 3
    for number, occurs in enumerate(SLOW.values()):
        assert (f"fault {number} time is left out" in out) == (occurs is None)
        assert (f"fault {number} no schedule" in out) == (occurs is False)


@pytest.mark.parametrize("slow", [slow for slow, occurs in SLOW.items() if occurs is False])
def test_what_happens_with_time_is_not_said_to_happen_nowhere(batchsim: Run, slow: str) -> None:
    assert "fault 0 no schedule" in batchsim("explore", *OF_TWO, "--timed", *slow_ones(slow))[1]


@pytest.mark.parametrize("option", [None, "--reduce", "--timed"])
@pytest.mark.parametrize(
    ("fault", "delay", "policy"),
    [
        ("crash: {actor: job, before: postgres.find_runs}", "jobs.return", "pr3427"),
        ("store_error: {actor: job, operation: postgres.find_runs}", "jobs.retry", "pr3427"),
        ("redeliver: {item: 0, at: 0 s}", "queue.kept_in_flight", "pr4569"),
    ],
)
def test_what_only_a_fault_lets_wait_is_not_said_to_be_slow_nowhere(
    batchsim: Run, option: str | None, fault: str, delay: str, policy: str
) -> None:
    faults = f"faults=[{{{fault}}}, {{slow: {{operation: {delay}, delay: 1 s}}}}]"
    options = () if option is None else (option,)
    code, out, _ = batchsim("explore", PUSH, "--policy", policy, "--set", faults, "--set", "consumers=1", *options)
    assert code != 3
    assert f"fault 1 {'some schedules' if option == '--timed' else 'time is left out'}" in out


def test_a_budget_that_cannot_be_spent_is_only_told(batchsim: Run) -> None:
    budget = "faults=[{crash: {actor: handler-1, before: queue.push, at_most: 1}}]"
    code, out, _ = batchsim("explore", PUSH, "--policy", "proposed", "--set", budget)
    assert code == 0
    assert "fault 0 no schedule" in out
    assert "proposed (proposal) proved: none of 55,963,906 schedules gives any verdict but ok" in out


def test_a_bound_is_part_of_what_is_said(batchsim: Run) -> None:
    code, out, _ = batchsim("explore", PUSH, "--policy", "proposed", "--max-states", "50")
    assert code == 3
    why = "stopped at 50 states (--max-states)"
    assert f"inconclusive: {PUSH_IN_WORDS} occurs in no schedule that was explored ({why})" in out
    assert "fault 0 no schedule so far" in out


def test_schedules_are_counted_exactly() -> None:
    """A lost response that may or may not be: what is left are the schedules of a scenario without it."""
    data = {"name": "x", "batch": {"items": 1}, "items": {"kind": "rejected"}, "consumers": 1}
    without = explore(scenario_from_data(data), POLICIES["pr3766"])
    subject = scenario_from_data({**data, "faults": [{"lost_response": {"at_most": 1}}]})
    exploration = explore(subject, POLICIES["pr3766"])
    (fault,) = exploration.faults
    assert (exploration.schedules, without.schedules) != (None, None)
    assert fault.schedules == (exploration.schedules or 0) - (without.schedules or 0) > 0


def test_the_probability_to_happen_at_all_is_exact() -> None:
    """Each of up to five answers is lost with 20 %, and the call ends with the first that is not."""
    subject = load_scenario("scenarios/memoryless.yaml")
    subject = replace(subject, setting=replace(subject.setting, faults=(LostResponse(probability=0.2),)))
    exploration = explore_exact(subject, POLICIES["pr3766"])
    assert exploration.is_proof
    assert exploration.faults[0].probability == pytest.approx(0.2, abs=1e-12)
    some = explore_exact(subject, POLICIES["pr3766"], bounds=Bounds(states_max=3_000))
    assert not some.is_complete
    assert 0 < (some.faults[0].probability or 0) < 0.2


# -- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (LostResponse(attempt=2), "lost response of attempt 2"),
        (Disconnect(attempt=1, at_us=1_500_000), "disconnect of attempt 1, from 1.5 s on"),
        (Cut(attempt=1, after_items=1), "cut of attempt 1 after 1 item"),
        (Cut(after_items=0), "cut after 0 items"),
        (Redeliver(at_most=2), "redelivery, at most 2 times"),
        (Crash(actor="consumer", at_us=0), "crash of consumer, from 0 us on"),
        (Crash(before="queue.push", item=1), "crash before queue.push of item 1"),
        (Crash(actor="handler", item=1), "crash of handler before a step of item 1"),
        (StoreError(probability=0.3), "store error, with a probability of 30 %"),
        (
            StoreError(actor="consumer-0", operation="redis.record", item=0, effect=Effect.AFTER),
            "store error of consumer-0 in redis.record of item 0 after its effect",
        ),
        (
            Slow(operation="queue.retry", delay_us=5, actor="consumer", item=0, attempt=2, probability=0.5),
            "slow queue.retry of consumer of item 0 of attempt 2, 5 us later, with a probability of 50 %",
        ),
    ],
)
def test_every_fault_has_words(fault: Fault | Slow, said: str) -> None:
    assert fault_in_words(fault) == said


def test_the_numbers_of_faults_are_those_of_the_file(never: Path) -> None:
    scenario: Scenario = load_scenario(never)
    assert [type(each) for each in scenario.faults] == [Crash, Slow, Redeliver]
    assert scenario.listed("cr", "s") == ("c", "s", "r")


TWINS = """
name: twins
batch: {items: 1}
policies: [pr3766]
faults: [
  {slow: {operation: store.upload, delay: 5 s}},
  {lost_response: {at_most: 1}},
  {lost_response: {at_most: 1}},
]
"""


def test_a_way_that_two_faults_offer_is_told_by_the_number_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "twins.yaml"
    file.write_text(TWINS)
    scenario = load_scenario(str(file))
    sdk = next(actor for actor in scenario.system(POLICIES["pr3766"]).actors if actor.name == "sdk")
    assert [each.listed_as for each in sdk.exposures] == [1, 2]
    ways = {label.alternative for label in explore(scenario, POLICIES["pr3766"]).graph.labels}
    assert {way for way in ways if way is not None and way.startswith("lost")} == {"lost", "lost (fault 2)"}
    assert fault_in_words(scenario.faults[2]) == "lost response, at most once"


def test_a_fault_that_code_put_in_is_named_by_its_number_among_all() -> None:
    slow = {"slow": {"operation": "store.upload", "delay": "5 s"}}
    scenario = scenario_from_data({"name": "x", "batch": {"items": 1}, "faults": [slow]})
    changed = replace(scenario, setting=replace(scenario.setting, faults=(Redeliver(at_most=2),)))
    with pytest.raises(BadInputError, match=r"Redeliver \(fault 1\)\.at_most"):
        simulate(changed, POLICIES["pr3766"])
