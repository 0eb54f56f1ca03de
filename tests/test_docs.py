"""Every page of the documentation: its files are written, its commands run, and what they print is as it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from batchsim import replay
from batchsim.cli import main
from batchsim.report.progress import TELLS_PROGRESS
from batchsim.testing import VerdictGiven, assert_never

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BIN = Path(sys.executable).parent
FILE = re.compile(r"```(?:python|yaml|toml)\n# file: (?P<name>\S+)\n(?P<text>.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(?P<block>.*?)```", re.DOTALL)
WITH_COMMANDS = [page for page in sorted(DOCS.rglob("*.md")) if "```console" in page.read_text()]


def shell(command: str, folder: Path) -> str:
    """What a command prints, and its errors, without blanks at the ends of lines."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": ""}
    environment.pop("PYTEST_PLUGINS", None)
    ended = subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ended.stdout.strip("\n").splitlines() if not line.startswith(TELLS_PROGRESS)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def run_block(block: str, folder: Path) -> str:
    """A block of commands with what they print now."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{shell(line.removeprefix('$ '), folder)}" for line in commands)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_a_page_is_true_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    for match in FILE.finditer(text):
        (tmp_path / match["name"]).write_text(match["text"])
    blocks = [match["block"] for match in CONSOLE.finditer(text)]
    printed = [run_block(block, tmp_path) for block in blocks]
    if os.environ.get("BATCHSIM_REWRITE_GOLDEN"):
        rest = iter(printed)
        page.write_text(CONSOLE.sub(lambda match: f"```console\n{next(rest)}```", text))
        return
    assert printed == blocks


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text()
    assert "Check everything that scenarios expect." in commands
    assert "expect_rate" in (tmp_path / "site" / "reference" / "fields" / "index.html").read_text()


def test_the_page_about_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = re.findall(r"```python\n(.*?)```", (DOCS / "reference" / "python.md").read_text(), re.DOTALL)
    exec(compile(block, "python.md", "exec"), {})


def test_a_witness_is_replayed_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text("name: one\nbatch: {items: 1}\n")
    with pytest.raises(VerdictGiven) as failed:
        assert_never("one.yaml", "pr3427", within="all orders", witness="found")
    assert failed.value.witness is not None
    told = replay(failed.value.witness)
    assert (told.verdicts, told.race is not None) == (("false_failure",), True)
    assert len(repr(told)) < 5_000


# -- files for a CI --------------------------------------------------------------------------------

RACE = "name: race\nbatch: {items: 1}\npolicies: [pr3766]\nexpect: {pr3766: ok}\n"


def scripts() -> dict[str, list[str]]:
    github = yaml.safe_load((ROOT / "ci" / "github-workflow.yml").read_text())
    gitlab = yaml.safe_load((ROOT / "ci" / "gitlab-ci.yml").read_text())
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for file in ("races/race.batchsim.yaml", "races/fix.py", "races/measured.csv", "pyproject.toml"):
        assert re.search(hook["files"], file)
    assert not hook["pass_filenames"]
    return {
        "github": [step["run"] for step in github["jobs"]["check"]["steps"] if "run" in step],
        "gitlab": gitlab["batchsim"]["script"],
        "pre-commit": [hook["entry"]],
    }


@pytest.mark.parametrize("where", ["github", "gitlab", "pre-commit"])
def test_what_is_copied_into_a_ci_passes_there_and_fails_there(where: str, tmp_path: Path) -> None:
    lines = [line for line in scripts()[where] if not line.startswith("pip install batchsim")]
    for expected, code in (("ok", 0), ("stuck", 1)):
        (tmp_path / "race.batchsim.yaml").write_text(RACE.replace(": ok", f": {expected}"))
        script = " && ".join(lines)
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        ended = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert ended.returncode == code, ended.stderr
    written = {word for line in lines for word in shlex.split(line) if word.startswith("batchsim.")}
    assert all((tmp_path / name).is_file() for name in written)


def test_what_is_copied_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, file in (
        ("github", "github-workflow.yml"),
        ("gitlab", "gitlab-ci.yml"),
        ("pre-commit", "pre-commit-config.yaml"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["ci", kind])
        assert ended.value.code == 0
        assert capsys.readouterr().out == (ROOT / "ci" / file).read_text()


def test_the_hook_that_is_configured_is_there() -> None:
    (repository,) = yaml.safe_load((ROOT / "ci" / "pre-commit-config.yaml").read_text())["repos"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [each["id"] for each in repository["hooks"]] == [each["id"] for each in hooks]


def anchors_of(page: Path) -> set[str]:
    """What links to headings of a page say, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


def test_every_link_leads_to_a_file_and_a_heading_that_are_there() -> None:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md"), ROOT / "examples" / "README.md"]
    broken = []
    for page in pages:
        for link in re.findall(
            r"\]\((?!https?:|mailto:)([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        ):
            file, _, anchor = link.partition("#")
            target = page.parent / file if file else page
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert not broken
