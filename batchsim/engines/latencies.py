"""The latencies of a run: which actor draws what for which operation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from batchsim.engines.sampling import LegSampler, leg_sampler
from batchsim.engines.streams import draw, stream_base
from batchsim.protocol.cast import Actor
from batchsim.protocol.operation import Operation
from batchsim.scenario import Scenario

Legs = tuple[int, int, int]
"""Request leg and response leg in microseconds, and a tie-break."""
Stream = Callable[[Operation[Any]], Legs]
"""The draws of one actor for one operation; each call is the next use."""


class Latencies:
    """The latencies of a scenario under its seed."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._samplers: dict[str, LegSampler | None] = {}

    def open_stream(self, actor: Actor, operation: Operation[Any], name: str) -> Stream:
        """The stream of an actor for the latency of this name, as uses of `operation` draw from it."""
        base = stream_base(self._scenario.seed, actor.kind, name, actor.number)
        sampler = self._sampler(name)
        by_item = actor.draws_by_item and operation.item is not None
        if sampler is None:
            return self._varying(base, name, by_item)
        return _by_item(base, sampler) if by_item else _counted(base, sampler)

    def legs(self, actor_kind: str, name: str, use: int) -> Legs:
        """Draw number `use`, from 0, of the actor that is alone of its kind."""
        bits = draw(stream_base(self._scenario.seed, actor_kind, name), use)
        return *leg_sampler(self._scenario.latency_of(name))(bits), bits

    def _sampler(self, name: str) -> LegSampler | None:
        """The sampler of a latency; `None` where it depends on the item or the attempt."""
        if name not in self._samplers:
            table = self._scenario.latencies
            varies = table.of_item.get(name) or name not in table.of_operation
            self._samplers[name] = None if varies else leg_sampler(table.of_operation[name])
        return self._samplers[name]

    def _varying(self, base: int, name: str, by_item: bool) -> Stream:
        uses = count()

        def legs(operation: Operation[Any]) -> Legs:
            item = operation.item
            attempt: int | None = getattr(operation, "attempt", None)
            use = item if by_item and item is not None else next(uses)
            bits = draw(base, use)
            return *leg_sampler(self._scenario.latency_of(name, item, attempt))(bits), bits

        return legs


def _counted(base: int, sampler: LegSampler) -> Stream:
    uses = count()

    def legs(_: Operation[Any]) -> Legs:
        bits = draw(base, next(uses))
        request_us, response_us = sampler(bits)
        return request_us, response_us, bits

    return legs


def _by_item(base: int, sampler: LegSampler) -> Stream:
    def legs(operation: Operation[Any]) -> Legs:
        bits = draw(base, operation.item or 0)
        request_us, response_us = sampler(bits)
        return request_us, response_us, bits

    return legs
