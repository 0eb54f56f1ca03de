"""The models of the distributions that have several fields, or fields in an order."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from batchsim.durations import format_duration
from batchsim.scenario.latencies import Exponential, Lognormal, Normal
from batchsim.scenario.schema.rules import refusal
from batchsim.scenario.schema.strict import Strict
from batchsim.scenario.schema.values import duration, positive_duration

DurationUs = Annotated[int, duration()]
PositiveUs = Annotated[int, positive_duration()]


class Cut(Strict):
    """What all distributions that go on for ever share: where they are cut."""

    min: DurationUs = Field(0, description="Shorter draws do not occur")
    max: DurationUs | None = Field(None, description="Longer draws do not occur")

    def _check_centre(self, name: str, centre_us: int) -> None:
        # Cutting a curve far from its middle is a slip, and leaves next to nothing to draw from.
        if self.max is not None and self.max < self.min:
            raise _disorder("max", self.max, "min", self.min)
        if centre_us < self.min:
            raise _disorder(name, centre_us, "min", self.min)
        if self.max is not None and self.max < centre_us:
            raise _disorder("max", self.max, name, centre_us)


def _disorder(small: str, small_us: int, large: str, large_us: int) -> Exception:
    found = f"{small} {format_duration(small_us)} below {large} {format_duration(large_us)}"
    return refusal(f"{small} at least {large}", found=found)


class NormalFields(Cut):
    """A bell curve."""

    mean: DurationUs
    sd: PositiveUs = Field(description="Standard deviation")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        self._check_centre("mean", self.mean)
        return self

    def distribution(self) -> Normal:
        """The same as plain data."""
        return Normal(self.mean, self.sd, self.min, self.max)


class LognormalFields(Cut):
    """A long tail."""

    median: PositiveUs
    p99: PositiveUs = Field(description="99 of 100 draws are shorter")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.p99 <= self.median:
            found = f"median {format_duration(self.median)}, p99 {format_duration(self.p99)}"
            raise refusal("a p99 above the median", found=found)
        self._check_centre("median", self.median)
        return self

    def distribution(self) -> Lognormal:
        """The same as plain data."""
        return Lognormal(self.median, self.p99, self.min, self.max)


class ExponentialFields(Cut):
    """A memoryless wait."""

    mean: PositiveUs

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        self._check_centre("mean", self.mean)
        return self

    def distribution(self) -> Exponential:
        """The same as plain data."""
        return Exponential(self.mean, self.min, self.max)


def _in_order(ends_us: list[int]) -> list[int]:
    shortest_us, longest_us = ends_us
    if shortest_us > longest_us:
        found = f"{format_duration(shortest_us)} before {format_duration(longest_us)}"
        raise refusal("[shortest, longest]", found=found)
    return ends_us


UniformEnds = Annotated[list[DurationUs], Field(min_length=2, max_length=2), AfterValidator(_in_order)]
