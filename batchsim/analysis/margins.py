"""Margins: by how much a race was won or lost, and who spent which milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

from batchsim.analysis.chains import Leg, last_common_cause, legs_between
from batchsim.protocol.operations import (
    Abort,
    Cleanup,
    CompletionUpdate,
    EnqueuedCount,
    Seal,
    SetCompleted,
)
from batchsim.protocol.stores import Status
from batchsim.trace import Step, Trace


@dataclass(frozen=True, slots=True)
class Margin:
    """A race between the endpoint and the completion path."""

    endpoint: Step
    """The endpoint's step, which ought to come first."""
    rival: Step
    """The step of the completion path (or the reaper) that it races."""
    cause: Step | None
    """The last step that led to both; `None`: the start of the run."""
    endpoint_legs: tuple[Leg, ...]
    """From the cause to the endpoint's step."""
    rival_legs: tuple[Leg, ...]
    """From the cause to the rival."""

    @property
    def margin_us(self) -> int:
        """The instant of the rival minus that of the endpoint; negative: the rival came first."""
        return self.rival.at_us - self.endpoint.at_us

    @property
    def is_won(self) -> bool:
        """Whether the endpoint came first (at one instant, the order of effects decides)."""
        return self.endpoint.number < self.rival.number


def race_margin(trace: Trace) -> Margin | None:
    """`redis.cleanup` against `redis.enqueued_count` of the first attempt that counted.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    return _margin(trace, _first(trace, EnqueuedCount.name), _first(trace, Cleanup.name))


def seal_margin(trace: Trace) -> Margin | None:
    """The first other write that ends PENDING against the first `postgres.seal`.

    `None` where one of the two did not happen. Needs a trace with all steps.
    """
    rival = next((step for step in trace.steps if _ends_pending(step)), None)
    return _margin(trace, _first(trace, Seal.name), rival)


def _first(trace: Trace, operation: str) -> Step | None:
    return next((step for step in trace.steps if step.name == operation and step.took_effect), None)


def _ends_pending(step: Step) -> bool:
    if not step.took_effect:
        return False
    match step.operation:
        case SetCompleted() | Abort():
            return bool(step.effect)
        case CompletionUpdate(status=status, seals=seals):
            # A row that is sealed already takes no seal either (policy `seal_at_finalize`).
            return seals or status is not Status.PENDING
        case _:
            return False


def _margin(trace: Trace, endpoint: Step | None, rival: Step | None) -> Margin | None:
    if endpoint is None or rival is None:
        return None
    cause = last_common_cause(trace.steps, endpoint, rival)
    return Margin(
        endpoint,
        rival,
        cause,
        legs_between(trace.steps, cause, endpoint),
        legs_between(trace.steps, cause, rival),
    )
