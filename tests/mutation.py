"""Whether a test fails when the code is wrong: `python -m tests.mutation`, or `make mutants`.

Small mistakes are put into a copy of the code, one at a time: a comparison turned around, `and` for `or`, a
condition negated, a number off by one, a statement left out. A mistake that no test of that part sees has
*survived*. Which mistakes are tried is drawn by a seed; the same seed tries the same ones.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PARTS: dict[str, tuple[str, ...]] = {
    "batchsim/engines/frames.py": ("tests/engines/test_frames.py", "tests/engines/test_scripts.py"),
    "batchsim/engines/exhaustive": (
        "tests/engines/test_states.py",
        "tests/engines/test_exhaustive.py",
        "tests/engines/test_symmetry.py",
        "tests/engines/test_faults.py",
        "tests/test_cli.py",
    ),
    "batchsim/engines/zones": ("tests/engines/test_zones.py", "tests/analysis/window"),
    "batchsim/engines/chain": (
        "tests/engines/test_chain.py",
        "tests/engines/test_own_systems.py",
        "tests/test_cli_exact.py",
    ),
    "batchsim/engines/timed": (
        "tests/engines/test_timed_rules.py",
        "tests/engines/test_timed_laws.py",
        "tests/engines/test_scripts.py",
        "tests/engines/test_compiled_runs.py",
        "tests/engines/test_faults.py",
    ),
    "batchsim/batch/fault_injection.py": (
        "tests/batch/test_fault_injection.py",
        "tests/engines/test_faults.py",
        "tests/engines/test_exhaustive.py",
    ),
    "batchsim/analysis/constraints.py": ("tests/analysis/test_constraints.py", "tests/analysis/window"),
    "batchsim/model/exposure.py": ("tests/batch/test_fault_injection.py", "tests/engines/test_faults.py"),
    "batchsim/model/injection.py": (
        "tests/batch/test_fault_injection.py",
        "tests/engines/test_own_systems.py",
        "tests/engines/test_faults.py",
        "tests/batch/test_befalling.py",
    ),
    "batchsim/cli": (
        "tests/test_gate.py",
        "tests/test_cli.py",
        "tests/test_cli_files.py",
        "tests/test_crashes.py",
        "tests/test_faults_that_happen.py",
    ),
}
"""What is made wrong, and the tests that are to see it."""
TIME_MAX_S = 600
"""A mistake that keeps the tests busy for longer is seen."""


def tests_of(file: Path, part: str) -> tuple[str, ...]:
    """The tests that are to see a mistake in a file of a part: of a command, those of that command first."""
    own = (f"tests/test_cli_{file.stem}.py",) if part == "batchsim/cli" else ()
    return (*(each for each in own if (ROOT / each).exists()), *PARTS[part])


class Mutant(NamedTuple):
    """One mistake."""

    file: Path
    """Relative to the root."""
    line: int
    before: str
    after: str
    source: str
    """The whole file with it."""
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before!r} -> {self.after!r}"


_TURNED: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}


def _mistakes(node: ast.AST, text: str) -> Iterator[tuple[ast.AST, str]]:
    """What can stand in place of a node."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            sides = ast.get_source_segment(text, left), ast.get_source_segment(text, right)
            yield node, f"({sides[0]} {_TURNED[type(operator)]} {sides[1]})"
        case ast.BoolOp(op=operator, values=values):
            parts = [ast.get_source_segment(text, value) or "" for value in values]
            yield node, f"({(' or ' if isinstance(operator, ast.And) else ' and ').join(parts)})"
            for left_out in range(len(parts)):
                rest = [part for place, part in enumerate(parts) if place != left_out]
                yield node, f"({(' and ' if isinstance(operator, ast.And) else ' or ').join(rest)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, f"({ast.get_source_segment(text, operand)})"
        case ast.If(test=test) | ast.IfExp(test=test):
            yield test, f"(not ({ast.get_source_segment(text, test)}))"
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1)
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete() | ast.Continue() | ast.Break():
            yield node, "pass"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield value, "None"


def mutants_of(file: Path, tests: tuple[str, ...]) -> Iterator[Mutant]:
    """Every mistake that can be made in a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line.encode()))
    encoded = text.encode()
    tree = ast.parse(text)
    asserted = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Assert) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in asserted:
            continue
        for replaced, by in _mistakes(node, text):
            assert isinstance(replaced, ast.expr | ast.stmt)
            assert replaced.end_lineno is not None
            assert replaced.end_col_offset is not None
            begin = begins[replaced.lineno - 1] + replaced.col_offset
            end = begins[replaced.end_lineno - 1] + replaced.end_col_offset
            source = (encoded[:begin] + by.encode() + encoded[end:]).decode()
            yield Mutant(file, replaced.lineno, encoded[begin:end].decode(), by, source, tests)


def is_seen(mutant: Mutant, copy: Path, processes: str) -> bool:
    """Whether a test fails, in a copy of the tree, where this mistake is made."""
    file = copy / mutant.file
    usual = file.read_text(encoding="utf-8")
    file.write_text(mutant.source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-n", processes, *mutant.tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, check=False, timeout=TIME_MAX_S
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(usual, encoding="utf-8")
    return ended.returncode != 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Try some mistakes and print those that survived; the exit code is 1 if some did."""
    parser = argparse.ArgumentParser(description="Put mistakes into the code, and see whether a test fails.")
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--count", type=int, default=10, help="mistakes of each part; default: 10")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", default="auto", help="as for `pytest -n`")
    given = parser.parse_args(arguments)
    seen = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "*cache*", "__pycache__"))
        for part in given.parts:
            place = ROOT / part
            files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
            possible = [
                each for file in files for each in mutants_of(file.relative_to(ROOT), tests_of(file, part))
            ]
            for mutant in random.Random(given.seed).sample(possible, min(given.count, len(possible))):
                tried += 1
                if is_seen(mutant, copy, given.processes):
                    seen += 1
                    print(f"seen      {mutant}", flush=True)
                else:
                    print(f"SURVIVED  {mutant}", flush=True)
    print(f"{seen} of {tried} mistakes were seen by a test")
    return int(seen < tried)


if __name__ == "__main__":
    sys.exit(main())
