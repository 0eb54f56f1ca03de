"""Whether the model explains what was observed: some order of the operations in which it gives every answer.

Theory of operation
===================

Of each operation it is known when it was sent and when it was answered; in between it took effect, at one instant.
So of two operations one was certainly first only if it was answered before the other one was sent. The search
takes one operation after another, as the model does: next may be any whose actor has done all before it, and that
was sent before any other one that is still to come was answered. If the model gives another answer than was
observed, this is not the order, and the search goes back. In the end the stores have to hold what they were seen
to hold.

Most of the time hardly any two operations overlap, so the search goes straight on; states from which no order led
on are remembered. This is the question of linearizability, with the model in place of a specification (Wing and
Gong, *Testing and verifying concurrent objects*, 1993; Lowe, *Testing for linearizability*, 2017).

What no order explains is a finding: the model is wrong, or the store is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.engines.live.hammer import Observed, Returned, Seen
from batchsim.engines.live.keys import Store, store_of
from batchsim.model.cells import Cells, Key, freeze, thaw
from batchsim.model.operation import Operation
from batchsim.model.system import System

TRIES_MAX = 200_000
"""So many operations are tried before the search gives up."""


class Unexplained(NamedTuple):
    """The longest explanation that there is, and how each operation that could come next is answered otherwise."""

    explained: tuple[Seen | Returned, ...]
    """In an order that the model reproduces."""
    next: tuple[tuple[Seen, tuple[Any, ...]], ...]
    """Each with what the model answers."""
    cells: tuple[tuple[Key, Any, Any], ...] = ()
    """Where all answers are explained: the cells that differ in the end, in the model and on the servers."""
    has_given_up: bool = False


@dataclass(slots=True)
class Explanation:
    """What came of the search."""

    order: tuple[Seen | Returned, ...] = ()
    """In which the model reproduces what was observed."""
    unexplained: Unexplained | None = None
    tries: int = 0


class _Frame(NamedTuple):
    """A place in the search: who can come next, and how the step that led there is undone."""

    lanes: Iterator[str]
    lane: str
    undo: dict[Key, Any]


class _Search:
    def __init__(self, system: System[Any], observed: Observed) -> None:
        self._cells = Cells()
        system.begin(self._cells)
        self._world = system.world(self._cells)
        self._lanes: dict[str, list[Seen | Returned]] = {}
        for each in observed.seen:
            self._lanes.setdefault(each.lane, []).append(each)
        self._next = dict.fromkeys(self._lanes, 0)
        self._left = len(observed.seen)
        self._observed = observed
        self._order: list[Seen | Returned] = []
        self._dead: set[Any] = set()
        self._best: Unexplained | None = None
        self.tries = 0

    def run(self) -> Explanation:
        frames = [_Frame(self._candidates(), "", {})]
        while frames and self.tries <= TRIES_MAX:
            if not self._left:
                differing = tuple(self._differing())
                if not differing:
                    return Explanation(tuple(self._order), None, self.tries)
                self._note(differing)
            lane = next(frames[-1].lanes, None)
            if lane is None:
                frame = frames.pop()
                if frame.lane:
                    self._dead.add(self._state())
                    self._take_back(frame)
                continue
            undo = self._take(lane)
            if undo is None:
                continue
            frame = _Frame(self._candidates(), lane, undo)
            if self._state() in self._dead:
                self._take_back(frame)
            else:
                frames.append(frame)
        best = self._best or Unexplained((), ())
        return Explanation((), best._replace(has_given_up=self.tries > TRIES_MAX), self.tries)

    def _candidates(self) -> Iterator[str]:
        """Who can come next, those first that took effect first as far as one can tell."""
        heads = [(lane, self._lanes[lane][place]) for lane, place in self._next.items() if self._has_more(lane)]
        earliest_us = min((each.ended_us for _, each in heads), default=0)
        possible = [(lane, each) for lane, each in heads if each.begun_us <= earliest_us]
        possible.sort(key=lambda each: each[1].begun_us + each[1].ended_us)
        yield from (lane for lane, _ in possible)
        if self._best is None or len(self._order) > len(self._best.explained):
            self._note((), tuple(each for _, each in possible if isinstance(each, Seen)))

    def _has_more(self, lane: str) -> bool:
        return self._next[lane] < len(self._lanes[lane])

    def _note(self, differing: tuple[Any, ...], possible: tuple[Seen, ...] = ()) -> None:
        answers = tuple((each, tuple(self._answers(each.operation))) for each in possible)
        self._best = Unexplained(tuple(self._order), answers, differing)

    def _answers(self, operation: Operation[Any]) -> Iterator[Any]:
        """What the model answers, in any of its ways."""
        for way in operation.alternatives(self._world) if operation.has_alternatives else (None,):
            undo = self._snapshot(operation)
            try:
                yield (
                    operation.apply(self._world) if way is None else operation.apply_alternative(self._world, way)
                )
            finally:
                self._restore(undo)

    def _take(self, lane: str) -> dict[Key, Any] | None:
        """Let the next operation of a lane take effect in the model; how it is undone. `None`: it is no step."""
        self.tries += 1
        step = self._lanes[lane][self._next[lane]]
        if isinstance(step, Returned):
            undo = {step.cell: freeze(dict.get(self._cells, step.cell))}
            self._cells[step.cell] = step.value
        else:
            found = self._applied(step)
            if found is None:
                return None
            undo = found
        self._next[lane] += 1
        self._left -= 1
        self._order.append(step)
        return undo

    def _applied(self, step: Seen) -> dict[Key, Any] | None:
        operation, world = step.operation, self._world
        undo = self._snapshot(operation)
        for way in operation.alternatives(world) if operation.has_alternatives else (None,):
            answer = operation.apply(world) if way is None else operation.apply_alternative(world, way)
            if answer == step.answer and isinstance(answer, bool) == isinstance(step.answer, bool):
                return undo
            self._restore(undo)
        return None

    def _snapshot(self, operation: Operation[Any]) -> dict[Key, Any]:
        return {key: freeze(dict.get(self._cells, key)) for key in operation.footprint().writes}

    def _restore(self, undo: dict[Key, Any]) -> None:
        for key, value in undo.items():
            if value is None:
                dict.pop(self._cells, key, None)
            else:
                dict.__setitem__(self._cells, key, thaw(value))

    def _take_back(self, frame: _Frame) -> None:
        self._restore(frame.undo)
        self._next[frame.lane] -= 1
        self._left += 1
        self._order.pop()

    def _state(self) -> Any:
        cells = frozenset((key, freeze(value)) for key, value in dict.items(self._cells))
        return tuple(self._next.values()), cells

    def _differing(self) -> Iterator[tuple[Key, Any, Any]]:
        held = self._observed.contents
        model = {key: freeze(value) for key, value in dict.items(self._cells) if store_of(key) is not Store.MEMORY}
        for key in sorted(model.keys() | held.keys()):
            if store_of(key) is not Store.MEMORY and model.get(key) != held.get(key):
                yield key, model.get(key), held.get(key)


def explain(system: System[Any], observed: Observed) -> Explanation:
    """Look for an order of what was observed of a system in which the model gives every answer."""
    return _Search(system, observed).run()
