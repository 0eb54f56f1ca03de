"""Latencies of a scenario as numbers: one duration, or one interval, for each leg of each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from batchsim.analysis.issuing import issued_in
from batchsim.analysis.window.legs import REQUEST, RESPONSE, LatencyLeg, Leg
from batchsim.batch.operations import OPERATIONS, Backoff
from batchsim.batch.setting import ATTEMPTS_MAX
from batchsim.batch.stores import MAX_ATTEMPTS
from batchsim.engines.sampling import leg_sampler
from batchsim.engines.streams import draw, stream_base
from batchsim.scenario import Scenario
from batchsim.scenario.defaults import BACKOFFS
from batchsim.scenario.latencies import Constant, Latency, Legs, RoundTrip, Support
from batchsim.scenario.scenario import LatencyTable

STRATA = 1024
"""How many quantiles a mean is taken over."""
LEAST_US = 1000
"""A request leg that takes no time is tried up to a thousand times that, where intervals are left."""
ENDLESS = 4
"""An interval without end is tried up to so many times its mean."""
Values = Mapping[LatencyLeg, int]


def latencies_of(scenario: Scenario) -> tuple[LatencyLeg, ...]:
    """Every leg of every latency of a scenario without faults."""
    return tuple(
        LatencyLeg(operation, part, item, attempt)
        for operation in _operations(scenario)
        for item, attempt in _kinds_of(scenario, operation)
        for part in (REQUEST, RESPONSE)
    )


def _operations(scenario: Scenario) -> Iterable[str]:
    if scenario.own is not None:
        return issued_in(scenario)
    return [name for name, kind in OPERATIONS.items() if not kind.is_of_faults]


def _kinds_of(scenario: Scenario, operation: str) -> Iterator[tuple[int | None, int | None]]:
    table = scenario.latencies
    if operation in table.of_operation or scenario.own is not None:
        yield None, None
    elif operation in BACKOFFS:
        attempts = MAX_ATTEMPTS if operation == Backoff.name else ATTEMPTS_MAX
        yield from ((None, attempt) for attempt in range(1, attempts))
    yield from ((item, None) for item in table.of_item.get(operation, ()))


def latency_of(scenario: Scenario, leg: Leg) -> LatencyLeg:
    """The leg of a latency that a leg of a run takes its duration from."""
    table = scenario.latencies
    if leg.item is not None and leg.item in table.of_item.get(leg.operation, ()):
        return LatencyLeg(leg.operation, leg.part, leg.item, None)
    varies = leg.operation in BACKOFFS and leg.operation not in table.of_operation
    return LatencyLeg(leg.operation, leg.part, None, leg.attempt if varies else None)


def support_of(scenario: Scenario, latency: LatencyLeg) -> Support:
    """The interval of a leg (us); the halves of a round trip as if each varied by itself."""
    place = 0 if latency.part == REQUEST else 1
    match _distribution(scenario, latency):
        case RoundTrip(total):
            min_us, max_us = total.support_us
            return _half(min_us, place), None if max_us is None else _half(max_us, place)
        case Legs(request, response):
            return (request, response)[place].support_us


def _half(total_us: int, place: int) -> int:
    return (total_us + place) // 2


def mean_us(scenario: Scenario, latency: LatencyLeg) -> int:
    """The mean of a leg (us), over quantiles."""
    return _mean_us(_distribution(scenario, latency), 0 if latency.part == REQUEST else 1)


@lru_cache(maxsize=1024)
def _mean_us(distribution: Latency, place: int) -> int:
    sampler = leg_sampler(distribution)
    match distribution:
        case Legs(_, response) if place:
            sampler = leg_sampler(Legs(response, response))
            place = 0
    width = (1 << 64) // STRATA
    total = sum(sampler(stratum * width + width // 2)[place] for stratum in range(STRATA))
    return (2 * total + STRATA) // (2 * STRATA)


def _distribution(scenario: Scenario, latency: LatencyLeg) -> Latency:
    return scenario.latency_of(latency.operation, latency.item, latency.attempt)


def means_of(scenario: Scenario) -> dict[LatencyLeg, int]:
    """The mean of every leg (us)."""
    return {latency: mean_us(scenario, latency) for latency in latencies_of(scenario)}


def drawer(scenario: Scenario) -> Callable[[int], dict[LatencyLeg, int]]:
    """Draws by number: a duration of every leg within its interval (us), one of its ends or anything between."""
    spans = [
        (latency, *span_of(scenario, latency), stream_base(scenario.seed, "window", str(latency)))
        for latency in latencies_of(scenario)
    ]

    def values(number: int) -> dict[LatencyLeg, int]:
        return {latency: _between(min_us, max_us, draw(base, number)) for latency, min_us, max_us, base in spans}

    return values


def span_of(scenario: Scenario, latency: LatencyLeg) -> tuple[int, int]:
    """The interval of a leg (us), cut if it has no end."""
    min_us, max_us = support_of(scenario, latency)
    if max_us is None:
        max_us = max(min_us, ENDLESS * mean_us(scenario, latency))
    return min_us, max_us


def _between(min_us: int, max_us: int, bits: int) -> int:
    choice, rest = divmod(bits, 1 << 62)
    if choice < 2:
        return (min_us, max_us)[choice]
    return min_us + (rest * (max_us - min_us + 1) >> 62)


def drawn_beyond(scenario: Scenario, number: int) -> dict[LatencyLeg, int]:
    """A duration of every leg (us): none, or around its mean by orders of magnitude."""
    return {latency: _drawn_beyond(scenario, latency, number) for latency in latencies_of(scenario)}


def _drawn_beyond(scenario: Scenario, latency: LatencyLeg, number: int) -> int:
    bits = draw(stream_base(scenario.seed, "window beyond", str(latency)), number)
    octave, rest = divmod(bits, 1 << 60)
    usual_us = mean_us(scenario, latency) or (LEAST_US if latency.part == REQUEST else 0)
    return usual_us * (rest >> 50) >> octave if octave else usual_us


@dataclass(frozen=True, slots=True)
class FixedTable(LatencyTable):
    """Latencies that are the same in all uses, also where they depend on the attempt."""

    of_attempt: Mapping[tuple[str, int], Latency] = field(default_factory=dict)

    def find(self, operation: str, item: int | None, attempt: int | None) -> Latency:
        """As in `LatencyTable`."""
        if attempt is not None and (operation, attempt) in self.of_attempt:
            return self.of_attempt[operation, attempt]
        return LatencyTable.find(self, operation, item, attempt)


def fixed(scenario: Scenario, values: Values) -> Scenario:
    """The scenario with a constant duration for each leg (us)."""
    of_operation: dict[str, Latency] = {}
    of_item: dict[str, dict[int, Latency]] = {}
    of_attempt: dict[tuple[str, int], Latency] = {}
    for (operation, part, item, attempt), request_us in values.items():
        if part != REQUEST:
            continue
        response_us = values[LatencyLeg(operation, RESPONSE, item, attempt)]
        legs = Legs(Constant(request_us), Constant(response_us))
        if item is not None:
            of_item.setdefault(operation, {})[item] = legs
        elif attempt is not None:
            of_attempt[operation, attempt] = legs
        else:
            of_operation[operation] = legs
    return replace(scenario, latencies=FixedTable(of_operation, of_item, {}, of_attempt))


def with_ties(scenario: Scenario, number: int) -> Scenario:
    """The scenario, with steps at one instant in another order; 0: in that of its own seed."""
    return (
        replace(scenario, seed=draw(stream_base(scenario.seed, "window", "ties"), number)) if number else scenario
    )


class Durations(dict[Leg, int]):
    """The duration of every leg of a run, where each latency is the same in all uses."""

    def __init__(self, scenario: Scenario, values: Values) -> None:
        super().__init__()
        self._scenario = scenario
        self._values = values

    def __missing__(self, leg: Leg) -> int:
        duration = self[leg] = self._values[latency_of(self._scenario, leg)]
        return duration


class Intervals(dict[Leg, Support]):
    """The interval of every leg of a run."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._scenario = scenario

    def __missing__(self, leg: Leg) -> Support:
        support = self[leg] = support_of(self._scenario, latency_of(self._scenario, leg))
        return support


class Unbounded(dict[Leg, Support]):
    """No bounds: a leg takes as long as it likes."""

    def __missing__(self, leg: Leg) -> Support:
        return 0, None
