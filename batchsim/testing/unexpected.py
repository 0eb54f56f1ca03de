"""More of a check that failed: the schedule of a verdict that is not expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from batchsim.checking.answers import Way, ask
from batchsim.checking.work import Row, Status, properties_in
from batchsim.engines.exhaustive.search import Bounds
from batchsim.scenario import load_scenario
from batchsim.testing.failures import run_of_example, told_failure, witness_file


def told_row(row: Row, folder: str | None) -> Iterator[str]:
    """What led to a verdict that is not expected, if one was given; `folder`: where a witness goes."""
    question = row.question
    if row.status is not Status.FAILED or question.way is Way.RATE or question.verdicts is None:
        if row.again:
            yield f"see it: {row.again}"
        return
    scenario = load_scenario(question.file, question.overrides)
    policy = scenario.find_policy(question.policy, scenario.directory)
    properties = properties_in(scenario)
    bounds = Bounds(question.states_max, question.memory_max)
    answer = ask(scenario, question.policy, policy, question.way, properties=properties, bounds=bounds)
    for example in answer.examples:
        if not set(example.verdicts) <= question.verdicts:
            file = None
            if folder is not None and example.steps is not None:
                file = witness_file(Path(folder), scenario, question.policy, example)
            yield ""
            run = run_of_example(scenario, question.policy, policy, properties, example)
            yield told_failure(scenario, run, question.way, example, file)
            return
    # A verdict that is expected is missing: there is no schedule to show.
    yield f"see it: {row.again}"
