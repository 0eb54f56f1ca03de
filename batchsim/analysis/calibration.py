"""From what was observed on real servers to the latencies of a scenario, and to a prediction with an interval.

Of each operation two legs are measured: from when its coroutine asked for it to its effect, and from there to when
the coroutine could go on. The effect is taken to be in the middle of the call. If an operation had to wait for
somebody else, its response leg begins with the effect that let it go on, as in the model. What was a sleep is
measured like anything else, so how late a busy machine wakes is part of it.

A simulated run draws all its latencies from one batch, each once. What made several operations of it slow at the
same time, such as a machine that was busy elsewhere, stays together then; drawn from all batches, it would seem
to strike each operation by itself.

The interval of a prediction has three parts: the batches that it is held against are a sample; the simulated runs
are one; and so are the batches that were measured. The last is found by measuring again on batches drawn from them
with replacement (Efron's bootstrap). A batch is drawn as a whole, for what happens in one is not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from random import Random
from statistics import NormalDist, pvariance
from typing import Any, NamedTuple

from batchsim.engines.drawing_ahead import DrawingAhead
from batchsim.engines.latencies import Samplers
from batchsim.engines.live.hammer import Observed, Seen
from batchsim.engines.sampling import LegSampler
from batchsim.engines.streams import another
from batchsim.engines.timed import Simulation
from batchsim.model.properties import Property
from batchsim.scenario import Scenario
from batchsim.scenario.defaults import BACKOFFS
from batchsim.scenario.latencies import (
    Backoff,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Uniform,
)

CALIBRATING = 3
"""Every so-manieth batch is measured, and the others are predicted."""
MEASURED_MIN = 8
"""So many have to be measured: what another sample of a few would say, the few do not tell."""
RUNS = 3000
"""That are simulated for a prediction."""
RESAMPLES, RUNS_OF_RESAMPLE = 16, 300
CONFIDENCE = 0.99


@dataclass
class Measured:
    """What operations of one name took, in microseconds."""

    request_us: list[int] = field(default_factory=list)
    response_us: list[int] = field(default_factory=list)
    waits_us: list[int] = field(default_factory=list)
    """How long it was due before a thread took it; part of one of the legs."""
    calls_us: list[int] = field(default_factory=list)
    """How long the servers took, with the client."""


def measured(batches: Iterable[Observed]) -> dict[str, Measured]:
    """What the operations of some batches took, by name."""
    found: dict[str, Measured] = {}
    for batch in batches:
        for name, us in batch.first_legs:
            found.setdefault(name, Measured()).request_us.append(us)
        for seen in batch.seen:
            if isinstance(seen, Seen):
                _measure(found, seen)
    return found


def _measure(found: dict[str, Measured], seen: Seen) -> None:
    of_name = found.setdefault(seen.operation.name, Measured())
    of_name.waits_us.append(max(0, seen.begun_us - seen.due_us))
    of_name.calls_us.append(seen.ended_us - seen.begun_us)
    timer = seen.timer
    if timer is not None and timer.delay_of is not None:
        if seen.issued_us <= timer.due_us:
            found.setdefault(timer.delay_of, Measured()).request_us.append(max(0, seen.at_us - timer.started_us))
        of_name.response_us.append(max(0, seen.went_on_us - seen.at_us))
        return
    began_us = seen.at_us if seen.ready_us is None else seen.ready_us
    of_name.response_us.append(max(0, seen.went_on_us - began_us))
    if seen.ready_us is None and not (seen.operation.is_instant or seen.operation.acts_on_arrival):
        of_name.request_us.append(max(0, seen.at_us - seen.issued_us))


def calibrated(scenario: Scenario, found: dict[str, Measured], speed: float = 1) -> Scenario:
    """The scenario with what was measured; what was not is as in the scenario, scaled like its sleeps."""
    table = scenario.latencies
    of_operation = {name: _scaled_latency(latency, speed) for name, latency in table.of_operation.items()}
    of_item = {
        name: {item: _scaled_latency(latency, speed) for item, latency in items.items()}
        for name, items in table.of_item.items()
    }
    for name, each in found.items():
        if _is_measured(name, speed) and (each.request_us or each.response_us):
            of_operation[name] = Legs(_empirical(each.request_us), _empirical(each.response_us))
    return replace(
        scenario,
        latencies=replace(table, of_operation=of_operation, of_item=of_item),
        written=None,
    )


def _is_measured(name: str, speed: float) -> bool:
    """Whether what was measured counts: a backoff depends on the attempt, and is slept as it is said."""
    return speed != 1 or name not in BACKOFFS


def _empirical(samples_us: Sequence[int]) -> Distribution:
    return Empirical(tuple(sorted(samples_us))) if samples_us else Constant(0)


def _scaled_latency(latency: Latency, speed: float) -> Latency:
    if speed == 1:
        return latency
    if isinstance(latency, Legs):
        return Legs(scaled(latency.request, speed), scaled(latency.response, speed))
    return RoundTrip(scaled(latency.total, speed))


def scaled(distribution: Distribution, speed: float) -> Distribution:
    """A distribution of delays that are so many times as fast."""

    def us(value: int) -> int:
        return round(value / speed)

    def longest(value: int | None) -> int | None:
        return None if value is None else us(value)

    match distribution:
        case Constant(value):
            return Constant(us(value))
        case Uniform(low, high):
            return Uniform(us(low), us(high))
        case Normal(mean, sd, low, high):
            return Normal(us(mean), us(sd), us(low), longest(high))
        case Lognormal(median, p99, low, high):
            return Lognormal(us(median), us(p99), us(low), longest(high))
        case Exponential(mean, low, high):
            return Exponential(us(mean), us(low), longest(high))
        case Empirical(samples):
            return Empirical(tuple(map(us, samples)))
        case Backoff():
            return distribution


# -- a prediction ------------------------------------------------------------------------------


class Share(NamedTuple):
    """How many of some runs had a verdict."""

    times: int
    runs: int

    @property
    def value(self) -> float:
        """The share."""
        return self.times / self.runs if self.runs else 0.0


class Prediction(NamedTuple):
    """The share of a verdict that is to be observed in some batches."""

    verdict: str
    share: float
    half_width: float
    """The observed share is no further away, with `CONFIDENCE`."""

    def admits(self, observed: Share) -> bool:
        """Whether an observed share is where it was predicted."""
        return abs(observed.value - self.share) <= self.half_width


class OfBatch(Samplers):
    """The latencies of one batch; where it has none for a leg, those of all."""

    def __init__(self, scenario: Scenario, found: dict[str, Measured]) -> None:
        super().__init__(scenario)
        self._piles: list[_Pile] = []
        for name, each in found.items():
            usual = self[name]
            if usual is None:
                continue  # it differs by item or attempt
            requests, responses = _Pile(each.request_us), _Pile(each.response_us)
            self._piles += requests, responses
            self[name] = _sampler(requests, responses, usual)

    def begun_anew(self) -> OfBatch:
        """For another run."""
        for pile in self._piles:
            pile.left.clear()
        return self


class _Pile:
    """What was measured of one leg in one batch, to be drawn from without putting back.

    A run has about as many uses of a leg as the batch had. Were each drawn from all, some values would come twice
    and others never: the slowest of several items, which decides, would be too quick.
    """

    def __init__(self, samples_us: Sequence[int]) -> None:
        self.samples_us = samples_us
        self.left: list[int] = []

    def draw(self, bits: int) -> int:
        """One of those that are left; of all, where none is."""
        left = self.left
        if not left:
            left.extend(self.samples_us)
        place = (bits >> 11) * len(left) >> 53
        left[place], left[-1] = left[-1], left[place]
        return left.pop()


def _sampler(requests: _Pile, responses: _Pile, usual: LegSampler) -> LegSampler:
    def sample(bits: int) -> tuple[int, int]:
        request_us, response_us = usual(bits) if not (requests.samples_us and responses.samples_us) else (0, 0)
        if requests.samples_us:
            request_us = requests.draw(bits)
        if responses.samples_us:
            response_us = responses.draw(another(bits))
        return request_us, response_us

    return sample


def by_batch(scenario: Scenario, batches: Sequence[Observed], speed: float = 1) -> list[OfBatch]:
    """The latencies of each batch by itself; `scenario`: calibrated with those of all."""
    return [
        OfBatch(scenario, {name: each for name, each in measured([batch]).items() if _is_measured(name, speed)})
        for batch in batches
    ]


def shares_of(
    scenario: Scenario,
    policy: Any,
    runs: int,
    properties: Sequence[Property] = (),
    first_seed: int = 0,
    samplers: Sequence[OfBatch] = (),
) -> dict[str, Share]:
    """Simulate; the shares of all verdicts that occur. `samplers`: one of these for each run, in turn."""
    system = scenario.system(policy)
    simulation = Simulation(scenario, policy)
    counts: dict[str, int] = {}
    for number, (seed, drawn) in enumerate(DrawingAhead().draw(range(first_seed, first_seed + runs))):
        if samplers:
            simulation.samplers = samplers[number % len(samplers)].begun_anew()
        trace = simulation.run(seed, keep=frozenset(), drawn=drawn)
        for verdict in system.verdicts_of(trace.outcome, properties):
            counts[verdict] = counts.get(verdict, 0) + 1
    return {verdict: Share(count, runs) for verdict, count in counts.items()}


def predicted(
    scenario: Scenario,
    policy: Any,
    calibrating: Sequence[Observed],
    batches: int,
    speed: float = 1,
    properties: Sequence[Property] = (),
    note: Callable[[str], object] = lambda _: None,
    runs: int | None = None,
    resamples: int | None = None,
) -> dict[str, Prediction]:
    """The shares of all verdicts in so many batches, from what was measured in others.

    `runs`: that are simulated (`RUNS`). `resamples`: so often it is measured again (`RESAMPLES`).
    """
    runs, resamples = runs or RUNS, resamples or RESAMPLES
    note("simulating with the latencies that were measured")
    of_all = calibrated(scenario, measured(calibrating), speed)
    each_alone = by_batch(of_all, calibrating, speed)
    main = shares_of(of_all, policy, runs, properties, samplers=each_alone)
    again: dict[str, list[float]] = {verdict: [] for verdict in main}
    random = Random(scenario.seed)
    for number in range(resamples):
        note(f"how exact that is: {number + 1} of {resamples}")
        drawn = random.choices(each_alone, k=len(each_alone))
        # Seeds of its own: those of the main runs would hide that they are a sample, too.
        first_seed = runs + number * RUNS_OF_RESAMPLE
        shares = shares_of(of_all, policy, RUNS_OF_RESAMPLE, properties, first_seed, drawn)
        for verdict, values in again.items():
            values.append(shares.get(verdict, Share(0, RUNS_OF_RESAMPLE)).value)
    return {
        verdict: Prediction(verdict, share.value, _half_width(share, again[verdict], batches))
        for verdict, share in main.items()
    }


def _half_width(simulated: Share, resampled: Sequence[float], batches: int) -> float:
    # Of a share of 0 or 1 that was simulated the true one is not known to be that.
    share = min(max(simulated.value, 1 / simulated.runs), 1 - 1 / simulated.runs)
    of_one = share * (1 - share)
    calibration = max(0.0, pvariance(resampled) - of_one / RUNS_OF_RESAMPLE)
    return NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sqrt(
        calibration + of_one / simulated.runs + of_one / batches
    )
