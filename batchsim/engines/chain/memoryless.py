"""Which latencies a Markov chain admits: nothing, or an exponential wait, for each leg by itself."""

from __future__ import annotations

from typing import Any

from batchsim.durations import format_duration
from batchsim.model.operation import Operation
from batchsim.scenario import InvalidScenario, Scenario
from batchsim.scenario.latencies import Constant, Distribution, Exponential, Latency, Legs, RoundTrip
from batchsim.scenario.problems import Problem

ALLOWED = "0, or an exponential without min and max, in an exact exploration"
TOLD_ONE_BY_ONE_MAX = 3
TOLD_MAX = 3
EXAMPLE = (
    "most are defaults, which `batchsim explain FILE` lists: write for each group what it is, such as "
    "latency: {redis: {request: {exponential: {mean: 1 ms}}, response: 0}}; "
    "the scenario memoryless has all of them"
)
ROUND_TRIP = (
    "a round trip is one draw, half of it before the effect and half after: "
    "give {request: …, response: …}, each 0 or an exponential"
)


class Means:
    """The mean of each leg that some run of a scenario spends, in microseconds; notes those that are unfit."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._problems: dict[str, Problem] = {}

    def legs_of(self, operation: Operation[Any]) -> tuple[int, int]:
        """Request and response leg of one use of an operation; an unfit one counts as 0."""
        attempt: int | None = getattr(operation.bare, "attempt", None)
        latency = self._scenario.latency_of(operation.name, operation.item, attempt)
        return self._means(operation.name, latency, is_delay=operation.is_instant)

    def legs(self, name: str) -> tuple[int, int]:
        """Both legs of an operation whatever it is used for; of a timer the first one is the delay."""
        # The default of those that depend on the attempt is unfit, whatever the attempt.
        return self._means(name, self._scenario.latency_of(name, attempt=1))

    def given_for(self, item: int | None) -> tuple[Latency | None, ...]:
        """The latencies that are given for an item alone."""
        return self._scenario.latencies.given_for(item)

    def check(self) -> None:
        """Raises `InvalidScenario` with every unfit latency that was asked for; of many, in one sentence."""
        if len(self._problems) > TOLD_ONE_BY_ONE_MAX:
            names = list(self._problems)
            of_names = [f"{name} ({self._problems[name].found})" for name in names[:TOLD_MAX]]
            more = f" and {len(names) - TOLD_MAX} more" if len(names) > TOLD_MAX else ""
            found = f"{len(names)} latencies of other kinds: {', '.join(of_names)}{more}"
            raise InvalidScenario([Problem(self._scenario.file, None, None, "latency", found, ALLOWED, EXAMPLE)])
        if self._problems:
            raise InvalidScenario(self._problems.values())

    def _means(self, name: str, latency: Latency, *, is_delay: bool = False) -> tuple[int, int]:
        match latency:
            case RoundTrip(Constant(0)):
                return 0, 0
            case RoundTrip(distribution):
                hint = ROUND_TRIP if isinstance(distribution, Exponential) else ""
                self._note(name, distribution, hint)
                return 0, 0
            case Legs(request, response):
                # The request leg of what a timer holds back is that timer's, and asked for where it is started.
                return 0 if is_delay else self._mean(name, request), self._mean(name, response)

    def _mean(self, name: str, distribution: Distribution) -> int:
        match distribution:
            case Exponential(mean_us, 0, None):
                return mean_us
            case _ if distribution.support_us == (0, 0):
                return 0
        self._note(name, distribution, "")
        return 0

    def _note(self, name: str, distribution: Distribution, hint: str) -> None:
        shortest_us, longest_us = distribution.support_us
        support = format_duration(shortest_us)
        support += "" if longest_us == shortest_us else f" … {_longest(longest_us)}"
        found = f"{type(distribution).__name__.lower()}, {support}"
        allowed = ALLOWED if not hint else ""
        problem = Problem(self._scenario.file, None, None, f"latency of {name}", found, allowed, hint)
        self._problems.setdefault(name, problem)


def _longest(longest_us: int | None) -> str:
    return "any length" if longest_us is None else format_duration(longest_us)
