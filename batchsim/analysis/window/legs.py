"""The legs that steps of a run take, by names that say whose they are, and how long each took."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from batchsim.batch.actors import SDK, TIMERS_OF_PHASE_1
from batchsim.batch.operations import Backoff, Deliver
from batchsim.batch.trace import Trace
from batchsim.engines.latencies import Latencies, Samplers, Streams
from batchsim.scenario import Scenario
from batchsim.scenario.defaults import BACKOFFS

REQUEST, RESPONSE = "request", "response"


class Leg(NamedTuple):
    """A request or a response leg of one use of an operation."""

    operation: str
    part: str
    """`request` (all that passes before the effect) or `response`."""
    who: str
    """The handler by its attempt, or the kind of the actor: of twins, each can be the one."""
    item: int | None
    attempt: int | None
    """Of a handler, of the SDK or of a message that failed: which."""
    use: int
    """How often an actor of the name used the operation before, for this item and attempt."""

    @property
    def latency(self) -> LatencyLeg:
        """The latency that the scenario gives it."""
        attempt = self.attempt if self.operation in BACKOFFS else None
        return LatencyLeg(self.operation, self.part, self.item, attempt)


class LatencyLeg(NamedTuple):
    """A leg of a latency of the scenario: what all uses of an operation have in common."""

    operation: str
    part: str
    item: int | None
    attempt: int | None

    def __str__(self) -> str:
        item = "" if self.item is None else f" of item {self.item}"
        attempt = "" if self.attempt is None else f" #{self.attempt}"
        return f"{self.operation}{attempt}.{self.part}{item}"


class NumberedUse(NamedTuple):
    """One use of an operation: all of a leg but its part."""

    operation: str
    who: str
    item: int | None
    attempt: int | None
    number: int

    def leg(self, part: str, operation: str | None = None) -> Leg:
        """A leg of it; `operation`: of the timer that it starts."""
        return Leg(operation or self.operation, part, self.who, self.item, self.attempt, self.number)


def uses_of(trace: Any) -> list[NumberedUse]:
    """For each step of a run, the use of an operation that it is."""
    counts: Counter[tuple[str, str, int | None, int | None]] = Counter()
    uses = []
    for step in trace.steps:
        who = whose(step.actor) if isinstance(trace, Trace) else step.actor
        key = (step.name, who, step.operation.item, getattr(step.operation, "attempt", None))
        uses.append(NumberedUse(*key, counts[key]))
        counts[key] += 1
    return uses


def whose(actor: str) -> str:
    """A handler by its attempt, any other actor by its kind."""
    name = actor.partition(".")[0]
    return name if name.startswith("handler-") else name.partition("-")[0]


def delivery_to(attempt: int) -> Leg:
    """The leg of the request of an attempt, from the SDK to its handler."""
    return Leg(Deliver.name, REQUEST, SDK, None, attempt, 0)


def wait_of_phase_1(operation: str) -> Leg:
    """The wait that phase 1 starts, under whose name the scenario gives it."""
    return Leg(operation, REQUEST, "phase-1", None, None, 0)


def durations_of(trace: Trace, scenario: Scenario, policy: Any) -> dict[Leg, int]:
    """How long each leg of a run took (us), those that passed unseen while somebody waited among them."""
    actors = {actor.name: actor for actor in scenario.system(policy).actors}
    latencies = Latencies(Samplers(scenario), scenario.seed)
    streams: dict[str, Streams] = {}
    durations: dict[Leg, int] = {}
    if scenario.own is None:
        for each in TIMERS_OF_PHASE_1.values():
            durations[wait_of_phase_1(each)] = latencies.phase_1_delay_us(each)
        for attempt in range(1, 1 + sum(step.name == Backoff.name for step in trace.steps) + 1):
            durations[delivery_to(attempt)] = latencies.legs(SDK, Deliver.name, attempt - 1)[0]
    for step, use in zip(trace.steps, uses_of(trace), strict=True):
        actor = actors[step.actor.partition(".")[0]]
        own = streams.setdefault(actor.name, {})
        request_us, response_us, _ = latencies.draw_legs(actor, own, step.operation, step.name)
        if not step.operation.is_instant:
            durations.setdefault(use.leg(REQUEST), request_us)
        durations[use.leg(RESPONSE)] = response_us
        timer = step.operation.timer_after(step.answer)
        if timer is not None:
            wait_us = latencies.draw_delay_us(actor, own, step.operation, timer)
            durations[use.leg(REQUEST, timer.delay_of)] = wait_us
    return durations
