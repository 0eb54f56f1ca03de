"""`batchsim window` under any policy, kind of scenario and fault: an answer that runs agree with, or one line."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from batchsim import POLICIES, load_scenario, simulate, verdicts_of
from batchsim.analysis.window.assignments import Values, drawer, fixed, means_of, with_ties
from batchsim.batch.policy import Policy
from batchsim.cli.program import main
from batchsim.model.properties import Property
from batchsim.user_code import load_from_file

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

SWITCHES = (
    "has_reaper",
    "guards_completion",
    "keeps_tombstone",
    "seals_at_finalize",
    "enqueues_atomically",
    "completes_message_last",
    "claims_have_tokens",
    "records_with_meta_only",
    "guards_completion_update",
    "creates_runs_once",
    "reaper_spares_work",
)
CODE = """
from dataclasses import replace
from batchsim import POLICIES, Property
MINE = replace(POLICIES[{base!r}], name="mine", **{switches!r})
RETRIED = Property("retried", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
"""
LEGS = (0, "300 us", "1 ms", {"uniform": ["0 us", "40 ms"]}, {"uniform": ["100 us", "8 ms"]})
FAULTS: tuple[dict[str, Any], ...] = (
    {"lost_response": {"attempt": 1}},
    {"cut": {"attempt": 1, "after_items": 0}},
    {"redeliver": {"item": 0}},
    {"crash": {"at_most": 1}},
    {"store_error": {"probability": "10 %"}},
)


def pairwise_switches(seed: int) -> list[dict[str, Any]]:
    """Combinations of switches in which each pair is both on, once at least."""
    random, left, rows = Random(seed), set(combinations(SWITCHES, 2)), []
    while left:
        on = {*min(left), *random.sample(SWITCHES, 4)}
        left -= set(combinations(sorted(on, key=SWITCHES.index), 2))
        rows.append({name: name in on for name in SWITCHES})
    return rows


def points() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every policy as it is, and switches pairwise on each in turn; a scenario of its own for each."""
    random = Random(11)
    names = [*POLICIES]
    policies: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in names]
    policies += [(names[n % len(names)], on) for n, on in enumerate(pairwise_switches(11))]
    return [(name, on, drawn_scenario(random)) for name, on in policies]


def drawn_scenario(random: Random) -> dict[str, Any]:
    def legs() -> dict[str, Any]:
        return {"request": random.choice(LEGS), "response": random.choice(LEGS)}

    return {
        "name": "grid",
        "batch": {"items": 1, "call": random.choice(["batchTrigger", "batchTriggerAndWait"])},
        "consumers": random.choice([1, 2]),
        "ingest_concurrency": random.choice([1, 2]),
        "policies": ["pre3427"],
        "items": {
            "kind": random.choice(["ok", "ok", "ok", "pre_failed", "rejected"]),
            "execution": random.choice(["0 ms", "20 ms"]),
            "failed_attempts": random.choice([0, 0, 1]),
        },
        "latency": {
            "redis": legs(),
            "postgres": legs(),
            "operations": {
                "redis.enqueued_count": {"request": {"uniform": ["0 us", "120 ms"]}, "response": "300 us"},
                "queue.take": legs(),
                "jobs.take_completion": random.choice(["2 ms", "200 ms"]),
                "jobs.take_expiry": random.choice(["30 ms", {"uniform": ["0 ms", "700 ms"]}]),
                "redis.expire": random.choice(LEGS),
                "sdk.backoff": "2 ms",
            },
        },
    }


def window(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["window", *arguments])
    assert isinstance(ended.value.code, int)
    return (ended.value.code, *capsys.readouterr())


def written(folder: Path, base: str, on: dict[str, Any], data: dict[str, Any]) -> tuple[str, str]:
    (folder / "s.yaml").write_text(json.dumps(data))
    (folder / "mine.py").write_text(CODE.format(base=base, switches=on))
    return str(folder / "s.yaml"), str(folder / "mine.py")


@pytest.mark.parametrize(("base", "on", "data"), points())
def test_a_window_agrees_with_runs_of_the_very_latencies_or_says_why_there_is_none(
    base: str, on: dict[str, Any], data: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, code = written(tmp_path, base, on, data)
    options = ["--policy", f"{code}:MINE", "--verdict", f"{code}:RETRIED", "--max-states", "20000", "--json", "-"]
    exit_code, out, err = window([file, *options], capsys)
    assert exit_code in (0, 3)
    assert all(line.startswith("warning: ") for line in err.splitlines()), err
    document = json.loads(out)
    assert exit_code == (3 if any(each["window"] is None for each in document["windows"]) else 0)
    scenario, policy = load_scenario(file), load_from_file(f"{code}:MINE", tmp_path, Policy)
    properties = (load_from_file(f"{code}:RETRIED", tmp_path, Property),)

    def verdicts(values: Values, ties: int) -> tuple[str, ...]:
        trace = simulate(with_ties(fixed(scenario, values), ties), policy, keep=frozenset())
        return verdicts_of(trace.outcome, properties)

    given = [verdicts(drawer(scenario)(number), number) for number in range(5000, 5040)]
    at_means = [verdicts(means_of(scenario), ties) for ties in range(20)]
    for entry in document["windows"]:
        found, verdict = entry["window"], entry["verdict"]
        if found is None:
            assert entry["why_none"]
            continue
        if any(all(each["always"] for each in case) for case in found["cases"]):
            assert all(verdict in each for each in given)
        if not found["cases"]:
            assert not any(verdict in each for each in given)
        seen = {verdict in each for each in at_means}
        assert seen <= {"open": {True}, "closed": {False}, "either": {True, False}}[found["at_means"]]


@pytest.mark.parametrize(("fault", "policy"), [*product(FAULTS, ["pre3427", "proposed"])])
def test_faults_are_refused_in_one_line(
    fault: dict[str, Any], policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, _ = written(tmp_path, policy, {}, {**drawn_scenario(Random(1)), "faults": [fault]})
    code, out, err = window([file, "--policy", policy], capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "faults: found some; allowed: none" in err


@pytest.mark.parametrize("items", [1, 3])
def test_a_handler_that_enqueues_in_one_script_has_windows(
    items: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No step of it is a push, and the incident fails all the same."""
    _, code = written(tmp_path, "pre3427", {"enqueues_atomically": True}, {})
    options = ["--policy", f"{code}:MINE", "--set", f"batch.items={items}"]
    exit_code, out, _ = window(["scenarios/incident.yaml", *options], capsys)
    assert (exit_code, "false_failure occurs exactly if" in out) == (0, True)
