"""Fewer states, the same outcomes: where one actor's next steps can disturb nobody, only they are taken.

Theory
======

A set of steps is *persistent* in a state if nothing that the other actors can ever do, as long as none of the
set is taken, depends on a step of the set. Exploring a persistent set in each state keeps every terminal state
(Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems*, 1996, theorem 4.3; the graph is
finite and acyclic). The sets taken here are all pending operations of one actor; two operations are independent
if neither writes a key that the other touches.

What an actor can ever do is read off its local states: the footprints of all that can be reached from its own.
They are found while searching (scouts go first), so a choice may have relied on too little. So all choices are
made again when the search has ended, and where one differs the search is done again, knowing more. That is
enough: let answers that were never met lead to an error state. The last search is a sound reduction of that
restricted system and met no error; so the restricted system has none, and is the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.edges import FoundEdges
from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.packing import Rows
from batchsim.engines.values import ABSENT
from batchsim.model.cells import IfListed, Key
from batchsim.model.operation import BlockingOperation

Masks = NDArray[np.uint64]
Columns = NDArray[np.int64]

BITS = 64
EVERYBODY = -1
"""In place of a column: all actors step."""
NOBODY = -2
"""In place of a column: no actor steps."""


class Reduction:
    """Chooses, for each state, the one actor whose steps are enough."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._bit = {cell: place for place, cell in enumerate(layout.cells)}
        self._is_possible = len(layout.cells) <= BITS
        self._futures = {id(role): _Future() for role in layout.roles}

    def choose(self, rows: Rows, look: Callable[[], None] = lambda: None) -> Columns:
        """For each state the column of the actor that steps, or `EVERYBODY`, as far as is known by now.

        `look`: called time and again, to raise what ends it.
        """
        chosen = np.full(len(rows), EVERYBODY, dtype=np.int64)
        if not self._is_possible:
            return chosen
        for role in self._layout.roles:
            self._futures[id(role)].update(role, self._mask, self._layout)
            look()
        reads, writes = self._what_may_come(rows)
        for role in reversed(self._layout.roles):
            future = self._futures[id(role)]
            for column in reversed(role.columns):
                look()
                local = rows[:, column]
                others_read, others_write = _of_others(reads, column), _of_others(writes, column)
                disturbs = (future.next_writes[local] & (others_read | others_write)) | (
                    future.next_reads[local] & others_write
                )
                awaited = future.awaits[local]
                is_there = (awaited < 0) | (rows[np.arange(len(rows)), np.maximum(awaited, 0)] != ABSENT)
                chosen[future.can_step[local] & (disturbs == 0) & is_there] = column
        return chosen

    def _what_may_come(self, rows: Rows) -> tuple[list[Masks], list[Masks]]:
        """What each actor may still read and write, who waits in vain aside."""
        places = [(role, column) for role in self._layout.roles for column in role.columns]
        goes_on = [self._finds_its_cell(role, rows) for role, _ in places]
        while True:
            unblocked = np.zeros(len(rows), dtype=np.uint64)
            for (role, column), on in zip(places, goes_on, strict=True):
                future, local = self._futures[id(role)], rows[:, column]
                unblocked |= np.where(on, future.unblocks[local], future.unblocks_until[local])
            further = [
                on | self._is_unblocked(role, unblocked) for (role, _), on in zip(places, goes_on, strict=True)
            ]
            if all(np.array_equal(before, after) for before, after in zip(goes_on, further, strict=True)):
                break
            goes_on = further
        reads, writes = [], []
        for (role, column), on in zip(places, goes_on, strict=True):
            future, local = self._futures[id(role)], rows[:, column]
            reads.append(np.where(on, future.reads[local], future.reads_until[local]))
            writes.append(np.where(on, future.writes[local], future.writes_until[local]))
        return reads, writes

    def _finds_its_cell(self, role: Role, rows: Rows) -> NDArray[np.bool_]:
        cell = self._futures[id(role)].stops_without
        if cell is None:
            return np.ones(len(rows), dtype=bool)
        return np.asarray(rows[:, self._layout.column_of[cell]] != ABSENT)

    def _is_unblocked(self, role: Role, unblocked: Masks) -> NDArray[np.bool_]:
        cell = self._futures[id(role)].stops_without
        bit = 0 if cell is None else 1 << self._bit[cell]
        return np.asarray((unblocked & np.uint64(bit)) != 0)

    def _mask(self, cells: Iterable[Key]) -> int:
        return sum(
            1 << self._bit[cell] for cell in set(cells) if cell in self._bit or not isinstance(cell, IfListed)
        )


def for_those_without(steps: Sequence[FoundEdges], chosen: Columns) -> Columns:
    """For states in which whoever was chosen has no step, `EVERYBODY`; for the others `NOBODY`.

    One is chosen for what others may still do. He can be blocked all the same, where it is a fault that holds him
    back, or what he waits for is there and is not enough; then nothing would follow where others go on.
    """
    has_step = chosen == EVERYBODY
    for part in steps:
        has_step[part.sources] = True
    return np.where(has_step, NOBODY, EVERYBODY)


def _of_others(masks: list[Masks], column: int) -> Masks:
    """Of all columns but one, together."""
    together = np.zeros_like(masks[0])
    for other, mask in enumerate(masks):
        if other != column:
            together |= mask
    return together


class _Future:
    """For each local state of a role: what its next steps touch, and all that can follow."""

    def __init__(self) -> None:
        self._known = (0, 0)
        none = np.zeros(0, dtype=np.uint64)
        self.next_reads = self.next_writes = self._next_unblocks = none
        self.reads = self.writes = self.unblocks = none
        self.reads_until = self.writes_until = self.unblocks_until = none
        """What can follow until the actor waits for `stops_without`."""
        self.stops_without: Key | None = None
        """The cell that the actor begins with, or comes back to wait for."""
        self.can_step = np.zeros(0, dtype=np.bool_)
        self.awaits: Columns = np.zeros(0, dtype=np.int64)
        """The column of the cell that must be there, or -1."""

    def update(self, role: Role, mask_of: Callable[[Iterable[Key]], int], layout: Layout) -> None:
        """Look at the local states again, if there are more."""
        known = (len(role.locals), role.locals.transitions_count)
        if known == self._known:
            return
        self._known = known
        waits = self._note_next_steps(role, mask_of, layout)
        edges = np.array(role.locals.edges() or [(0, 0)], dtype=np.int64)
        nexts = (self.next_reads, self.next_writes, self._next_unblocks)
        self.reads, self.writes, self.unblocks = (_following(each, edges) for each in nexts)
        edges = edges[~waits[edges[:, 0]]]
        until = [np.where(waits, np.uint64(0), each) for each in nexts]
        self.reads_until, self.writes_until, self.unblocks_until = (_following(each, edges) for each in until)

    def _note_next_steps(
        self, role: Role, mask_of: Callable[[Iterable[Key]], int], layout: Layout
    ) -> NDArray[np.bool_]:
        """Note what the next steps touch; at which local states the actor waits for `stops_without`."""
        self.stops_without = role.begins_with
        steps = [self._next_steps(role, local, mask_of, layout) for local in range(len(role.locals))]
        self.next_reads = np.array([each.reads for each in steps], dtype=np.uint64)
        self.next_writes = np.array([each.writes for each in steps], dtype=np.uint64)
        self._next_unblocks = np.array([each.unblocks for each in steps], dtype=np.uint64)
        self.can_step = np.array([each.can_step for each in steps], dtype=np.bool_)
        self.awaits = np.array([each.awaits for each in steps], dtype=np.int64)
        return np.array([each.waits for each in steps], dtype=np.bool_)

    def _next_steps(
        self, role: Role, local: int, mask_of: Callable[[Iterable[Key]], int], layout: Layout
    ) -> _NextSteps:
        state = role.locals[local]
        operations = [pending.operation for pending in state.pending]
        awaited = {operation.waits_for() for operation in operations if isinstance(operation, BlockingOperation)}
        if len(role.actors) > 1 or role.actors[0].is_twin:
            self.stops_without = self.stops_without or next(iter(awaited), None)
        if local == 0 and role.begins_with is not None:
            awaited.add(role.begins_with)
        reads, writes, unblocks = mask_of(awaited), 0, 0
        for operation in operations:
            footprint = operation.footprint()
            reads |= mask_of(footprint.reads)
            writes |= mask_of(footprint.writes)
            unblocks |= mask_of(operation.unblocks())
        if role.returns_to is not None and not state.has_ended:
            writes |= mask_of((role.returns_to,))
            unblocks |= mask_of((role.returns_to,))
        return _NextSteps(
            reads=reads,
            writes=writes,
            unblocks=unblocks,
            can_step=bool(operations) and len(awaited) <= 1,
            awaits=layout.column_of[next(iter(awaited))] if awaited else -1,
            waits=self.stops_without in awaited,
        )


class _NextSteps(NamedTuple):
    reads: int
    writes: int
    unblocks: int
    can_step: bool
    awaits: int
    waits: bool


def _following(masks: Masks, edges: Columns) -> Masks:
    """For each local state the masks of all that can be reached from it, its own among them."""
    while True:
        further = masks.copy()
        np.bitwise_or.at(further, edges[:, 0], masks[edges[:, 1]])
        if np.array_equal(further, masks):
            return masks
        masks = further
