"""How long each leg may take: windows of whole microseconds, read off the supports of the latencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from batchsim.engines.injected_delays import PinnedDelays
from batchsim.model.faults import Fault, LostState, ServiceFault
from batchsim.model.operation import Operation
from batchsim.scenario import Slow
from batchsim.scenario.latencies import Latency, Legs, RoundTrip, Support

NEVER_US = 1 << 60
"""In place of infinity: no sum of times that are met comes near it, and two of them do not overflow."""


class DelayWindow(NamedTuple):
    """The shortest and the longest time that something takes."""

    min_us: int
    max_us: int
    """`NEVER_US`: there is no longest."""
    is_marked: bool = False
    """Whether its length is solved for (`parameter.py`): zones keep both ends of it."""

    def later(self, delay_us: int) -> DelayWindow:
        """That of what takes so much longer."""
        longest_us = min(NEVER_US, self.max_us + delay_us)
        return self._replace(min_us=self.min_us + delay_us, max_us=longest_us)


AT_ONCE = DelayWindow(0, 0)


class LegWindows(NamedTuple):
    """Those of a request leg and of a response leg, which are taken to vary by themselves."""

    request: DelayWindow
    response: DelayWindow


def leg_windows(latency: Latency) -> LegWindows:
    """The windows of the legs of a latency.

    A round trip is halved, the odd microsecond falls to the response; that its halves are equal is left out.
    """
    match latency:
        case RoundTrip(total):
            min_us, max_us, _ = _window(total.support_us)
            longest = (max_us, max_us) if max_us == NEVER_US else (max_us // 2, max_us - max_us // 2)
            return LegWindows(DelayWindow(min_us // 2, longest[0]), DelayWindow(min_us - min_us // 2, longest[1]))
        case Legs(request, response):
            return LegWindows(_window(request.support_us), _window(response.support_us))


def _window(support_us: Support) -> DelayWindow:
    min_us, max_us = support_us
    return DelayWindow(min_us, NEVER_US if max_us is None else max_us)


def _open_moments(faults: Sequence[Fault]) -> Iterator[tuple[str, int]]:
    """What begins or ends at no given moment: the operation, and the number of the fault."""
    for number, fault in enumerate(faults):
        if isinstance(fault, ServiceFault | LostState) and fault.at_us is None:
            yield f"{fault.word}.begin", number
        if isinstance(fault, ServiceFault) and fault.lasts_us is None:
            yield f"{fault.word}.end", number


class Windows:
    """The windows of all operations, each worked out once, and what makes them longer.

    What begins at no given moment, or lasts no given time, may do so at any: no latency stands for that.
    """

    def __init__(
        self,
        latency_of: Callable[[str, int | None, int | None], Latency],
        delays: Sequence[Slow] = (),
        faults: Sequence[Fault] = (),
    ) -> None:
        self._latency_of = latency_of
        self.injected_delays = PinnedDelays(delays)
        self._legs: dict[tuple[str, int | None, int | None], LegWindows] = {
            (*moment, None): LegWindows(DelayWindow(0, NEVER_US), AT_ONCE) for moment in _open_moments(faults)
        }

    def of(self, operation: Operation[Any], name: str | None = None) -> LegWindows:
        """Those of an operation; `name`: of a latency that is drawn for its sake."""
        return self.named(name or operation.name, operation.item, getattr(operation.bare, "attempt", None))

    def named(self, name: str, item: int | None = None, attempt: int | None = None) -> LegWindows:
        """Those of one use of the operation of this name."""
        key = (name, item, attempt)
        if key not in self._legs:
            self._legs[key] = leg_windows(self._latency_of(*key))
        return self._legs[key]
