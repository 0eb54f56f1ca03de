"""The draws of runs whose streams are numbered: the same ones as of `Latencies`, with less asking for each."""

from __future__ import annotations

from batchsim.engines.latencies import DrawnAhead, DrawnLegs, Samplers, Stream, use_for
from batchsim.engines.sampling import LegSampler
from batchsim.engines.streams import draw, stream_base
from batchsim.model.operation import Operation
from batchsim.model.system import Actor

_NOTHING = DrawnAhead({}, (), lambda stream, use: None)
"""No draws were made ahead."""


class LatencySite:
    """A latency where an actor draws it, always for the sake of the same operation."""

    __slots__ = ("attempt", "draws_of", "item", "name", "of", "sampler", "stream")

    def __init__(self, stream: int, actor: Actor, operation: Operation[object], name: str) -> None:
        self.stream = stream
        self.draws_of = operation.item if actor.draws_by_item else None
        """The item that the stream has its draws for; `None`: it has the next one."""
        self.name = name
        self.item = operation.item
        self.attempt: int | None = getattr(operation, "attempt", None)
        self.sampler: LegSampler
        self.of: Samplers | None = None
        """Those that the sampler is one of."""

    def find_sampler(self, samplers: Samplers) -> LegSampler:
        """The sampler of its latency."""
        sampler = samplers[self.name] or samplers.varying(self.name, self.item, self.attempt)
        self.sampler, self.of = sampler, samplers
        return sampler


class NumberedDraws:
    """All streams that were drawn from, and how far the one run is in each of them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str, int | None], int] = {}
        self._streams: list[tuple[Actor, str]] = []
        """Of each number the actor, and the name of the latency."""
        self._times: list[int] = []
        self._begins: list[int] = []
        self._counts: list[int] = []
        """Of each stream, where the draws begin that were made ahead, and how many there are."""
        self._ahead = _NOTHING
        self._samplers: Samplers
        self._seed = 0

    def begin_run(self, samplers: Samplers, seed: int, ahead: DrawnAhead | None) -> None:
        """A run under a seed begins; `ahead`: draws that were made before."""
        self._times = [0] * len(self._times)
        self._samplers, self._seed = samplers, seed
        before, self._ahead = self._ahead, ahead or _NOTHING
        if self._ahead.places is not before.places:
            for number in range(len(self._streams)):
                self._begins[number], self._counts[number] = self._place_of(number)

    @property
    def streams_count(self) -> int:
        """How many streams there are."""
        return len(self._streams)

    @property
    def streams(self) -> list[Stream]:
        """All streams, by their numbers."""
        return [(actor.kind, actor.number, name) for actor, name in self._streams]

    def site(self, actor: Actor, operation: Operation[object], name: str) -> LatencySite:
        """Where an actor draws a latency of this name for an operation; the actor has to stay as it is."""
        return LatencySite(self._stream(actor, operation, name), actor, operation, name)

    def _stream(self, actor: Actor, operation: Operation[object], name: str) -> int:
        item = operation.item if actor.draws_by_item else None
        key = id(actor), name, item
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._streams)
            self._streams.append((actor, name))
            self._times.append(0)
            begin, count = self._place_of(number)
            self._begins.append(begin)
            self._counts.append(count)
        return number

    def _place_of(self, number: int) -> tuple[int, int]:
        actor, name = self._streams[number]
        return self._ahead.place_of((actor.kind, actor.number, name))

    def _own_bits(self, stream: int, use: int) -> int:
        actor, name = self._streams[stream]
        self._ahead.note_use((actor.kind, actor.number, name), use)
        return draw(stream_base(self._seed, actor.kind, name, actor.number), use)

    def next_legs(self, site: LatencySite) -> DrawnLegs:
        """The next draw of a latency, as of `Latencies.draw_legs`."""
        stream, times, item = site.stream, self._times, site.draws_of
        use = times[stream]
        times[stream] = use + 1
        if item is not None:
            use = use_for(item, use)
        if use < self._counts[stream]:
            bits = self._ahead.bits[self._begins[stream] + use]
        else:
            bits = self._own_bits(stream, use)
        sampler = site.sampler if site.of is self._samplers else site.find_sampler(self._samplers)
        request_us, response_us = sampler(bits)
        return request_us, response_us, bits
