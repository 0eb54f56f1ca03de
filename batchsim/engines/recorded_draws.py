"""Latencies that are given one by one: what a witness holds in place of a seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from batchsim.engines.injected_delays import DelaysMet
from batchsim.engines.latencies import DrawnLegs, IssuedBy, Latencies, Streams
from batchsim.model.operation import Chance, Operation, Timer
from batchsim.model.system import Actor
from batchsim.scenario import Slow

PHASE_1 = "phase-1"
"""In place of an actor, for what phase 1 scheduled."""

DrawnFor = tuple[str, str, int | None, int | None]
"""An actor, the name of a latency, and the item and the attempt that it is drawn for."""


class Draw(NamedTuple):
    """One draw of a latency."""

    actor: str
    latency: str
    """The name of the operation that has it."""
    item: int | None
    attempt: int | None
    request_us: int
    response_us: int


class NoSuchDraw(Exception):
    """A run needs a latency that is not given."""


class RecordedDraws:
    """Gives each use of a latency the draws that are listed for it, in their order."""

    def __init__(self, draws: Iterable[Draw], delays: Sequence[Slow] = ()) -> None:
        self._draws: dict[DrawnFor, list[Draw]] = {}
        for draw in draws:
            self._draws.setdefault(draw[:4], []).append(draw)
        self._taken: dict[DrawnFor, int] = {}
        self._met = DelaysMet(delays)

    def slowed(self, in_vain: Iterable[IssuedBy]) -> Sequence[int]:
        """How often each injected delay of the scenario has happened; the draws contain what it adds.

        `in_vain`: uses that wait for ever, which are none.
        """
        return self._met.times(in_vain)

    def draw_legs(self, actor: Actor, streams: Streams, operation: Operation[Any], name: str) -> DrawnLegs:
        """The next draw of an actor for the latency of this name, for the sake of an operation."""
        if not operation.is_instant:
            self._met.note(actor, operation, name)
        return self._next_legs(actor, operation, name)

    def _next_legs(self, actor: Actor, operation: Operation[Any], name: str) -> DrawnLegs:
        use = (actor.name, name, operation.item, getattr(operation, "attempt", None))
        taken = self._taken.get(use, 0)
        self._taken[use] = taken + 1
        return self._legs(use, taken)

    def slower_us(self, operation: Operation[Any], world: Any) -> int:
        """Nothing: the draws contain it."""
        return 0

    def draw_delay_us(self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer) -> int:
        """The delay of a timer that the effect of an actor's operation starts, in microseconds."""
        wait = timer.wait or operation
        self._met.note(actor, wait, timer.delay_of, timer)
        return self._next_legs(actor, wait, timer.delay_of)[0]

    def draw_delays_us(
        self, actor: Actor, streams: Streams, operation: Operation[Any], timer: Timer
    ) -> Sequence[int]:
        """Those of a timer and of the ones that are drawn together with it: each is listed."""
        return [self.draw_delay_us(actor, streams, operation, each) for each in timer.each()]

    def phase_1_delay_us(self, name: str) -> int:
        """The delay of this name that phase 1 begins, in microseconds."""
        self._met.note_phase_1(name)
        return self.legs(PHASE_1, name, 0)[0]

    def draw_chance(self, actor: Actor, streams: Streams, operation: Operation[Any], chance: Chance) -> float:
        """Chance is a latency of nobody; raises `NoSuchDraw`."""
        raise NoSuchDraw(f"no chance of {chance.fault} is given for {operation.name} by {actor.name}")

    def legs(self, actor_kind: str, name: str, use: int) -> DrawnLegs:
        """The draw number `use`, from 0, of the actor that is alone of its kind."""
        attempt = None if actor_kind == PHASE_1 else use + 1
        return self._legs((actor_kind, name, None, attempt), 0)

    def _legs(self, use: DrawnFor, number: int) -> DrawnLegs:
        draws = self._draws.get(use, ())
        if number >= len(draws):
            actor, name, item, attempt = use
            about = "".join(
                f", {what} {value}" for what, value in (("item", item), ("attempt", attempt)) if value is not None
            )
            raise NoSuchDraw(f"no latency is given for {name} by {actor}{about}, use {number + 1}")
        return draws[number].request_us, draws[number].response_us, 0


AnyLatencies = Latencies | RecordedDraws
"""Where a run has its latencies from."""
