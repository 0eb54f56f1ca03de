"""Which scenarios are a Markov chain, apart from their latencies."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.scenario import InvalidScenario, Problem, Scenario, check_for_timed_run
from batchsim.scenario.problems import Place

ALLOWED = "lost_response, and store_error of a handler, without at, in an exact exploration"
ALLOWED_OF_ANY = "crash and store_error without at, in an exact exploration"


def check_for_chain(scenario: Scenario) -> None:
    """Raises `InvalidScenario` for faults and slow operations that no chain holds, or no timed run."""
    check_for_timed_run(scenario)
    problems = [
        Problem(scenario.file, None, None, "faults", f"slow {slow.operation}", ALLOWED)
        for slow in scenario.injected_delays
    ]
    problems += _problems_of_faults(scenario)
    if problems:
        raise InvalidScenario(problems)


def _problems_of_faults(scenario: Scenario) -> Iterator[Problem]:
    for number, fault in enumerate(scenario.setting.faults):
        if not fault.is_memoryless:
            written = scenario.written_faults[number : number + 1]
            place = written[0].place if written else Place(scenario.file)
            field = written[0].field if written else f"faults[{number}]"
            found = fault.word if fault.at_us is None else f"{fault.word} with at"
            yield Problem(*place, field, found, ALLOWED if scenario.own is None else ALLOWED_OF_ANY)
