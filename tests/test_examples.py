"""The examples, with exact numbers; and every block of the guide to extensions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from batchsim import explore, explore_exact, explore_timed, load_scenario, scenario_of, simulate
from batchsim.engines.exhaustive import Exploration
from batchsim.scenario import find_policy

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "extending.md"
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


def test_the_chord_loses_its_callback_and_the_fix_is_proved() -> None:
    chord = module("chord")
    bug, half, fixed = (explore(scenario_of(each)) for each in (chord.CHORD, chord.HALF_FIXED, chord.FIXED))
    assert numbers(bug) == {"callback_lost": 32, "ok": 152}
    assert numbers(half) == {"callback_twice": 1272, "ok": 314}
    assert numbers(fixed) == {"ok": 3760}
    assert fixed.is_proof


@pytest.mark.parametrize("name", ["CHORD", "HALF_FIXED", "FIXED"])
def test_all_engines_say_the_same_of_the_chord(name: str) -> None:
    system = getattr(module("chord"), name)
    scenario = scenario_of(system)
    found = explore(scenario)
    assert explore(scenario, reduces=True).verdicts == found.verdicts
    assert explore(scenario, merges=False).schedules == found.schedules
    within = explore_timed(scenario)
    assert within.verdicts <= found.verdicts
    for seed in range(30):
        outcome = simulate(scenario_of(system, seed=seed)).outcome
        assert set(system.verdicts_of(outcome)) <= within.verdicts
    legs = {"request": {"exponential": {"mean": "1 ms"}}, "response": {"exponential": {"mean": "2 ms"}}}
    exact = explore_exact(scenario_of(system, redis=legs))
    assert exact.verdicts == found.verdicts
    assert sum(each.probability for each in exact.outcomes) == pytest.approx(1)


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


def test_every_block_of_the_guide_runs(tmp_path: Path) -> None:
    blocks = {match["file"]: match["code"] for match in BLOCK.finditer(GUIDE.read_text())}
    assert list(blocks) == [
        *("check.py", "recount.py", "mails.py", "script.py", "limiter.py"),
        *("locks.py", "vote.py", "callback.py", "cron.py"),
    ]
    for file, code in blocks.items():
        (tmp_path / file).write_text(code)
        subprocess.run([sys.executable, file], check=True, cwd=tmp_path)
    scenario = str(ROOT / "examples" / "fixes.yaml")
    for policy in ("check.py:MINE", "recount.py:MINE"):
        command = [sys.executable, "-m", "batchsim", "explore", scenario, "--policy", policy]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr


def test_the_guide_names_every_step() -> None:
    from batchsim.batch.policy import STEPS

    assert [line.split("`")[1] for line in GUIDE.read_text().splitlines() if line.startswith("| `")] == list(STEPS)
