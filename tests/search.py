"""Looks for examples that no run of the suite has tried: `python -m tests.search`, or `make search`.

The suite tries the same examples in every run. Here each property test that is chosen tries new ones, under a seed
that is printed with the command that replays it.
"""

from __future__ import annotations

import argparse
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")


def main() -> int:
    """Search until time is up or something fails; the exit code is pytest's of the last round."""
    arguments = _arguments()
    tests = _property_tests(arguments.places, "hypothesis and not slow" if arguments.quick else "hypothesis")
    began = time.monotonic()
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    while True:
        chosen = sorted(random.Random(seed).sample(tests, min(arguments.tests or len(tests), len(tests))))
        _announce(seed, arguments)
        options = ("--hypothesis-profile=search", f"--hypothesis-seed={seed}", "-n", arguments.processes)
        code = subprocess.run([*PYTEST, *options, *chosen], check=False).returncode
        if code or arguments.seed is not None or time.monotonic() - began >= arguments.seconds:
            return code
        seed = secrets.randbelow(2**32)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Try new examples in property tests.")
    parser.add_argument("places", nargs="*", default=["tests"], help="files, folders or tests; default: all")
    parser.add_argument("--seconds", type=float, default=0, help="go on with new seeds for so long; default: once")
    parser.add_argument("--seed", type=int, help="replay the round of this seed")
    parser.add_argument("--tests", type=int, help="so many tests a round, drawn by the seed; default: all")
    parser.add_argument("--quick", action="store_true", help="leave out the tests of tests/slow.txt")
    parser.add_argument("--processes", default="auto", help="as for `pytest -n`")
    return parser.parse_args()


def _property_tests(places: list[str], marked: str) -> list[str]:
    # To list names no assert has to be rewritten, which takes longer than all else.
    command = [*PYTEST, "--collect-only", "--assert=plain", "-m", marked, *_with_hypothesis(places)]
    collected = subprocess.run(command, check=True, capture_output=True, text=True)
    # Those of one function are tried together: parameters may hold characters that no command line takes.
    found = sorted({line.partition("[")[0] for line in collected.stdout.splitlines() if "::" in line})
    assert found, collected.stdout
    return found


def _with_hypothesis(places: list[str]) -> Iterator[str]:
    """The places, but of a folder only the files that name it: to import the others takes half of the time."""
    for place in places:
        if Path(place).is_dir():
            yield from (
                str(file) for file in sorted(Path(place).rglob("test_*.py")) if "hypothesis" in file.read_text()
            )
        else:
            yield place


def _announce(seed: int, arguments: argparse.Namespace) -> None:
    words = [f"--seed {seed}"]
    words += [] if arguments.tests is None else [f"--tests {arguments.tests}"]
    words += ["--quick"] if arguments.quick else []
    words += [] if arguments.places == ["tests"] else arguments.places
    print(f"new examples; to replay them: python -m tests.search {' '.join(words)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
