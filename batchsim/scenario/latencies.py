"""How long an operation takes, as pure data; whoever needs a number draws it elsewhere.

Every distribution knows its support in microseconds, `(shortest, longest)`, where `None` means that there is
no longest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

Support: TypeAlias = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same, `us`."""

    word: ClassVar[str] = "constant"
    us: int

    @property
    def support_us(self) -> Support:
        """The one value, twice."""
        return (self.us, self.us)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every whole microsecond from `min_us` to `max_us`, both included, equally likely."""

    word: ClassVar[str] = "uniform"
    min_us: int
    max_us: int

    @property
    def support_us(self) -> Support:
        """The two ends."""
        return (self.min_us, self.max_us)


@dataclass(frozen=True, slots=True)
class Normal:
    """A bell curve of mean `mean_us` and standard deviation `sd_us`, cut to `min_us` … `max_us`."""

    word: ClassVar[str] = "normal"
    mean_us: int
    sd_us: int
    min_us: int = 0
    max_us: int | None = None

    @property
    def support_us(self) -> Support:
        """Where it is cut."""
        return (self.min_us, self.max_us)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """A long tail, given by its median and its 99th percentile, cut to `min_us` … `max_us`."""

    word: ClassVar[str] = "lognormal"
    median_us: int
    p99_us: int
    min_us: int = 0
    max_us: int | None = None

    @property
    def support_us(self) -> Support:
        """Where it is cut."""
        return (self.min_us, self.max_us)


@dataclass(frozen=True, slots=True)
class Exponential:
    """A memoryless wait of mean `mean_us` before it is cut to `min_us` … `max_us`."""

    word: ClassVar[str] = "exponential"
    mean_us: int
    min_us: int = 0
    max_us: int | None = None

    @property
    def support_us(self) -> Support:
        """Where it is cut."""
        return (self.min_us, self.max_us)


@dataclass(frozen=True, slots=True)
class Empirical:
    """Measured values, each as likely as it is frequent in `samples_us` (never empty)."""

    word: ClassVar[str] = "empirical"
    samples_us: tuple[int, ...]

    @property
    def support_us(self) -> Support:
        """The shortest and the longest sample."""
        return (min(self.samples_us), max(self.samples_us))


@dataclass(frozen=True, slots=True)
class Backoff:
    """`min(longest, (1 + U[0,1)) · 1 s · 2^(attempt-1))`, rounded to whole milliseconds."""

    word: ClassVar[str] = "backoff"
    attempt: int
    """The attempt that has just failed, counted from 1."""
    longest_us: int = 30_000_000

    FIRST_US: ClassVar[int] = 1_000_000
    FACTOR: ClassVar[int] = 2
    ROUNDED_TO_US: ClassVar[int] = 1_000

    def __post_init__(self) -> None:
        if self.attempt < 1:
            raise ValueError(f"attempts count from 1, not {self.attempt}")

    @property
    def base_us(self) -> int:
        """The delay for U = 0, before the cap."""
        return int(self.FIRST_US * self.FACTOR ** (self.attempt - 1))

    @property
    def support_us(self) -> Support:
        """Both ends can occur: rounding carries a U just below 1 up to twice the base."""
        return (min(self.longest_us, self.base_us), min(self.longest_us, 2 * self.base_us))


Distribution: TypeAlias = Constant | Uniform | Normal | Lognormal | Exponential | Empirical | Backoff


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One draw, half of it before the effect and half after."""

    word: ClassVar[str] = "round_trip"
    total: Distribution


@dataclass(frozen=True, slots=True)
class Legs:
    """Two draws: `request` before the effect, `response` after it."""

    word: ClassVar[str] = "legs"
    request: Distribution
    response: Distribution


Latency: TypeAlias = RoundTrip | Legs
