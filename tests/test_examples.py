"""The examples, with exact numbers; and every block of the guide to extensions."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from batchsim import (
    Scenario,
    explore,
    explore_exact,
    explore_timed,
    load_scenario,
    model,
    scenario_of,
    simulate,
    sweep,
)
from batchsim.engines.exhaustive import Exploration
from batchsim.scenario import find_policy
from tests.commands import command
from tests.test_readme import OUTPUT, printed_by

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "extending.md"
README = ROOT / "examples" / "README.md"
ROW = re.compile(r"^\| \[`(\w+)`\].* \| (.*) \|$", re.MULTILINE)
BLOCK = re.compile(r"```python\n# file: (?P<file>\S+)\n(?P<code>.*?)```", re.DOTALL)


def module(name: str) -> Any:
    spec = spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def numbers(found: Exploration) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for each in found.outcomes:
        assert each.schedules is not None
        counted[", ".join(each.verdicts)] += each.schedules
    return dict(counted)


EXPLORED: dict[str, dict[str, dict[str, int]]] = {
    "chord": {
        "as_published": {"callback_lost": 32, "ok": 152},
        "half_fixed": {"callback_twice": 1272, "ok": 314},
        "fixed": {"ok": 3760},
    },
    "callback_batch": {
        "counted_after": {"early": 345, "ok": 323},
        "two_commands": {"twice": 2580, "ok": 912},
        "fixed": {"ok": 276},
    },
    "outbox": {
        "publish_first": {"twice": 2452, "ok": 133},
        "mark_first": {"lost": 13, "ok": 71},
        "fixed": {"ok": 2585},
    },
    "lease": {
        "lease": {"lost_write": 13488, "ok": 4252},
        "looks_before": {"lost_write": 420, "ok": 25892},
        "fenced_writes": {"lost_write": 7598, "ok": 10142},
        "fixed": {"ok": 16476},
    },
    "idempotency": {
        "key_first": {"unpaid": 428, "ok": 32061},
        "key_last": {"twice": 202072, "ok": 58711},
        "fixed": {"ok": 11279},
    },
}
"""The schedules by verdict, of each example under each policy."""
LEGS = "{request: {exponential: {mean: 2 ms}}, response: {exponential: {mean: 1 ms}}}"
BY_CHANCE = {
    "outbox": ("faults=[{crash: {actor: relay-0, probability: 20%}}]",),
    "idempotency": ("faults=[{crash: {actor: server, probability: 20%}}]",),
}
"""In place of a budget, which is for exploration."""
EXPONENTIAL: dict[str, tuple[str, ...]] = {
    "chord": (f"latency.redis={LEGS}",),
    "callback_batch": (f"latency.redis={LEGS}",),
    "outbox": (
        *(f"latency.{group}={LEGS}" for group in ("redis", "postgres")),
        "latency.operations={sleep(1 min): {exponential: {mean: 10 ms}}}",
    ),
    "lease": (
        *(f"latency.{group}={LEGS}" for group in ("redis", "storage")),
        "latency.operations.sleep(1 s)={exponential: {mean: 5 s}}",
        "latency.operations.sleep(10 s)={exponential: {mean: 10 s}}",
        "latency.operations.redis.expired={exponential: {mean: 10 s}}",
    ),
}
"""For an exact exploration, which knows no HTTP calls."""
CASES = [(name, policy) for name, policies in EXPLORED.items() for policy in policies]


def of_file(name: str, policy: str, *overrides: str, seed: int | None = None) -> tuple[Scenario, Any]:
    """The scenario of an example, and one of its policies."""
    scenario = load_scenario(ROOT / "examples" / f"{name}.yaml", overrides, seed)
    return scenario, scenario.find_policy(policy, scenario.directory)


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_an_example_comes_to_what_it_says_in_so_many_schedules(name: str, policy: str) -> None:
    found = explore(*of_file(name, policy))
    assert numbers(found) == EXPLORED[name][policy]
    assert found.is_proof
    assert found.unreached == ()


@pytest.mark.parametrize(("name", "policy"), CASES)
def test_all_engines_say_the_same_of_an_example(name: str, policy: str) -> None:
    verdicts = set(EXPLORED[name][policy])
    assert explore(*of_file(name, policy), reduces=True).verdicts == verdicts
    within = explore_timed(*of_file(name, policy))
    assert within.is_complete
    assert within.verdicts <= verdicts
    chance = BY_CHANCE.get(name, ())
    for seed in range(20):
        scenario, variant = of_file(name, policy, *chance, seed=seed)
        outcome = simulate(scenario, variant).outcome
        assert set(scenario.system(variant).verdicts_of(outcome)) <= within.verdicts
    if name in EXPONENTIAL:
        exact = explore_exact(*of_file(name, policy, *chance, *EXPONENTIAL[name]))
        assert exact.verdicts == verdicts
        assert sum(each.probability for each in exact.outcomes) == pytest.approx(1)


@pytest.mark.parametrize("name", EXPLORED)
def test_an_example_meets_what_its_scenario_expects(name: str) -> None:
    file = str(ROOT / "examples" / f"{name}.yaml")
    commands = [["explore", file, "-q"], ["explore", file, "-q", "--timed"]]
    commands += [["run", file, "-q"]] if load_scenario(file).expect else []
    for each in commands:
        assert command(each, ROOT) == (0, "", "")


def test_a_sweep_counts_what_a_run_remembers() -> None:
    """Two runs that end alike may have different verdicts."""
    scenario, _ = of_file("callback_batch", "fixed")
    swept = sweep(scenario, runs=60, workers=1)
    assert {cell.policy: sorted(cell.first_runs) for cell in swept.cells} == {
        "counted_after": ["early", "ok"],
        "two_commands": ["ok", "twice"],
        "fixed": ["ok"],
    }


def test_a_twin_that_is_named_by_a_fault_may_wait_for_ever() -> None:
    slow = "faults=[{slow: {actor: worker-0, operation: redis.incr, delay: 5 ms}}]"
    assert explore_timed(*of_file("chord", "fixed", slow)).verdicts == {"ok"}
    assert explore(*of_file("chord", "fixed"), twins=False).verdicts == {"ok"}


def test_a_group_of_ones_own_is_swept() -> None:
    scenario, _ = of_file("lease", "fixed")
    swept = sweep(scenario, ["lease", "fixed"], runs=60, workers=1)
    assert [sorted(cell.first_runs) for cell in swept.cells] == [["lost_write", "ok"], ["ok"]]


def test_outcomes_that_read_the_same_are_one() -> None:
    """Whether the relay crashed is told apart from them."""
    assert len(explore(*of_file("outbox", "publish_first")).outcomes) == 2
    assert len(explore(*of_file("outbox", "mark_first")).outcomes) == 2


def test_an_explanation_tells_of_another_order_only_if_that_leaves_it_open() -> None:
    """After the pop of worker-1, too, the step that decided decides: only the history has both in common."""
    told = printed_by("run examples/callback_batch.yaml --policy counted_after")
    assert "by redis.incr of worker-0 (1): from there every order comes to it.\n" in told
    assert "it came before" not in told


def test_the_chord_is_a_model_for_python_too() -> None:
    chord = module("chord")
    assert numbers(explore(scenario_of(chord.CHORD.of("as_published")))) == EXPLORED["chord"]["as_published"]
    more = explore(scenario_of(chord.CHORD.of("as_published", chord.Sizes(tasks=3))))
    assert more.verdicts == {"callback_lost", "ok"}


def test_of_three_fixes_that_change_the_flow_one_is_proved() -> None:
    scenario = load_scenario(ROOT / "examples" / "fixes.yaml")
    found = {
        reference: numbers(explore(scenario, find_policy(reference, scenario.directory)))
        for reference in scenario.policies
        if reference != "pre3427"
    }
    assert {name: sum(given.values()) for name, given in found.items()} == {
        "fixes.py:RECOUNT": 18_429_534_868,
        "fixes.py:KEPT_SET": 310_006_042,
        "fixes.py:ONE_STEP": 7_458_598,
    }
    assert {name: sorted(given) for name, given in found.items()} == {
        "fixes.py:RECOUNT": ["false_failure", "ok"],
        "fixes.py:KEPT_SET": ["false_failure", "ok"],
        "fixes.py:ONE_STEP": ["ok"],
    }


def test_every_block_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = {match["file"]: match["code"] for match in BLOCK.finditer(GUIDE.read_text())}
    assert list(blocks) == [
        *("check.py", "recount.py", "mails.py", "script.py", "reserve.py", "limiter.py"),
        *("locks.py", "vote.py", "callback.py", "cron.py", "counter.py", "viewed.py", "amnesia.py"),
    ]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for file, code in blocks.items():
        Path(file).write_text(code)
        run_path(file, run_name="__main__")
    scenario = str(ROOT / "examples" / "fixes.yaml")
    for policy in ("check.py:MINE", "recount.py:MINE"):
        ended = command(["explore", scenario, "--policy", policy], tmp_path)
        assert ended.code == 0, ended.err


def test_the_model_of_the_guide_runs_with_every_command(tmp_path: Path) -> None:
    text = GUIDE.read_text()
    for match in BLOCK.finditer(text):
        (tmp_path / match["file"]).write_text(match["code"])
    (scenario,) = re.findall(r"```yaml\n# file: counter.yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "counter.yaml").write_text(scenario)

    def code(line: str) -> int:
        return command(line.split()[1:], tmp_path).code

    commands = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `batchsim ")]
    assert len(commands) == 7
    for line in commands:
        few = " --runs 20" if "sweep" in line else " --policy atomic --fault crash" if "findings" in line else ""
        assert code(line.replace("latency.…", "latency.redis.request") + few) == 0, line
    (tmp_path / "amnesia.yaml").write_text(f"{scenario}faults: [{{amnesia.py:Amnesia: {{at_most: 1}}}}]\n")
    assert code("batchsim explore amnesia.yaml --policy atomic -q") == 1


def test_the_guide_names_every_step() -> None:
    from batchsim.batch.policy import STEPS

    section = GUIDE.read_text().split("\n## A step\n")[1].split("\n## ")[0]
    assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")] == list(STEPS)


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.stem)
def test_an_example_is_read_in_a_minute(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 100


def test_the_vocabulary_of_models_is_there_under_one_name() -> None:
    assert [name for name in model.__all__ if getattr(model, name, None) is None] == []
    assert set(model.__all__) <= set(dir(model))
    with pytest.raises(AttributeError, match=r"module 'batchsim\.model' has no attribute 'Batch'"):
        getattr(model, "Batch")  # noqa: B009 - mypy knows that there is none


def test_the_table_of_examples_says_what_comes_out() -> None:
    rows = {match[1]: match[2] for match in ROW.finditer(README.read_text())}
    assert rows == {
        name: "; ".join(
            f"`{policy}`: {', '.join(each for each in verdicts if each != 'ok') or 'proved'}"
            for policy, verdicts in policies.items()
        )
        for name, policies in EXPLORED.items()
    }


def test_the_outputs_of_the_examples_are_those_of_the_commands() -> None:
    text = README.read_text()
    if os.environ.get("BATCHSIM_REWRITE_GOLDEN"):
        text = OUTPUT.sub(lambda m: m[1] + printed_by(m["command"]) + m[4], text)
        README.write_text(text)
    shown = {match["command"]: match["output"] for match in OUTPUT.finditer(text)}
    assert len(shown) == 2
    assert {line: printed_by(line) for line in shown} == shown
