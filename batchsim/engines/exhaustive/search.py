"""The search: every reachable state, breadth first, a whole level at a time in NumPy arrays.

Theory of operation
===================

A step changes its actor's column and those of its footprint, and what it does depends on nothing else.
So all states of a level in which a role is at one local state are stepped together: the few different
contents of the footprint are worked out once (`moves.py`), the many rows are only gathered and scattered.

States are told apart by a 64-bit sum of random numbers, one for each (column, value), twins sharing a
column's numbers; a step changes the sum by the difference of what it changes. Rows with equal sums are
compared, so that the search stays exact: sums that collide raise `HashCollision`, and the
search starts again with other numbers.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.reduction import EVERYBODY, Reduction
from batchsim.engines.streams import draw

Rows = NDArray[np.uint16]
Numbers = NDArray[np.int64]
Sums = NDArray[np.uint64]


class HashCollision(Exception):
    """Two different states have the same sum."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of an edge apart from its ends."""

    kind: StepKind
    alternative: str | None
    probability: float | None = None
    """Where a draw decides between alternatives: that of this one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a search gives up; `None`: never."""

    states_max: int | None = None
    memory_bytes_max: int | None = None


UNBOUNDED = Bounds()
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Level:
    """How far the search is."""

    depth: int
    states: int
    transitions: int
    frontier: int


class Search:
    """States and edges, as they are found."""

    def __init__(self, table: StepTable, salt: int = 0, reduction: Reduction | None = None) -> None:
        self.layout = layout = table.layout
        self._table = table
        self._reduction = reduction
        self._chosen: list[Numbers] = []
        self._sums_of = _Sums(layout, salt)
        self.labels: list[Label] = []
        self._label_numbers: dict[tuple[int, str | None, float | None], int] = {}
        first = np.array([layout.initial_row()], dtype=np.uint16)
        self._rows: list[Rows] = [first]
        self._levels_begin = [0, 1]
        sums = np.array([self._sums_of.row(first[0])], dtype=np.uint64)
        self._known = _Known(sums)
        self._frontier = (first, sums)
        self.sources: list[Numbers] = []
        self.targets: list[Numbers] = []
        self.weights: list[Numbers] = []
        self.edge_labels: list[Numbers] = []
        self.transitions = 0
        self.is_complete = False
        self.stopped_by: str | None = None
        """Why it is not complete."""

    @property
    def states(self) -> int:
        """How many states were found."""
        return self._levels_begin[-1]

    @property
    def levels_begin(self) -> list[int]:
        """The number of the first state of each level, and of the one after the last."""
        return self._levels_begin

    def rows(self) -> Rows:
        """All states, in the order of their numbers."""
        return np.concatenate(self._rows)

    def run(self, bounds: Bounds, on_level: Callable[[Level], bool] | None = None) -> None:
        """Search until nothing is new, a bound is hit, or `on_level` says that it is enough."""
        while len(self._frontier[0]):
            level = Level(len(self._rows), self.states, self.transitions, len(self._frontier[0]))
            if on_level is not None and not on_level(level):
                self.stopped_by = INTERRUPTED
                return
            if self._hits(bounds):
                self.stopped_by = "bound hit"
                return
            self._expand()
        self.is_complete = True

    def chose_well(self) -> bool:
        """Whether all that was found by now would have led to the same choices."""
        if self._reduction is None:
            return True
        expanded = self._rows[: len(self._chosen)]
        return all(
            np.array_equal(self._reduction.choose(rows), chosen)
            for rows, chosen in zip(expanded, self._chosen, strict=True)
        )

    def _hits(self, bounds: Bounds) -> bool:
        if bounds.states_max is not None and self.states > bounds.states_max:
            return True
        return bounds.memory_bytes_max is not None and memory_bytes() > bounds.memory_bytes_max

    # -- one level ------------------------------------------------------------------------------

    def _expand(self) -> None:
        rows, sums = self._frontier
        begin = self._levels_begin[-2]
        chosen = None
        if self._reduction is not None:
            chosen = self._reduction.choose(rows)
            self._chosen.append(chosen)
        parts = self._admit(
            [part for role in self.layout.roles for part in self._steps_of(role, rows, sums, chosen)], len(rows)
        )
        if not parts:
            self._frontier = (rows[:0], sums[:0])
            return
        sources = np.concatenate([part.sources for part in parts])
        new_rows = np.concatenate([part.rows for part in parts])
        new_sums = np.concatenate([part.sums for part in parts])
        self.sources.append(sources + begin)
        self.weights.append(np.concatenate([part.weights for part in parts]))
        self.edge_labels.append(np.concatenate([part.labels for part in parts]))
        self.targets.append(self._number(new_rows, new_sums))
        self.transitions += len(sources)

    def _admit(self, parts: list[Part], states: int) -> list[Part]:
        """Those of the possible steps of a level of so many states that the search takes."""
        return parts

    def _number(self, rows: Rows, sums: Sums) -> Numbers:
        """The numbers of these states; new ones are the next frontier."""
        distinct, first, inverse = np.unique(sums, return_index=True, return_inverse=True)
        if not np.array_equal(rows[first[inverse]], rows):
            raise HashCollision
        numbers = self._known.find(distinct)
        is_new = numbers < 0
        self._check_known(rows[first[~is_new]], numbers[~is_new])
        # In the order in which they were found, so that numbers depend on no sums.
        order = np.argsort(first[is_new], kind="stable")
        fresh = np.flatnonzero(is_new)[order]
        numbers[fresh] = np.arange(self.states, self.states + len(fresh))
        self._known.add(distinct[fresh], numbers[fresh])
        self._frontier = (rows[first[fresh]], distinct[fresh])
        self._rows.append(self._frontier[0])
        self._levels_begin.append(self.states + len(fresh))
        return numbers[inverse]

    def _check_known(self, rows: Rows, numbers: Numbers) -> None:
        level = np.searchsorted(self._levels_begin, numbers, side="right") - 1
        for each in np.unique(level):
            here = level == each
            if not np.array_equal(self._rows[each][numbers[here] - self._levels_begin[each]], rows[here]):
                raise HashCollision

    def _steps_of(self, role: Role, rows: Rows, sums: Sums, chosen_columns: Numbers | None) -> Iterator[Part]:
        previous = None
        has_idle = np.zeros(len(rows), dtype=bool)
        for column in role.columns:
            local = rows[:, column]
            # Among sorted twins, the first of those that are alike steps for all of them.
            eligible = np.ones(len(rows), dtype=bool) if previous is None else local != previous
            if chosen_columns is not None:
                eligible &= (chosen_columns == EVERYBODY) | (chosen_columns == column)
            previous = local
            for number in np.unique(local[eligible]).tolist():
                kinds = self._table.kinds(role, number)
                chosen = eligible & (local == number)
                for kind in kinds:
                    here = np.flatnonzero(chosen & ~has_idle if kind.is_of_idle_twin else chosen)
                    if len(here):
                        alike = (rows[here][:, role.columns] == number).sum(axis=1)
                        yield from self._steps_of_kind(kind, column, rows, sums, here, alike)
                if any(kind.is_of_idle_twin for kind in kinds):
                    has_idle |= chosen

    def _steps_of_kind(
        self, kind: StepKind, column: int, rows: Rows, sums: Sums, here: Numbers, alike: Numbers
    ) -> Iterator[Part]:
        contents, inverse = _distinct(rows[here][:, kind.columns])
        moves = [kind.moves(tuple(content)) for content in contents.tolist()]
        for which in range(max(map(len, moves), default=0)):
            has = np.array([len(each) > which for each in moves])
            chosen = has[inverse]
            sources = here[chosen]
            content_of = np.cumsum(has) - 1
            table = [each[which] for each in moves if len(each) > which]
            taken = content_of[inverse[chosen]]
            yield self._take(kind, column, rows, sums, sources, contents[has], table, taken, alike, chosen)

    def _take(
        self,
        kind: StepKind,
        column: int,
        rows: Rows,
        sums: Sums,
        sources: Numbers,
        contents: Rows,
        table: list[Any],
        taken: Numbers,
        alike: Numbers,
        chosen: NDArray[np.bool_],
    ) -> Part:
        new_rows = rows[sources]
        locals_ = np.array([move.local for move in table], dtype=np.uint16)
        new_rows[:, column] = locals_[taken]
        if kind.columns:
            cells = np.array([move.cells for move in table], dtype=np.uint16)
            new_rows[:, kind.columns] = cells[taken]
        change = np.array(
            [
                self._sums_of.change(kind, content, move)
                for content, move in zip(contents.tolist(), table, strict=True)
            ],
            dtype=np.uint64,
        )
        columns = kind.role.columns
        if len(columns) > 1:
            new_rows[:, columns] = np.sort(new_rows[:, columns], axis=1)
        labels = np.array([self._label(kind, move) for move in table], dtype=np.int64)
        # Any one of the idle twins takes it, which is one step; others that are alike have one each.
        weights = np.ones_like(sources) if kind.is_of_idle_twin else alike[chosen]
        return Part(sources, new_rows, sums[sources] + change[taken], weights, labels[taken])

    def _label(self, kind: StepKind, move: Move) -> int:
        key = (id(kind), move.label, move.probability)
        if key not in self._label_numbers:
            self._label_numbers[key] = len(self.labels)
            self.labels.append(Label(kind, move.label, move.probability))
        return self._label_numbers[key]


@dataclass(frozen=True, slots=True)
class Part:
    """Edges from one level that are alike."""

    sources: Numbers
    rows: Rows
    sums: Sums
    weights: Numbers
    labels: Numbers


def _distinct(contents: Rows) -> tuple[Rows, Numbers]:
    """The different rows, and for each row which of them it is."""
    if contents.shape[1] == 0:
        return contents[:1], np.zeros(len(contents), dtype=np.int64)
    spans = contents.max(axis=0).astype(object) + 1
    if int(np.prod(spans)) < 1 << 62:
        packed = contents[:, 0].astype(np.int64)
        for place in range(1, contents.shape[1]):
            packed = packed * int(spans[place]) + contents[:, place]
        _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(contents, axis=0, return_index=True, return_inverse=True)
    return contents[first], inverse.ravel()


class _Sums:
    """The random numbers behind the sums."""

    def __init__(self, layout: Layout, salt: int) -> None:
        self._layout = layout
        self._bases = [0] * layout.width
        for role in layout.roles:
            for column in role.columns:
                self._bases[column] = draw(salt, role.columns.start)
        for column in range(layout.actors_count, layout.width):
            self._bases[column] = draw(salt, column)

    def row(self, row: Rows) -> int:
        """The sum of a state."""
        return sum(self._number(column, value) for column, value in enumerate(row.tolist())) % (1 << 64)

    def change(self, kind: StepKind, content: list[int], move: Any) -> int:
        """By how much a move changes the sum."""
        actor = kind.role.columns.start
        change = self._number(actor, move.local) - self._number(actor, kind.local)
        for column, before, after in zip(kind.columns, content, move.cells, strict=True):
            if before != after:
                change += self._number(column, after) - self._number(column, before)
        return change % (1 << 64)

    def _number(self, column: int, value: int) -> int:
        return draw(self._bases[column], value)


class _Known:
    """The states that were found, by their sums."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._numbers: Numbers = np.zeros(1, dtype=np.int64)

    def find(self, sums: Sums) -> Numbers:
        """The numbers of states; -1: not found yet."""
        place = np.searchsorted(self._sums, sums)
        place[place == len(self._sums)] = 0
        return np.where(self._sums[place] == sums, self._numbers[place], -1)

    def add(self, sums: Sums, numbers: Numbers) -> None:
        """Add states that are not known."""
        order = np.argsort(sums)
        place = np.searchsorted(self._sums, sums[order])
        self._sums = np.insert(self._sums, place, sums[order])
        self._numbers = np.insert(self._numbers, place, numbers[order])


def memory_bytes() -> int:
    """The memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux: the peak is all that is known
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
