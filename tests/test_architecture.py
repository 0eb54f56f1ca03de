"""The rules that keep the protocol one and pure; and that each check catches what it is there for."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchsim.batch import operations
from batchsim.model import operation
from batchsim.model.operation import Operation

ROOT = Path(__file__).parents[1]
PROTOCOL = ROOT / "batchsim" / "batch"
PURE = (PROTOCOL, PROTOCOL / "policies", ROOT / "batchsim" / "model")
NAMES = ROOT / "batchsim" / "model" / "__init__.py"
"""Imports what it names when it is asked for it, and holds no code of a model."""
SOURCES = sorted(file for folder in PURE for file in folder.glob("*.py") if file != NAMES)

# -- imports -----------------------------------------------------------------------------------


def lint_imports(folder: Path) -> str:
    """What is told of the contracts of pyproject.toml and the package in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in run.stdout, run.stdout + run.stderr
    assert run.returncode == bool(told_of_contracts(run.stdout))
    return run.stdout


def told_of_contracts(printed: str) -> dict[str, str]:
    """By the contracts that are broken, what breaks them."""
    broken = [line.partition(" BROKEN")[0] for line in printed.splitlines() if " BROKEN" in line]
    parts = {name: printed.partition(f"\n{name}\n{'-' * len(name)}\n")[2] for name in broken}
    assert all(parts.values()), printed
    return {name: re.split(r"\n\n.+\n-+\n", part)[0] for name, part in parts.items()}


LAYERS = "Imports go down these layers, and never up"
NO_BATCH = "Engines know nothing of the batch"
GENERIC = "Analysis knows nothing of the batch, but for what is about it alone"
PURITY = "Models and the batch know no time, no randomness and no outside world"


def test_imports_keep_their_contracts() -> None:
    assert told_of_contracts(lint_imports(ROOT)) == {}


AGAINST_THE_RULES = [
    ("batch/consumer.py", "import time", PURITY),
    ("batch/stores.py", "from random import random", PURITY),
    ("batch/policies/decisions.py", "import datetime", PURITY),
    ("model/cells.py", "from batchsim.scenario.spelling import did_you_mean", LAYERS),
    ("engines/frames.py", "from batchsim.batch.operations import GetMeta", NO_BATCH),
    ("analysis/sweep/plan.py", "from batchsim.batch.policies import POLICIES", GENERIC),
    ("batch/reaper.py", "from batchsim.scenario import Scenario", LAYERS),
    ("model/run.py", "from batchsim.batch.verdicts import VERDICTS", LAYERS),
    ("engines/streams.py", "from batchsim.analysis.chains import Stretch", LAYERS),
    ("analysis/runs.py", "def late():\n    from batchsim.cli import main", LAYERS),
    ("nowhere.py", "X = 1", LAYERS),
    ("analysis/margins.py", "import simpy", "simpy: the timed engine"),
    ("scenario/loading.py", "import yaml", "yaml: the YAML file of a scenario"),
    ("scenario/building.py", "import pydantic", "pydantic: the schema of a scenario"),
    ("cli.py", "import rapidfuzz", "rapidfuzz: the nearest known name"),
    ("analysis/batch/explanation.py", "import rich.text", "click and rich: what is seen on the terminal"),
    ("report/sweep.py", "import matplotlib", "matplotlib: pictures of sweeps"),
    ("analysis/sweep/plan.py", "import distributed", "Dask: executors of a sweep"),
    ("analysis/runs.py", "import psycopg", "redis and psycopg: real servers"),
]
"""A module, what is added to it, and the contract that this breaks."""


def test_an_import_against_the_rules_breaks_its_contract(tmp_path: Path) -> None:
    """All at once, in a copy of the package: each import is told under its own contract."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "batchsim", tmp_path / "batchsim", ignore=shutil.ignore_patterns("__pycache__"))
    for module, line, _ in AGAINST_THE_RULES:
        with (tmp_path / "batchsim" / module).open("a") as file:
            file.write(f"\n{line}\n")
    sections = told_of_contracts(lint_imports(tmp_path))
    assert set(sections) == {contract for *_, contract in AGAINST_THE_RULES}
    for module, line, contract in AGAINST_THE_RULES:
        name = f"batchsim.{module.removesuffix('.py').replace('/', '.')}"
        found = re.search(r"(?:from|import) (batchsim[\w.]*|\w+)", line)
        told = rf"- +{name} -> {found[1]} \(l\.\d+\)" if found else f"- {name}"
        assert re.search(rf"^{told}$", sections[contract], re.MULTILINE), (module, line)


# -- coroutines, as they are written -----------------------------------------------------------

OPERATIONS = {
    name
    for name, value in vars(operations).items()
    if isinstance(value, type) and issubclass(value, Operation) and hasattr(value, "name")
}
AWAITED_TOGETHER = {"both", "for_each"}
assert vars(operation).keys() >= AWAITED_TOGETHER
CLOCKS = {"asyncio", "datetime", "importlib", "os", "random", "secrets", "threading", "time", "uuid"}
IMPURE_FUNCTIONS = {"__import__", "eval", "exec", "hash", "id", "input", "open"}


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def coroutines(tree: ast.AST) -> Iterator[ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef))


def awaited(node: ast.AST) -> Iterator[ast.AST]:
    """What an `await` gets (its operand, a side of a choice, what goes together), and a lambda's value."""
    match node:
        case ast.Await(value=value):
            yield from reached_by(value)
        case ast.Lambda(body=body):
            yield body  # for `for_each`, which awaits it


def reached_by(value: ast.AST) -> Iterator[ast.AST]:
    yield value
    match value:
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*reached_by(body), *reached_by(orelse))
        case ast.Call() if name_of(value) in AWAITED_TOGETHER:
            yield from value.args


def forgotten_awaits(source: str) -> list[str]:
    """Operations and coroutines that a coroutine makes and does not await."""
    tree = ast.parse(source)
    local = {coroutine.name for coroutine in coroutines(tree)}
    to_be_awaited = OPERATIONS | AWAITED_TOGETHER | local
    found: list[str] = []
    for coroutine in coroutines(tree):
        calls = [node for node in ast.walk(coroutine) if isinstance(node, ast.Call)]
        reached = {id(each) for node in ast.walk(coroutine) for each in awaited(node)}
        forgotten = (call for call in calls if name_of(call) in to_be_awaited and id(call) not in reached)
        found += (f"{coroutine.name}: {ast.unparse(call)}" for call in forgotten)
    return found


def impurities(source: str) -> list[str]:
    """Modules and functions that let the outside world in: a clock, randomness, a file, the hash seed."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += (alias.name for alias in names if alias.name.partition(".")[0] in CLOCKS)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in CLOCKS:
                found.append(module)
            case ast.Call() if name_of(node) in IMPURE_FUNCTIONS:
                found.append(name_of(node))
    return found


def unordered_iterations(source: str) -> list[str]:
    """Loops of coroutines over anything but a range, and loops over what is plainly a set."""
    tree = ast.parse(source)
    in_coroutines = {id(node) for coroutine in coroutines(tree) for node in ast.walk(coroutine)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            over = node.iter
            is_range = isinstance(over, ast.Call) and name_of(over) == "range"
            is_set = isinstance(over, ast.Set | ast.SetComp) or (
                isinstance(over, ast.Call) and name_of(over) in ("set", "frozenset")
            )
            if is_set or (id(node) in in_coroutines and not is_range):
                found.append(ast.unparse(over))
    return found


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_protocol_forgets_no_await_reads_no_clock_and_iterates_over_no_set(file: Path) -> None:
    source = file.read_text()
    assert forgotten_awaits(source) == []
    assert impurities(source) == []
    assert unordered_iterations(source) == []


def test_the_protocol_has_coroutines_to_check() -> None:
    names = {coroutine.name for file in SOURCES for coroutine in coroutines(ast.parse(file.read_text()))}
    assert {"batch_trigger", "stream_batch_items", "consume", "execute_run", "reap"} <= names
    assert {"GetMeta", "Deliver", "CleanupWithTombstone"} <= OPERATIONS


CONSUMER = (PROTOCOL / "consumer.py").read_text()


@pytest.mark.parametrize(
    ("right", "wrong", "forgotten"),
    [
        ("if await GetMeta(index, held) is", "if GetMeta(index, held) is", "GetMeta(index, held)"),
        (
            "await CompleteMessage(item",
            "CompleteMessage(item",
            "CompleteMessage(item, delivery=delivery)",
        ),
        (
            "await both(ReadRuns(held=held), ReadFailures(held=held))",
            "(ReadRuns(held=held), await ReadFailures(held=held))",
            "ReadRuns(held=held)",
        ),
        ("await both(", "both(", "both(ReadRuns(held=held), ReadFailures(held=held))"),
        (
            "await update_batch_with(held)",
            "update_batch_with(held)",
            "update_batch_with(held)",
        ),
        ("await Cleanup(held=held)", "Cleanup(held=held)", "Cleanup(held=held)"),
    ],
)
def test_a_forgotten_await_is_found(right: str, wrong: str, forgotten: str) -> None:
    assert CONSUMER.count(right) == 1
    found = forgotten_awaits(CONSUMER.replace(right, wrong))
    assert forgotten in [line.partition(": ")[2] for line in found]


@pytest.mark.parametrize(
    ("line", "imported"),
    [
        ("import time", "time"),
        ("from datetime import datetime", "datetime"),
        ("import os.path", "os.path"),
        ("clock = __import__('time')", "__import__"),
        ("async def f(): return hash('x')", "hash"),
    ],
)
def test_a_clock_is_found(line: str, imported: str) -> None:
    assert impurities(f"{CONSUMER}\n{line}\n") == [imported]


@pytest.mark.parametrize(
    ("line", "over"),
    [
        ("async def f(items):\n    for item in items: await GetMeta(item)", "items"),
        ("async def f(items):\n    return [i for i in items]", "items"),
        ("def f(items):\n    return [i for i in set(items)]", "set(items)"),
        ("for i in {1, 2}: pass", "{1, 2}"),
    ],
)
def test_an_iteration_without_an_order_is_found(line: str, over: str) -> None:
    assert unordered_iterations(f"{CONSUMER}\n{line}\n") == [over]


FORGETFUL = """
from batchsim.model.operation import both
from batchsim.batch.operations import GetMeta, ReadFailures, ReadRuns


async def forgetful() -> int | None:
    GetMeta(0)
    both(ReadRuns(), ReadFailures())
    return await GetMeta(0)
"""


def test_mypy_finds_an_operation_that_is_thrown_away(tmp_path: Path) -> None:
    snippet = tmp_path / "forgetful.py"
    snippet.write_text(FORGETFUL)
    # With the options and in the folder of `make test`, so that what it found before is not looked for again.
    run = subprocess.run(
        [sys.executable, "-m", "mypy", snippet],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in run.stdout.splitlines() if ": error: " in line]
    assert [line.rpartition("[")[2] for line in errors] == ["unused-awaitable]"] * 2, run.stdout
    assert [line.split(":")[1] for line in errors] == ["7", "8"]
