"""The plugin for pytest: `*.batchsim.yaml` are tests, one for each policy.

pytest loads it by itself. It imports the rest of batchsim only where a scenario is collected, so other suites do
not pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from batchsim.checking.questions import Question
    from batchsim.checking.work import Row

SUFFIXES = (".batchsim.yaml", ".batchsim.yml")
_WITNESSES = "BATCHSIM_WITNESS"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--batchsim-witness DIR`."""
    group = parser.getgroup("batchsim")
    group.addoption(
        "--batchsim-witness",
        metavar="DIR",
        default=None,
        help="write a witness of each verdict that must not be given; batchsim replay runs it again",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and the folder of witnesses, for workers of xdist too."""
    config.addinivalue_line("markers", "batchsim: what a scenario of batchsim expects of a policy")
    folder = config.getoption("--batchsim-witness")
    if folder is not None:
        # Assertions look there, in this process and in those that it starts.
        os.environ[_WITNESSES] = str(Path(config.invocation_params.dir, folder))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario is a file of tests."""
    if file_path.name.endswith(SUFFIXES):
        return ScenarioTests.from_parent(parent, path=file_path)
    return None


class NotAsExpected(Exception):
    """A policy did not come to what a scenario expects of it; told without a traceback."""


class ScenarioTests(pytest.File):
    """The tests of a scenario, one for each policy of which something is expected."""

    def collect(self) -> Iterable[pytest.Item]:
        """The items, in the order of the policies."""
        from batchsim.bad_input import BadInputError  # noqa: PLC0415 - see above
        from batchsim.checking.questions import questions_of  # noqa: PLC0415
        from batchsim.scenario import load_scenario  # noqa: PLC0415

        file = Path(os.path.relpath(self.path))
        try:
            scenario = load_scenario(file)
            questions = list(questions_of(scenario, file))
        except BadInputError as error:
            raise self.CollectError(str(error)) from None
        if not questions:
            raise self.CollectError(
                f"{file}: found nothing that is expected; "
                "allowed: expect, expect_rate, expect_timed or expect_explore"
            )
        for policy in dict.fromkeys(each.policy for each in questions):
            own = [each for each in questions if each.policy == policy]
            yield PolicyTest.from_parent(self, name=own[0].heading, questions=own)


class PolicyTest(pytest.Item):
    """What a scenario expects of one policy."""

    def __init__(self, *, questions: list[Question], **settings: Any) -> None:
        super().__init__(**settings)
        self._questions = questions
        self.add_marker(pytest.mark.batchsim)

    def runtest(self) -> None:
        """Ask each question; raises `NotAsExpected`."""
        from batchsim.checking.told import sentence  # noqa: PLC0415
        from batchsim.checking.work import Status, check  # noqa: PLC0415

        rows = [check(each) for each in self._questions]
        wrong = [row for row in rows if row.status is not Status.PASSED]
        if wrong:
            raise NotAsExpected("\n\n".join("\n".join((sentence(row), *self._more(row))) for row in wrong))

    def _more(self, row: Row) -> Iterator[str]:
        """What led to a verdict that is not expected, and how to see it again."""
        from batchsim.testing.unexpected import told_row  # noqa: PLC0415

        yield from told_row(row, os.environ.get(_WITNESSES))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence alone where a policy did something else."""
        if isinstance(excinfo.value, NotAsExpected):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the expectation stands."""
        line = self._questions[0].line
        return self.path, None if line is None else line - 1, f"{self._questions[0].scenario}, {self.name}"
