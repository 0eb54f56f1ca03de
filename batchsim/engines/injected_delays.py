"""The latencies of a run in which operations are slow: those of the scenario, and what its injected delays add."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.engines.latencies import (
    DrawnAhead,
    DrawnLegs,
    IssuedBy,
    Latencies,
    LatenciesDrawnAhead,
    Samplers,
    Streams,
    use_for,
)
from batchsim.engines.streams import draw, number_of, stream_base
from batchsim.model.operation import Operation, Timer
from batchsim.model.system import Actor
from batchsim.scenario import Slow


def latencies_of(
    samplers: Samplers, seed: int, delays: Sequence[Slow], drawn: DrawnAhead | None = None
) -> Latencies:
    """The latencies of one run; delays cost nothing where there are none."""
    if delays:
        return DelayedLatencies(samplers, seed, delays)
    return Latencies(samplers, seed) if drawn is None else LatenciesDrawnAhead(samplers, seed, drawn)


class Use(NamedTuple):
    """A use of an operation: by whom, and for what."""

    actor_kind: str
    actor_number: int | None
    item: int | None
    attempt: int | None
    draws_by_item: bool


PHASE_1 = Use("phase-1", None, None, None, draws_by_item=False)


@dataclass(slots=True)
class _InjectedDelay:
    """An injected delay in a run."""

    slow: Slow
    stream: str
    """The name of its random streams."""
    times: int = 0
    """How often it has occurred."""


def admits(slow: Slow, use: Use) -> bool:
    """Whether an injected delay can occur here."""
    names = (None, use.actor_kind, f"{use.actor_kind}-{use.actor_number}")
    return slow.actor in names and slow.item in (None, use.item) and slow.attempt in (None, use.attempt)


class DelaysSoFar(NamedTuple):
    """What has become of pinned delays, each a bit of a number; where there are none, nothing ever does."""

    occurred: int = 0
    """Which have occurred."""
    travelling: int = 0
    """Which have yet to delay what is to be received."""


class PinnedDelays:
    """Pinned delays without a run: what each use of an operation meets."""

    def __init__(self, delays: Sequence[Slow]) -> None:
        self._injected = delays

    def met_by(self, name: str, use: Use, occurred: int) -> int:
        """Those that occur at a use of the operation of this name, as bits, when others have occurred."""
        met = 0
        for place, slow in enumerate(self._injected):
            if slow.operation == name and not occurred >> place & 1 and admits(slow, use):
                met |= 1 << place
        return met

    def delay_us(self, met: int) -> int:
        """How much longer a use takes that meets some, in microseconds."""
        return sum(slow.delay_us for place, slow in enumerate(self._injected) if met >> place & 1)


class DelaysMet:
    """Which pinned delays a run has met whose latencies are given, what is slow included."""

    def __init__(self, delays: Sequence[Slow]) -> None:
        self._pinned = PinnedDelays(delays)
        self._count = len(delays)
        self._occurred = 0
        self._met: dict[IssuedBy, int] = {}
        """By the latest use of an operation by an actor."""

    def note(self, actor: Actor, operation: Operation[Any], name: str, timer: Timer | None = None) -> None:
        """An actor draws a latency of this name for the sake of an operation, or of a timer that it starts."""
        met = self._note(name, use_of(actor, operation, timer))
        if timer is None:
            self._met[actor, name] = met

    def note_phase_1(self, name: str) -> None:
        """Phase 1 draws a delay of this name."""
        self._note(name, PHASE_1)

    def _note(self, name: str, use: Use) -> int:
        met = self._pinned.met_by(name, use, self._occurred)
        self._occurred |= met
        return met

    def times(self, in_vain: Iterable[IssuedBy]) -> Sequence[int]:
        """How often each has happened; `in_vain`: uses that wait for ever, which are none."""
        occurred = self._occurred
        for issued in in_vain:
            occurred &= ~self._met.get(issued, 0)
        return [occurred >> place & 1 for place in range(self._count)]


class DelayedLatencies(Latencies):
    """The latencies of a scenario whose operations are slow at times."""

    def __init__(self, samplers: Samplers, seed: int, delays: Sequence[Slow]) -> None:
        super().__init__(samplers, seed)
        self._injected: dict[str, list[_InjectedDelay]] = {}
        self._all: list[_InjectedDelay] = []
        for slow in delays:
            those = self._injected.setdefault(slow.operation, [])
            those.append(_InjectedDelay(slow, f"slow.{slow.operation}" + (f".{len(those)}" if those else "")))
            self._all.append(those[-1])
        self._met: dict[IssuedBy, list[_InjectedDelay]] = {}
        """By the latest use of an operation by an actor."""
        self._draws: Counter[tuple[str, int | None, str, int | None]] = Counter()

    def draw_legs(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> DrawnLegs:
        """The next draw; what is slow takes effect later, so its leg before the effect is longer."""
        request_us, response_us, bits = super().draw_legs(actor, streams, operation, name)
        if operation.is_instant or name not in self._injected:
            return request_us, response_us, bits
        met = self._met[actor, name] = self._met_by(name, use_of(actor, operation))
        added_us = sum(each.slow.delay_us for each in met)
        if operation.acts_on_arrival:
            return request_us, response_us + added_us, bits
        return request_us + added_us, response_us, bits

    def draw_delay_us(self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer) -> int:
        """The delay of a timer that the effect of an actor's operation starts, in microseconds."""
        return self.draw_delays_us(actor, streams, operation, timer)[0]

    def draw_delays_us(
        self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer
    ) -> Sequence[int]:
        """Those of a timer and of the ones that are drawn together with it; each is slow by itself."""
        wait = timer.wait or operation
        delay_us, _, _ = super().draw_legs(actor, streams, wait, timer.delay_of)
        return [delay_us + self._added_us(each.delay_of, use_of(actor, wait, each)) for each in timer.each()]

    def phase_1_delay_us(self, name: str) -> int:
        """The delay of this name that phase 1 begins, in microseconds."""
        return super().phase_1_delay_us(name) + self._added_us(name, PHASE_1)

    def _added_us(self, name: str, use: Use) -> int:
        return sum(each.slow.delay_us for each in self._met_by(name, use))

    def _met_by(self, name: str, use: Use) -> list[_InjectedDelay]:
        admitting = [each for each in self._injected.get(name, ()) if admits(each.slow, use)]
        return [each for each in admitting if self._occurs(each, use)]

    def _occurs(self, delay: _InjectedDelay, use: Use) -> bool:
        probability = delay.slow.probability
        occurs = not delay.times if probability is None else number_of(self._bits(delay.stream, use)) < probability
        delay.times += occurs
        return occurs

    def slowed(self, in_vain: Iterable[IssuedBy]) -> Sequence[int]:
        """How often each delay has happened: how many uses it made longer, each counted when it begins.

        `in_vain`: uses that wait for ever, which are none.
        """
        idle = Counter(id(each) for issued in in_vain for each in self._met.get(issued, ()))
        return [each.times - idle[id(each)] for each in self._all]

    def _bits(self, stream: str, use: Use) -> int:
        """The next draw of a stream that nobody shares: everybody else's are those of a run without delays."""
        base = stream_base(self._seed, use.actor_kind, stream, use.actor_number)
        item = use.item if use.draws_by_item else None
        coordinates = (use.actor_kind, use.actor_number, stream, item)
        self._draws[coordinates] += 1
        before = self._draws[coordinates] - 1
        return draw(base, before if item is None else use_for(item, before))


def use_of(actor: Actor, operation: Operation[Any], timer: Timer | None = None) -> Use:
    """The use that an actor makes of an operation; or of the delay of a timer that it starts."""
    attempt = getattr(operation, "attempt", actor.number if actor.kind == "handler" else None)
    item = operation.item if timer is None or timer.item is None else timer.item
    return Use(actor.kind, actor.number, item, attempt, actor.draws_by_item)
