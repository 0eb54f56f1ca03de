"""What the README and the pages in docs/ show is what the program prints, and the code in them runs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from batchsim import load_scenario
from batchsim.report.progress import TELLS_PROGRESS
from tests.commands import command

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
OUTPUT = re.compile(r"(<!-- output of: batchsim (?P<command>.+?) -->\n```text\n)(?P<output>.*?)(```)", re.DOTALL)
FAULTS = re.compile(r"```yaml\n(faults:.*?)```", re.DOTALL)
SCENARIO = re.compile(r"```yaml\n(# yaml-language-server: .*?)```", re.DOTALL)
OWN = "examples/own_policies.py"
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def printed_by(line: str) -> str:
    """What a command of the README prints, and its errors, without trailing blanks."""
    arguments = [str(path) for word in line.split() for path in _expanded(word)]
    ended = command(arguments, ROOT)
    told = [line for line in ended.err.splitlines(True) if not line.startswith(TELLS_PROGRESS)]
    lines = "".join((ended.out, *told)).strip("\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _expanded(word: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(word)) if "*" in word else [word]


def whole_text() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def test_a_newcomer_reads_the_readme_in_a_few_minutes() -> None:
    assert len(README.read_text().splitlines()) <= 150


def shown_in(page: Path) -> dict[str, str]:
    return {match["command"]: match["output"] for match in OUTPUT.finditer(page.read_text())}


@pytest.mark.parametrize("page", [page for page in PAGES if shown_in(page)], ids=lambda page: page.stem)
def test_outputs_are_those_of_the_commands(page: Path) -> None:
    text = page.read_text()
    if os.environ.get("BATCHSIM_REWRITE_GOLDEN"):
        text = OUTPUT.sub(lambda m: m[1] + printed_by(m["command"]) + m[4], text)
        page.write_text(text)
    shown = shown_in(page)
    assert {line: printed_by(line) for line in shown} == shown


def test_every_command_has_an_output_somewhere() -> None:
    commands = {line.split()[0] for page in PAGES for line in shown_in(page)}
    assert commands >= {"run", "explore", "window", "findings", "sweep", "worth"}


def test_nothing_in_an_example_is_without_effect() -> None:
    """Such a warning is a flaw of the example, and a reader would look for what it wants to show."""
    lines = whole_text().splitlines()
    assert [line for line in lines if line.startswith("warning: ") and "has no effect" in line] == []


def test_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for blocks that are files, which their pages' own tests run."""
    monkeypatch.chdir(ROOT)
    blocks = [each for page in PAGES for each in PYTHON.findall(page.read_text()) if page.name != "extending.md"]
    blocks = [each for each in blocks if not each.startswith("# file: ")]
    assert len(blocks) >= 4
    for block in blocks:
        exec(compile(block, "docs", "exec"), {})


def test_the_scenario_runs_as_it_stands_and_so_do_policies_of_ones_own(tmp_path: Path) -> None:
    (scenario,) = SCENARIO.findall(whole_text())
    file = tmp_path / "mine.yaml"
    file.write_text(scenario)
    arguments = ["run", str(file), "--quiet"]
    assert command(arguments, ROOT) == (0, "", "")
    (block,) = (each for each in PYTHON.findall(whole_text()) if each.startswith(f"# {OWN}\n"))
    assert (ROOT / OWN).read_text().endswith(block.removeprefix(f"# {OWN}\n"))
    arguments += ["--policy", f"{OWN}:MINE", "--verdict", f"{OWN}:IMPATIENT", "--fail-on", "impatient"]
    assert command(arguments, ROOT) == (0, "", "")
    assert f"`batchsim run scenarios/*.yaml --policy {OWN}:MINE --verdict {OWN}:IMPATIENT`" in whole_text()


def test_the_faults_are_valid(tmp_path: Path) -> None:
    (block,) = FAULTS.findall(whole_text())
    file = tmp_path / "s.yaml"
    file.write_text(f"name: x\nbatch: {{items: 1}}\n{block}")
    scenario = load_scenario(file)
    assert (len(scenario.setting.faults), len(scenario.injected_delays)) == (6, 1)
