"""A driver without time, to try protocol coroutines in any order of steps.

It shares nothing with the engines, so that it can contradict them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from random import Random
from typing import Any

from batchsim.batch.actors import PARENT, SDK, actors_of, world_after_phase_1
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.trace import Outcome, outcome_of
from batchsim.batch.world import World
from batchsim.model.cells import Cells, GuardedCells
from batchsim.model.operation import Both, EndsEarly, ForEach, Operation, Program, ProtocolError, Raised, Stopped
from batchsim.model.system import Actor

End = Callable[[Any, ProtocolError | None], None]
OnStep = Callable[[World, Operation[Any]], None]
OnRest = Callable[[Program[Any]], None]
"""Shown a coroutine each time that it waits."""


class Strand:
    """A coroutine and the one operation that it waits for."""

    def __init__(self, walk: Walk, actor: Actor, program: Program[Any], end: End) -> None:
        self._walk = walk
        self.actor = actor
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
            case ForEach(count, limit, body, may_end_early):
                self._run_side_by_side(count, limit, body, may_end_early)
            case _:
                assert isinstance(awaited, Operation)
                self.operation = self.actor.expose(awaited)
                self._walk.resting.append(self)

    def _run_side_by_side(
        self, count: int, limit: int, body: Callable[[int], Program[Any]], may_end_early: bool = False
    ) -> None:
        results: dict[int, Any] = {}
        begun: dict[int, Strand] = {}
        still_to_begin = iter(range(count))
        has_ended = False

        def begin_next() -> None:
            number = next(still_to_begin, None)
            if number is not None:
                end = partial(note, number)
                begun[number] = Strand(self._walk, self.actor, body(number), end)

        def note(number: int, result: object, failure: ProtocolError | None) -> None:
            nonlocal has_ended
            if has_ended:
                return
            if failure is not None:
                has_ended = True
                arrived = failure.arrived if isinstance(failure, EndsEarly) else count
                # What did not arrive was never begun.
                self._walk.drop(strand for each, strand in begun.items() if each >= arrived)
                # The end of the body counts as the end of the stream, if what came before it is done (3.2.2).
                is_over = may_end_early and 0 < arrived < count and results.keys() >= set(range(arrived))
                self.go_on(None, None if is_over else failure)
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
        self._returned: dict[str, Any] = {}

    def to_its_end(self) -> Outcome:
        """Let one after the other take effect until nobody can move."""
        self._wake()
        while moves := list(self._moves()):
            strand, alternative = self._chosen(moves)
            operation = strand.operation
            self.drop([strand])
            self._guard.admit(operation.name, *operation.footprint())
            answer = operation.apply_alternative(self.world, alternative)
            self._guard.release()
            self._on_step(self.world, operation)
            match answer:
                case Raised(error) if error is Stopped:
                    self.drop([each for each in self.resting if each.actor == strand.actor])
                case Raised(error):
                    strand.go_on(None, error())
                case _:
                    strand.go_on(answer, None)
            self._wake()
        return outcome_of(self.world, self._setting, self._returned.get(SDK), self._returned.get(PARENT))

    def drop(self, strands: Iterable[Strand]) -> None:
        """These do not rest any more."""
        gone = set(strands)
        self.resting = [each for each in self.resting if each not in gone]

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
                Strand(self, actor, actor.program(), self._end_of(actor))
            else:
                self._dormant.append(actor)

    def _end_of(self, actor: Actor) -> End:
        def end(result: object, failure: ProtocolError | None) -> None:
            assert failure is None
            if actor.returns_to is not None and result is not None:
                self.world.cells[actor.returns_to] = result
            if actor.is_judged:
                self._returned[actor.name] = result

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
