"""Margins: by how much a race was won or lost, and who spent which milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchsim.analysis.chains import Stretch, last_common_cause, legs_between
from batchsim.model.run import Step


@dataclass(frozen=True, slots=True)
class Margin:
    """A race of two steps: of the batch, between the endpoint and the completion path."""

    endpoint: Step
    """The endpoint's step, which ought to come first."""
    rival: Step
    """The step of the completion path (or the reaper) that it races."""
    cause: Step | None
    """The last step that led to both; `None`: the start of the run."""
    endpoint_legs: tuple[Stretch, ...]
    """From the cause to the endpoint's step."""
    rival_legs: tuple[Stretch, ...]
    """From the cause to the rival."""

    @property
    def margin_us(self) -> int:
        """The instant of the rival minus that of the endpoint; negative: the rival came first."""
        return self.rival.at_us - self.endpoint.at_us

    @property
    def is_won(self) -> bool:
        """Whether the endpoint came first (at one instant, the order of effects decides)."""
        return self.endpoint.number < self.rival.number


def margin_between(steps: Sequence[Step], endpoint: Step, rival: Step) -> Margin:
    """The race of two steps; `steps`: all of the run, in order."""
    cause = last_common_cause(steps, endpoint, rival)
    return Margin(
        endpoint,
        rival,
        cause,
        legs_between(steps, cause, endpoint),
        legs_between(steps, cause, rival),
    )
