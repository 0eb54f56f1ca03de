"""Whether a scenario's faults can occur in what is done with it: a timed run, or an exploration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from batchsim.batch.faults import Cut, LostResponse
from batchsim.model.faults import Crash, Fault, LostState, ServiceFault, StoreError
from batchsim.scenario.problems import InvalidScenario, Place, Problem, describe
from batchsim.scenario.scenario import Scenario
from batchsim.scenario.written_faults import WrittenFault


def check_for_timed_run(scenario: Scenario) -> None:
    """Raises `InvalidScenario` for faults that say neither when nor how likely they occur."""
    _check(scenario, _problem_of_timed_run)


def check_for_exploration(scenario: Scenario) -> None:
    """Raises `InvalidScenario` for faults with a probability."""
    _check(scenario, _problem_of_exploration)


def check_for_timed_exploration(scenario: Scenario) -> None:
    """Raises `InvalidScenario` for probabilities, and for what timed exploration cannot do."""
    _check(scenario, _problem_of_timed_exploration, list(_problems_of_injected_delays(scenario)))


def _check(
    scenario: Scenario, problem_of: Callable[[WrittenFault], Problem | None], further: Sequence[Problem] = ()
) -> None:
    problems = [problem for written in _written(scenario) if (problem := problem_of(written))]
    if problems or further:
        raise InvalidScenario([*problems, *further])


def _problem_of_timed_run(written: WrittenFault) -> Problem | None:
    fault = written.fault
    if fault.at_most is not None:
        allowed = "a pinned moment or a probability, in a timed run"
        return _problem_at("at_most", fault.at_most, written, allowed, "at_most is a budget for exploration")
    if isinstance(fault, ServiceFault) and fault.lasts_us is None:
        return Problem(*written.place, written.field, "no lasts", "lasts, in a timed run: how long it lasts", "")
    if isinstance(fault, LostState) and fault.is_pinned and fault.at_us is None:
        return Problem(*written.place, written.field, "no moment", "at, in a timed run: when it happens", "")
    pins = _what_pins(fault)
    if fault.is_pinned and fault.at_us is None and pins is not None and getattr(fault, pins) is None:
        allowed = f"{pins} or at, to pin its moment in a timed run"
        return Problem(*written.place, written.field, "no moment", allowed, "only exploration takes every moment")
    return None


def _what_pins(fault: Fault) -> str | None:
    """The field without which the fault could come at any step of an actor."""
    match fault:
        case Crash():
            return "before"
        case StoreError():
            return "operation"
        case _:
            return None


def _problem_of_exploration(written: WrittenFault) -> Problem | None:
    probability = written.fault.probability
    if probability is None:
        return None
    allowed = "a pinned fault or at_most, in an exploration"
    return _problem_at("probability", probability, written, allowed, "a probability is for timed runs")


def _problem_of_timed_exploration(written: WrittenFault) -> Problem | None:
    fault = written.fault
    if isinstance(fault, Cut):
        allowed = "every other fault, in a timed exploration"
        return Problem(*written.place, written.field, "a cut", allowed, "explore it without --timed, or run it")
    if isinstance(fault, LostResponse) and fault.at_us is not None:
        return _problem_at("at", fault.at_us, written, "attempt or at_most, in a timed exploration", "")
    return _problem_of_exploration(written)


def _problems_of_injected_delays(scenario: Scenario) -> Iterator[Problem]:
    for slow in scenario.injected_delays:
        if slow.probability is not None:
            found = f"slow {slow.operation} with the probability {describe(slow.probability)}"
            allowed = "a slow operation without one, in an exploration"
            yield Problem(scenario.file, None, None, "faults", found, allowed, "a probability is for timed runs")


def _problem_at(key: str, value: float, written: WrittenFault, allowed: str, hint: str) -> Problem:
    place = written.place_of.get(key, written.place)
    return Problem(*place, f"{written.field}.{key}", describe(value), allowed, hint)


def _written(scenario: Scenario) -> Iterator[WrittenFault]:
    """Each fault with its places; one that was put in by code has none but the scenario."""
    entries = scenario.written_faults
    listed_as = scenario.numbers_of_faults
    for number, fault in enumerate(scenario.setting.faults):
        if number < len(entries) and entries[number].fault == fault:
            yield entries[number]
        else:
            yield WrittenFault(
                fault, f"{type(fault).__name__} (fault {listed_as[number]})", Place(scenario.file), {}
            )
