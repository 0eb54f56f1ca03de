"""A run with its times, told by the names of the actors: what each step took, and what else was drawn.

The timed engine draws the legs of an operation when it is issued, and the delay of a timer when it is started.
So a timetable lists *draws*, in the order in which each actor needs them, and the engine that is given these
instead of its own comes to the same steps at the same times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.exhaustive.moves import StepKind
from batchsim.engines.recorded_draws import PHASE_1, Draw
from batchsim.engines.zones.path import PathStep, Times
from batchsim.engines.zones.slots import ANSWER, BASE, START, InstantKind, Slot
from batchsim.engines.zones.state_class import Firing, GlobalState, Guide
from batchsim.engines.zones.windows import Windows
from batchsim.model.operation import BlockingOperation, Operation
from batchsim.model.system import Actor, LegOf


@dataclass(frozen=True, slots=True)
class TimedStep:
    """A step of a run, with its times."""

    actor: str
    operation: Operation[Any]
    alternative: str | None
    """Which of its ways it took; `None`: the usual one."""
    answer: Any
    issued_us: int
    at_us: int
    """The instant of effect."""
    answered_us: int

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.operation.name

    @property
    def description(self) -> str:
        """The answer in a few words."""
        return self.operation.tell(self.answer)

    @property
    def way(self) -> str | None:
        """How it turned out, where the description does not say so; `None`: as usual."""
        return self.alternative


class Timetable(NamedTuple):
    """A run with its times."""

    steps: tuple[TimedStep, ...]
    draws: tuple[Draw, ...]


@dataclass(slots=True)
class _Pending:
    """An operation of an actor from its issue to its effect."""

    operation: Operation[Any]
    issued_us: int
    can_act_us: int
    """When it has arrived; for what is received, when it begins to travel."""
    request_us: int
    response_us: int
    """The shortest one, until it is known."""
    is_received: bool = False


class _Player:
    """An actor, and what he is at."""

    def __init__(self, role: Role, actor: Actor) -> None:
        self.role = role
        """His own, wherever he stands."""
        self.actor = actor
        self.pending: dict[int, _Pending] = {}
        """By position among those that his coroutines await."""
        self.waits_since_us: int | None = None
        """Of a spare one; `None`: he was not called yet, or is busy."""
        self.was_called = False
        """Of a spare one: whether he is in the game."""

    def operation(self, local: int, position: int) -> Operation[Any]:
        """What he does at a local state."""
        return self.role.locals[local].pending[position].operation


def timetable(guide: Guide, windows: Windows, path: list[PathStep]) -> Timetable:
    """The timetable of a run."""
    writer = _Writer(guide, windows)
    for step in path:
        writer.write(step)
    return Timetable(tuple(writer.steps), tuple(writer.draws()))


class _Writer:
    def __init__(self, guide: Guide, windows: Windows) -> None:
        self._guide = guide
        self._windows = windows
        self._players = [_Player(role, actor) for role in guide.layout.roles for actor in role.actors]
        """By column."""
        self._draws: list[tuple[str, str, Operation[Any] | None, _Pending]] = []
        self.steps: list[TimedStep] = []

    def write(self, step: PathStep) -> None:
        """The next step, or the beginning."""
        times, change = step.times_us, step.landing.change
        if step.firing is None:
            self._begin(times)
        else:
            self._choose_among_idle(step, step.firing)
            self._act(step, step.firing)
            self._issue(change.row, change.column, change.issued, times[BASE], times)
        for column in change.begun:
            base_us = times.get(Slot(InstantKind.LEG, column), times[change.at])
            self._note_leg(self._players[column].actor.begins_after_leg_of, base_us - times[change.at])
            positions = [kind.position for kind in self._guide.kinds(change.row, column)]
            self._issue(change.row, column, positions, base_us, times)
        self._note_received(step)
        columns = step.landing.columns
        self._players = [self._players[column] for column in columns]

    def draws(self) -> list[Draw]:
        """All draws; of operations that never took effect, with the shortest response."""
        return [
            Draw(
                actor=actor,
                latency=latency,
                item=None if operation is None else operation.item,
                attempt=getattr(operation, "attempt", None),
                request_us=pending.request_us,
                response_us=pending.response_us,
            )
            for actor, latency, operation, pending in self._draws
        ]

    def _begin(self, times: Times) -> None:
        for key, name in self._guide.layout.system.first_timers.items():
            timer = self._guide.timer(key)
            if timer in times:
                self._draw(PHASE_1, name, None, times[timer] - times[START])
        spares = [player for player in self._players if player.actor.is_spare]
        if spares:
            spares[0].waits_since_us = times[START]
            spares[0].was_called = True

    def _draw(self, actor: str, latency: str, operation: Operation[Any] | None, request_us: int) -> None:
        pending = _Pending(operation or Operation(), 0, 0, request_us, 0)
        self._draws.append((actor, latency, operation, pending))

    def _note_leg(self, leg: LegOf | None, leg_us: int) -> None:
        """The request leg after which somebody begins."""
        for player in self._players:
            for pending in player.pending.values():
                operation = pending.operation
                if leg == (player.actor.name, operation.name, getattr(operation, "attempt", None)):
                    pending.request_us = leg_us

    # -- who of several who wait ---------------------------------------------------------------

    def _choose_among_idle(self, step: PathStep, firing: Firing) -> None:
        """Of those who wait, the one with the lowest number is woken."""
        before, kind, column = step.before, firing.kind, firing.column
        assert before is not None
        if not kind.is_of_idle_twin:
            return
        at_us = step.times_us[step.landing.change.at]
        idle = [
            other
            for other in kind.role.columns
            if before.row[other] == kind.local and self._waits(self._players[other], kind, at_us)
        ]
        chosen = min(idle, key=lambda other: self._players[other].actor.number or 0)
        players = self._players
        players[column], players[chosen] = players[chosen], players[column]
        if players[column].actor.is_spare:
            self._call_spare(players[column], at_us)

    def _waits(self, player: _Player, kind: StepKind, at_us: int) -> bool:
        if player.actor.is_spare:
            return player.waits_since_us is not None and player.waits_since_us <= at_us
        return player.pending[kind.position].can_act_us <= at_us

    def _call_spare(self, taker: _Player, at_us: int) -> None:
        """The next spare one is called once nobody waits."""
        taker.waits_since_us = None
        spares = sorted(
            (each for each in self._players if each.actor.is_spare), key=lambda each: each.actor.number or 0
        )
        if any(each.waits_since_us is not None and each.waits_since_us <= at_us for each in spares):
            return
        for each in spares:
            if each.waits_since_us is None and not each.was_called:
                each.waits_since_us = at_us
                each.was_called = True
                for pending in each.pending.values():
                    pending.issued_us = at_us
                return

    # -- what happens --------------------------------------------------------------------------

    def _act(self, step: PathStep, firing: Firing) -> None:
        times, change, kind = step.times_us, step.landing.change, firing.kind
        player = self._players[firing.column]
        operation = player.operation(kind.local, kind.position)
        pending = player.pending[kind.position]
        player.pending = {
            change.kept[place]: each for place, each in player.pending.items() if place in change.kept
        }
        at_us = times[change.at]
        answered_us = at_us
        if operation.acts_on_arrival:
            pending.response_us = at_us - pending.can_act_us
        else:
            answered_us = times.get(ANSWER, times[BASE])
            pending.response_us = answered_us - at_us
        self.steps.append(
            TimedStep(
                actor=f"{player.actor.name}{kind.lane}",
                operation=operation.bare,
                alternative=firing.move.label,
                answer=firing.move.answer,
                issued_us=pending.issued_us,
                at_us=at_us,
                answered_us=answered_us,
            )
        )
        timer = operation.timer_after(firing.move.answer)
        if timer is not None:
            for each in timer.each():
                due_us = times[self._guide.timer(each.key)]
                self._draw(player.actor.name, each.delay_of, each.wait or operation.bare, due_us - at_us)

    def _issue(self, row: GlobalState, column: int, positions: list[int], base_us: int, times: Times) -> None:
        player = self._players[column]
        for position in positions:
            operation = player.operation(row[column], position)
            has_request = not (operation.is_instant or operation.acts_on_arrival)
            can_act_us = times[Slot(InstantKind.OPERATION, column, position)] if has_request else base_us
            response_us = self._windows.of(operation).response.min_us
            bare = operation.bare
            pending = _Pending(bare, base_us, can_act_us, can_act_us - base_us, response_us)
            player.pending[position] = pending
            self._draws.append((player.actor.name, bare.name, bare, pending))
            if player.actor.is_spare and isinstance(operation, BlockingOperation) and player.was_called:
                player.waits_since_us = base_us

    def _note_received(self, step: PathStep) -> None:
        """What is to be received is on its way from the moment at which it is there, and the receiver too."""
        times, change = step.times_us, step.landing.change
        for waiting in self._guide.waiting(change.row, ()):
            operation = waiting.kind.operation
            if not operation.acts_on_arrival:
                continue
            pending = self._players[waiting.column].pending[waiting.kind.position]
            if not pending.is_received:
                assert isinstance(operation, BlockingOperation)
                there = BASE if operation.waits_for() == change.published else change.at
                pending.can_act_us = max(pending.can_act_us, times[there])
                pending.is_received = True
