"""A driver without time, to try protocol coroutines in any order of steps.

It shares nothing with the engines, so that it can contradict them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from batchsim.batch.actors import SDK, actors_of, world_after_phase_1
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.trace import Outcome, outcome_of
from batchsim.batch.world import World
from batchsim.model.cells import Cells, GuardedCells
from batchsim.model.operation import Both, ForEach, Operation, Program, ProtocolError
from batchsim.model.system import Actor

End = Callable[[Any, ProtocolError | None], None]
OnStep = Callable[[World, Operation[Any]], None]
OnRest = Callable[[Program[Any]], None]
"""Shown a coroutine each time that it waits."""


class Strand:
    """A coroutine and the one operation that it waits for."""

    def __init__(self, walk: Walk, program: Program[Any], end: End) -> None:
        self._walk = walk
        self._program = program
        self._end = end
        self.urgency = walk.random.random()
        self.operation: Operation[Any]
        self.go_on(None, None)

    def go_on(self, answer: object, failure: ProtocolError | None) -> None:
        try:
            awaited = self._program.send(answer) if failure is None else self._program.throw(failure)
        except StopIteration as end:
            self._end(end.value, None)
            return
        except ProtocolError as raised:
            self._end(None, raised)
            return
        self._walk.on_rest(self._program)
        match awaited:
            case Both(operations):
                self._run_side_by_side(2, 2, lambda number: _perform(operations[number]))
            case ForEach(count, limit, body):
                self._run_side_by_side(count, limit, body)
            case _:
                assert isinstance(awaited, Operation)
                self.operation = awaited
                self._walk.resting.append(self)

    def _run_side_by_side(self, count: int, limit: int, body: Callable[[int], Program[Any]]) -> None:
        results: dict[int, Any] = {}
        still_to_begin = iter(range(count))
        has_ended = False

        def begin_next() -> None:
            number = next(still_to_begin, None)
            if number is not None:
                Strand(self._walk, body(number), lambda result, failure: note(number, result, failure))

        def note(number: int, result: object, failure: ProtocolError | None) -> None:
            nonlocal has_ended
            if has_ended:
                return
            if failure is not None:
                has_ended = True
                self.go_on(None, failure)
                return
            results[number] = result
            begin_next()
            if len(results) == count:
                has_ended = True
                self.go_on(tuple(results[each] for each in range(count)), None)

        for _ in range(min(limit, count)):
            begin_next()


async def _perform(operation: Operation[object]) -> object:
    return await operation


class Walk:
    """One path through the interleavings of a setting under a policy, drawn at random."""

    def __init__(self, setting: Setting, policy: Policy, random: Random, on_step: OnStep, on_rest: OnRest) -> None:
        self.on_rest = on_rest
        self.resting: list[Strand] = []
        self._setting = setting
        self.random = random
        self._on_step = on_step
        self._guard = GuardedCells(Cells())
        self.world = world_after_phase_1(setting, policy, self._guard)
        self._dormant = list(actors_of(setting, policy))
        self._call: Any = None

    def to_its_end(self) -> Outcome:
        """Let one after the other take effect until nobody can move."""
        self._wake()
        while moves := list(self._moves()):
            strand, alternative = self._chosen(moves)
            operation = strand.operation
            self.resting.remove(strand)
            self._guard.admit(operation.name, *operation.footprint())
            answer = operation.apply_alternative(self.world, alternative)
            self._guard.release()
            self._on_step(self.world, operation)
            strand.go_on(answer, None)
            self._wake()
        return outcome_of(self.world, self._setting, self._call)

    def _chosen(self, moves: list[tuple[Strand, Any]]) -> tuple[Strand, Any]:
        """The most urgent, and it may lose its urgency: so some run far ahead, and others fall far behind."""
        most_urgent = max(strand.urgency for strand, _ in moves)
        move = self.random.choice([move for move in moves if move[0].urgency == most_urgent])
        if self.random.random() < 0.2:
            move[0].urgency = self.random.random()
        return move

    def _moves(self) -> Iterator[tuple[Strand, Any]]:
        for strand in self.resting:
            for alternative in strand.operation.alternatives(self.world):
                yield strand, alternative

    def _wake(self) -> None:
        waiting, self._dormant = self._dormant, []
        for actor in waiting:
            if actor.begins_with is None or actor.begins_with in self.world.cells:
                Strand(self, actor.program(), self._end_of(actor))
            else:
                self._dormant.append(actor)

    def _end_of(self, actor: Actor) -> End:
        def end(result: object, failure: ProtocolError | None) -> None:
            assert failure is None
            if actor.returns_to is not None:
                self.world.cells[actor.returns_to] = result
            if actor.kind == SDK:
                self._call = result

        return end


def walk_at_random(
    setting: Setting,
    policy: Policy,
    seed: int,
    on_step: OnStep = lambda _world, _operation: None,
    on_rest: OnRest = lambda _program: None,
) -> Outcome:
    """The outcome of one random interleaving."""
    return Walk(setting, policy, Random(seed), on_step, on_rest).to_its_end()
