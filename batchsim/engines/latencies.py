"""The latencies of a run: which actor draws what for which operation."""

from __future__ import annotations

from typing import Any

from batchsim.engines.sampling import LegSampler, leg_sampler
from batchsim.engines.streams import MASK, STRIDE, bits_of, draw, stream_base
from batchsim.protocol.cast import Actor
from batchsim.protocol.operation import Operation
from batchsim.scenario import Scenario

Legs = tuple[int, int, int]
"""Request leg and response leg in microseconds, and a tie-break."""
Streams = dict[str, int]
"""How far an actor is in each of its streams: the state of the next draw, by the name of the latency."""


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


class Latencies:
    """The latencies of a scenario under a seed."""

    def __init__(self, samplers: Samplers, seed: int) -> None:
        self._samplers = samplers
        self._seed = seed

    def draw_legs(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> Legs:
        """The next draw of an actor for the latency of this name, for the sake of an operation."""
        state = streams.get(name)
        if state is None:
            state = self._first_state(actor, name)
        if actor.draws_by_item and (item := operation.item) is not None:
            streams[name] = state
            bits = bits_of((state + item * STRIDE) & MASK)
        else:
            streams[name] = (state + STRIDE) & MASK
            bits = bits_of(state)
        sampler = self._samplers[name] or self._varying_sampler(name, operation)
        request_us, response_us = sampler(bits)
        return request_us, response_us, bits

    def draw_chance(self, actor: Actor, streams: Streams, name: str) -> float:
        """The next draw of an actor for the chance of this name: a number from 0 to 1, 1 excluded."""
        state = streams.get(name)
        if state is None:
            state = self._first_state(actor, name)
        streams[name] = (state + STRIDE) & MASK
        return bits_of(state) / 2**64

    def draw_delay_us(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> int:
        """The delay of this name that the effect of an actor's operation begins, in microseconds."""
        return self.draw_legs(actor, streams, operation, name)[0]

    def phase_1_delay_us(self, name: str) -> int:
        """The delay of this name that phase 1 begins, in microseconds."""
        return self.legs("phase-1", name, 0)[0]

    def legs(self, actor_kind: str, name: str, use: int) -> Legs:
        """Draw number `use`, from 0, of the actor that is alone of its kind."""
        bits = draw(stream_base(self._seed, actor_kind, name), use)
        sampler = self._samplers[name] or self._samplers.varying(name, None, None)
        return *sampler(bits), bits

    def _first_state(self, actor: Actor, name: str) -> int:
        return (stream_base(self._seed, actor.kind, name, actor.number) + STRIDE) & MASK

    def _varying_sampler(self, name: str, operation: Operation[Any]) -> LegSampler:
        attempt: int | None = getattr(operation, "attempt", None)
        return self._samplers.varying(name, operation.item, attempt)
