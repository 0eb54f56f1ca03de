"""The latencies of a run: which actor draws what for which operation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from batchsim.engines.sampling import LegSampler, leg_sampler
from batchsim.engines.streams import MASK, STRIDE, bits_of, draw, draws_from, number_of, stream_base
from batchsim.model.operation import Chance, Operation, Timer
from batchsim.model.system import Actor
from batchsim.scenario import Scenario

DrawnLegs = tuple[int, int, int]
"""Request leg and response leg in microseconds, and a tie-break."""
Streams = dict[Hashable, Any]
"""How far an actor is in each of its streams, by the name of the latency, as whoever draws notes it."""
Stream = tuple[str, int | None, str]
"""The kind and the number of an actor, and the name of a latency."""
IssuedBy = tuple[Actor, str]
"""An actor, and the name of an operation that it issued."""


class DrawnAhead(NamedTuple):
    """The first draws of some streams under one seed, made ahead."""

    places: Mapping[Stream, tuple[int, int]]
    """Where those of a stream begin, and how many there are."""
    bits: Sequence[int]
    note: Callable[[Stream, int], None]
    """To be told of a use of a stream for which there was none."""

    def place_of(self, stream: Stream) -> tuple[int, int]:
        """Where the draws of a stream begin, and how many there are: of one that was never used, none."""
        return self.places.get(stream, (0, 0))

    def note_use(self, stream: Stream, use: int) -> None:
        """Tell of a use for which there was none; to try an item again is rare."""
        if use < _AGAIN:
            self.note(stream, use)


class Samplers(dict[str, LegSampler | None]):
    """The samplers of a scenario, the same for all its runs; `None` where one depends on item or attempt."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._scenario = scenario
        self._of_use: dict[tuple[str, int | None, int | None], LegSampler] = {}

    def __missing__(self, name: str) -> LegSampler | None:
        table = self._scenario.latencies
        varies = table.of_item.get(name) or name not in table.of_operation
        self[name] = None if varies else leg_sampler(table.of_operation[name])
        return self[name]

    def varying(self, name: str, item: int | None, attempt: int | None) -> LegSampler:
        """The sampler of a latency for an item or an attempt."""
        use = name, item, attempt
        sampler = self._of_use.get(use)
        if sampler is None:
            sampler = self._of_use[use] = leg_sampler(self._scenario.latency_of(*use))
        return sampler


AHEAD_MAX = 64
"""So many draws are made at once at most: of a stream that is much used, as many as it has had."""


def _legs_of(sampler: LegSampler, base: int, use: int, count: int) -> list[DrawnLegs]:
    """The draws of a stream for so many uses, from this one on."""
    legs = []
    for bits in draws_from(base, use, count):
        request_us, response_us = sampler(bits)
        legs.append((request_us, response_us, bits))
    return legs


class _Stream(list[DrawnLegs]):
    """A stream after its first use: the draws of it that were made ahead, the next one last."""

    __slots__ = ("_base", "_made", "_sampler")

    def __init__(self, base: int, sampler: LegSampler) -> None:
        self._base = base
        self._sampler = sampler
        self._made = 1

    def draw(self) -> DrawnLegs:
        """The next draw, where none was made ahead."""
        count = min(self._made, AHEAD_MAX)
        self.extend(reversed(_legs_of(self._sampler, self._base, self._made, count)))
        self._made += count
        return self.pop()


class _StreamByItem(dict[int, DrawnLegs]):
    """A stream whose draws are for items: by item, those for their first uses that were made ahead."""

    __slots__ = ("_base", "_drawn_for_none", "_made", "_sampler", "_used")

    def __init__(self, base: int, sampler: LegSampler) -> None:
        self._base = base
        self._sampler = sampler
        self._made = 0
        """For the items below, draws for first uses were made."""
        self._drawn_for_none = 0
        self._used: dict[int, int] = {}
        """How often an item was drawn for that was not only drawn for ahead."""

    def next_for(self, item: int | None) -> DrawnLegs:
        """The next draw for an item, or for none."""
        if item is None:
            return self._draw_for_none()
        return self.pop(item) if item in self else self._draw_for(item)

    def _draw_for(self, item: int) -> DrawnLegs:
        made = self._made
        if made <= item < made + AHEAD_MAX and item not in self._used:
            count = max(item + 1 - made, min(made, AHEAD_MAX))
            legs = enumerate(_legs_of(self._sampler, self._base, made, count), made)
            self.update((each, drawn) for each, drawn in legs if each not in self._used)
            self._made += count
            return self.pop(item)
        before = self._used.get(item, 1 if 0 <= item < made else 0)
        self._used[item] = before + 1
        return _legs_of(self._sampler, self._base, use_for(item, before), 1)[0]

    def _draw_for_none(self) -> DrawnLegs:
        """Those for items begin where these do, however many of these were made."""
        (legs,) = _legs_of(self._sampler, self._base, self._drawn_for_none, 1)
        self._drawn_for_none += 1
        return legs


class Latencies:
    """The latencies of a scenario under a seed."""

    def __init__(self, samplers: Samplers, seed: int) -> None:
        self._samplers = samplers
        self._seed = seed

    def slowed(self, in_vain: Iterable[IssuedBy]) -> Sequence[int]:
        """How often each injected delay of the scenario has happened; here it has none.

        `in_vain`: uses that wait for ever, which are none.
        """
        return ()

    def draw_legs(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> DrawnLegs:
        """The next draw of an actor for the latency of this name, for the sake of an operation."""
        stream = streams.get(name)
        if stream.__class__ is _Stream:
            return stream.pop() if stream else stream.draw()
        if stream.__class__ is _StreamByItem:
            return stream.next_for(operation.item)
        sampler = self._samplers[name]
        if sampler is None:
            return self._draw_one(actor, streams, operation, name)
        base = stream_base(self._seed, actor.kind, name, actor.number)
        if actor.draws_by_item:
            by_item = streams[name] = _StreamByItem(base, sampler)
            return by_item.next_for(operation.item)
        if stream is None:  # many are used but once
            streams[name] = base
            bits = draw(base, 0)
            request_us, response_us = sampler(bits)
            return request_us, response_us, bits
        following = streams[name] = _Stream(base, sampler)
        return following.draw()

    def _draw_one(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> DrawnLegs:
        """The same, by itself: what is drawn may depend on the item or the attempt, or was drawn ahead."""
        bits = self._next_bits(actor, streams, name, operation.item if actor.draws_by_item else None)
        sampler = self._samplers[name] or self._varying_sampler(name, operation)
        return *sampler(bits), bits

    def slower_us(self, operation: Operation[Any], world: Any) -> int:
        """How much later than usual an operation takes effect that is issued in this state, in microseconds."""
        return operation.slower_us(lambda cell: world.cells.read(cell) is not None)

    def draw_chance(self, actor: Actor, streams: Streams, operation: Operation[Any], chance: Chance) -> float:
        """The number that decides on a chance, from 0 to 1, 1 excluded.

        It is that of the opportunity, the same for whoever asks, or the next one of the actor for what it does.
        """
        if chance.opportunity is not None:
            return number_of(draw(stream_base(self._seed, chance.fault, chance.opportunity), 0))
        item = operation.item if actor.draws_by_item else None
        return number_of(self._next_bits(actor, streams, f"{operation.name}, {chance.fault}", item))

    def draw_delay_us(self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer) -> int:
        """The delay of a timer that the effect of an actor's operation starts, in microseconds."""
        return self.draw_legs(actor, streams, timer.wait or operation, timer.delay_of)[0]

    def draw_delays_us(
        self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer
    ) -> Sequence[int]:
        """Those of a timer and of the ones that are drawn together with it: by one draw."""
        return [self.draw_delay_us(actor, streams, operation, timer)] * (1 + len(timer.also))

    def phase_1_delay_us(self, name: str) -> int:
        """The delay of this name that phase 1 begins, in microseconds."""
        return self.legs("phase-1", name, 0)[0]

    def legs(self, actor_kind: str, name: str, use: int) -> DrawnLegs:
        """Draw number `use`, from 0, of the actor that is alone of its kind."""
        bits = draw(stream_base(self._seed, actor_kind, name), use)
        sampler = self._samplers[name] or self._samplers.varying(name, None, None)
        return *sampler(bits), bits

    def _next_bits(self, actor: Actor, streams: Streams, name: str, item: int | None) -> int:
        """The next draw of a stream; with an item, the next one for that item, and all others stay as they are."""
        # Those for items begin where the others do, however many of these were made.
        key = name if item is None else (name, None)
        state = streams.get(key)
        if state is None:
            state = streams[key] = (stream_base(self._seed, actor.kind, name, actor.number) + STRIDE) & MASK
        if item is None:
            streams[key] = (state + STRIDE) & MASK
            return bits_of(state)
        return bits_of((state + _next_use_for(item, streams, name) * STRIDE) & MASK)

    def _varying_sampler(self, name: str, operation: Operation[Any]) -> LegSampler:
        attempt: int | None = getattr(operation, "attempt", None)
        return self._samplers.varying(name, operation.item, attempt)


_AGAIN = 1 << 32
"""No item has such a number."""


def use_for(item: int, before: int) -> int:
    """The number of the draw for an item in a stream, for whose sake so many were made before.

    An actor may try an item again, as it does an upload that fails.
    """
    return item + before * _AGAIN


def _next_use_for(item: int, streams: Streams, name: str) -> int:
    before = streams.get((name, item), 0)
    streams[name, item] = before + 1
    return use_for(item, before)


class LatenciesDrawnAhead(Latencies):
    """The same, where most draws were made before."""

    def __init__(self, samplers: Samplers, seed: int, drawn: DrawnAhead) -> None:
        super().__init__(samplers, seed)
        self._ahead = drawn

    def draw_legs(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> DrawnLegs:
        """The next draw of an actor for the latency of this name, for the sake of an operation."""
        return self._draw_one(actor, streams, operation, name)

    def _next_bits(self, actor: Actor, streams: Streams, name: str, item: int | None) -> int:
        if item is None:
            use: int = streams.get(name, 0)
            streams[name] = use + 1
        else:
            use = _next_use_for(item, streams, name)
        stream = actor.kind, actor.number, name
        begin, count = self._ahead.place_of(stream)
        if use < count:
            return self._ahead.bits[begin + use]
        self._ahead.note_use(stream, use)
        return draw(stream_base(self._seed, actor.kind, name, actor.number), use)
