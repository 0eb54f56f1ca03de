"""Where time passes in the chain, as the timed engine lets it pass: which legs, and how long they are on average.

The response leg of an operation passes before the request leg of the next one, or before the end of what
somebody waits for; what is awaited together begins when the leg before it has passed. An operation that acts on
arrival (`http.deliver`) has its response leg before its effect, from when there is something to be received. An
instant one has no request leg: its timer holds it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.engines.chain.memoryless import Means
from batchsim.engines.chain.steps import LegPasses, Paced, PacedWaiting
from batchsim.engines.exhaustive.task import Path
from batchsim.model.cells import Key
from batchsim.model.operation import BlockingOperation, Operation
from batchsim.model.system import Actor


class ActorPace:
    """Where time passes for one actor."""

    def __init__(self, means: Means, actor: Actor, timers: Mapping[Key, str]) -> None:
        self._means = means
        self._actor = actor
        self._timers = timers

    def before_beginning(self) -> Path:
        """The leg after which it begins, if any."""
        leg = self._actor.begins_after_leg_of
        return () if leg is None else _leg(self._means.legs(leg.operation)[0])

    def to(self, operation: Operation[Any]) -> Path:
        """From when an operation is issued until it takes effect."""
        request_us, response_us = self._means.legs_of(operation)
        if operation.acts_on_arrival:
            return (self._paced(operation, response_us),)
        if operation.is_instant:
            return (self._paced(operation, 0),)
        if isinstance(operation, BlockingOperation):
            return (*_leg(request_us), self._paced(operation, 0))
        return (self._paced(operation, request_us),)

    def back_from(self, operation: Operation[Any], *, ends_actor: bool) -> Path:
        """From the effect of an operation until the actor goes on; nobody sees when it ends, if nobody waits."""
        if operation.acts_on_arrival or (ends_actor and not self._actor.is_awaited):
            return ()
        return _leg(self._means.legs_of(operation)[1])

    def _paced(self, operation: Operation[Any], mean_us: int) -> Paced[Any]:
        kind = PacedWaiting if isinstance(operation, BlockingOperation) else Paced
        return kind(operation, mean_us, self._timers_before(operation), self._timer_after(operation))

    def _timers_before(self, operation: Operation[Any]) -> tuple[Key, ...]:
        if not isinstance(operation, BlockingOperation):
            return ()
        cell = operation.waits_for()
        return tuple(timer for timer in self._timers if timer == cell or timer.startswith(f"{cell}:"))

    def _timer_after(self, operation: Operation[Any]) -> Key | None:
        bare = operation.bare
        kind, timer = type(bare), bare.timer()
        is_told_by_answer = kind.timer is Operation.timer and kind.timer_after is not Operation.timer_after
        if is_told_by_answer and not bare.is_of_faults:
            raise BadInputError(
                f"{bare.name}: found a timer that only the answer tells, in an exact exploration; "
                "allowed: explore, --timed, run"
            )
        return None if timer is None or not self._means.legs(timer.delay_of)[0] else timer.key


def _leg(mean_us: int) -> Path:
    return (LegPasses(mean_us),) if mean_us else ()
