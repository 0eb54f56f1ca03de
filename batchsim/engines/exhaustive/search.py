"""The search: every reachable state, breadth first, many at a time in NumPy arrays.

Theory of operation
===================

A step changes its actor's column and those of its footprint, and what it does depends on nothing else.
So of many states those in which a role is at one local state are stepped together: the few different
contents of the footprint are worked out once (`moves.py`), the many rows are only gathered and scattered.

States are told apart by a 64-bit sum (`sums.py`), which a step changes by the difference of what it changes. Rows
with equal sums are compared, so that the search stays exact: where sums collide, it starts again with others.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct, stable_order
from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.reduction import EVERYBODY, Reduction
from batchsim.engines.exhaustive.states import HashCollision, Numbers, Rows, States, Sums
from batchsim.engines.exhaustive.sums import StateSums
from batchsim.engines.exhaustive.symmetry import Symmetry

VALUE_TYPE: type[np.unsignedinteger[Any]] = np.uint16
"""Of what stands in a row, until a column has more values than it can tell apart."""
CHUNK = 1 << 16
"""So many states are stepped together; between chunks bounds are looked at."""


class ValuesTooMany(Exception):
    """A column has more values than its type can tell apart."""


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
    """States that were found and not looked into."""


class Search:
    """States and edges, as they are found."""

    def __init__(
        self,
        table: StepTable,
        reduction: Reduction | None = None,
        salt: int = 0,
        value_type: type[np.unsignedinteger[Any]] = np.uint16,
    ) -> None:
        self.layout = layout = table.layout
        self._table = table
        self._reduction = reduction
        self._symmetry = Symmetry(layout)
        self._chosen: list[tuple[Rows, Numbers]] = []
        self._sums_of = StateSums(layout, salt)
        self._values_max = np.iinfo(value_type).max
        self.labels: list[Label] = []
        self._label_numbers: dict[tuple[int, str | None, float | None], int] = {}
        first = layout.initial_row()
        self._states = States(np.array(first, dtype=value_type), self._sums_of.of(first))
        self.levels_begin = [0]
        """The number of the first state of each level."""
        self.expanded = 0
        """States from this number on were found, and not looked into."""
        # Edges, sorted by the state that they leave.
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
        return len(self._states)

    @property
    def rows(self) -> Rows:
        """All states, in the order of their numbers."""
        return self._states.rows

    def run(self, bounds: Bounds, on_level: Callable[[Level], bool] | None = None) -> None:
        """Search until nothing is new, a bound is hit, or `on_level` says that it is enough.

        Raises `HashCollision`, `ValuesTooMany`.
        """
        while self.expanded < self.states:
            end = self.states
            self.levels_begin.append(end)
            while self.expanded < end:
                frontier = self.states - self.expanded
                level = Level(len(self.levels_begin) - 1, self.states, self.transitions, frontier)
                if on_level is not None and not on_level(level):
                    self.stopped_by = INTERRUPTED
                    return
                if self._hits(bounds):
                    self.stopped_by = "bound hit"
                    return
                self._expand(min(end, self.expanded + CHUNK))
        self.is_complete = True

    def chose_well(self) -> bool:
        """Whether all that was found by now would have led to the same choices."""
        reduction = self._reduction
        return reduction is None or all(
            np.array_equal(reduction.choose(rows), chosen) for rows, chosen in self._chosen
        )

    def _hits(self, bounds: Bounds) -> bool:
        if bounds.states_max is not None and self.states > bounds.states_max:
            return True
        return bounds.memory_bytes_max is not None and memory_bytes() > bounds.memory_bytes_max

    # -- some states of one level ---------------------------------------------------------------

    def _expand(self, end: int) -> None:
        begin, self.expanded = self.expanded, end
        rows, sums = self._states.rows[begin:end], self._states.sums[begin:end]
        chosen = None
        if self._reduction is not None:
            chosen = self._reduction.choose(rows)
            self._chosen.append((rows, chosen))
        parts = self._admit(
            [part for role in self.layout.roles for part in self._steps_of(role, rows, sums, chosen)], len(rows)
        )
        if not parts:
            return
        sources = np.concatenate([part.sources for part in parts])
        new_rows = np.concatenate([part.rows for part in parts])
        new_sums = np.concatenate([part.sums for part in parts])
        order = stable_order(sources)
        self.sources.append(sources[order] + begin)
        self.weights.append(np.concatenate([part.weights for part in parts])[order])
        self.edge_labels.append(np.concatenate([part.labels for part in parts])[order])
        self.targets.append(self._states.numbers_of(new_rows, new_sums)[order])
        self.transitions += len(sources)

    def _admit(self, parts: list[Part], states: int) -> list[Part]:
        """Those of the possible steps of so many states that the search takes."""
        return parts

    def _steps_of(self, role: Role, rows: Rows, sums: Sums, chosen_columns: Numbers | None) -> Iterator[Part]:
        previous = None
        has_idle = np.zeros(len(rows), dtype=bool)
        exchanged = self._symmetry.alike(role, rows)
        for column in role.columns:
            local = rows[:, column]
            # Among sorted twins, the first of those that are alike steps for all of them.
            eligible = np.ones(len(rows), dtype=bool) if previous is None else local != previous
            if exchanged is not None:
                eligible = exchanged[0]
            if chosen_columns is not None:
                is_free = chosen_columns == EVERYBODY
                eligible = (eligible & is_free) | (chosen_columns == column)
            previous = local
            for number, here in _by_number(local, np.flatnonzero(eligible)):
                kinds = self._table.kinds(role, number)
                for kind in kinds:
                    takers = here[~has_idle[here]] if kind.is_of_idle_twin else here
                    if len(takers):
                        twins = (rows[takers][:, role.columns] == number).sum(axis=1)
                        alike = twins if exchanged is None else exchanged[1][takers]
                        yield from self._steps_of_kind(kind, column, rows, sums, takers, alike)
                if any(kind.is_of_idle_twin for kind in kinds):
                    has_idle[here] = True

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
        table: list[Move],
        taken: Numbers,
        alike: Numbers,
        chosen: NDArray[np.bool_],
    ) -> Part:
        new_rows = rows[sources]
        locals_, cells = self._values(table)
        new_rows[:, column] = locals_[taken]
        if kind.columns:
            new_rows[:, kind.columns] = cells[taken]
        change = np.array(
            [
                self._sums_of.change(kind, content, move)
                for content, move in zip(contents.tolist(), table, strict=True)
            ],
            dtype=np.uint64,
        )
        self._symmetry.sort(new_rows, kind)
        labels = np.array([self._label(kind, move) for move in table], dtype=np.int64)
        # Any one of the idle twins takes it, which is one step; others that are alike have one each.
        weights = np.ones_like(sources) if kind.is_of_idle_twin else alike[chosen]
        return Part(sources, new_rows, sums[sources] + change[taken], weights, labels[taken])

    def _values(self, table: list[Move]) -> tuple[Rows, Rows]:
        locals_ = np.array([move.local for move in table])
        cells = np.array([move.cells for move in table])
        if max(locals_.max(), cells.max(initial=0)) > self._values_max:
            raise ValuesTooMany
        row_type = self._states.rows.dtype
        return locals_.astype(row_type), cells.astype(row_type)

    def _label(self, kind: StepKind, move: Move) -> int:
        key = (id(kind), move.label, move.probability)
        if key not in self._label_numbers:
            self._label_numbers[key] = len(self.labels)
            self.labels.append(Label(kind, move.label, move.probability))
        return self._label_numbers[key]


@dataclass(frozen=True, slots=True)
class Part:
    """Edges that are alike."""

    sources: Numbers
    rows: Rows
    sums: Sums
    weights: Numbers
    labels: Numbers


def _by_number(numbers: Rows, places: Numbers) -> Iterator[tuple[int, Numbers]]:
    """These places by the number that stands there."""
    here = numbers[places]
    order = np.argsort(here, kind="stable")
    counts = np.bincount(here)
    end = 0
    for number in np.flatnonzero(counts).tolist():
        begin, end = end, end + int(counts[number])
        yield number, places[order[begin:end]]


def _distinct(contents: Rows) -> tuple[Rows, Numbers]:
    """The different rows, and for each row which of them it is."""
    if contents.shape[1] == 0:
        return contents[:1], np.zeros(len(contents), dtype=np.int64)
    spans = contents.max(axis=0).astype(object) + 1
    if int(np.prod(spans)) < 1 << 62:
        packed = contents[:, 0].astype(np.int64)
        for place in range(1, contents.shape[1]):
            packed = packed * int(spans[place]) + contents[:, place]
        _, first, inverse = distinct(packed)
    else:
        _, first, inverse = np.unique(contents, axis=0, return_index=True, return_inverse=True)
    return contents[first], inverse.ravel()


S = TypeVar("S", bound=Search)


def searched(
    begin: Callable[[int, type[np.unsignedinteger[Any]]], S],
    bounds: Bounds,
    on_level: Callable[[Level], bool] | None,
) -> S:
    """A search that was run; `begin` makes one, with a salt of its sums and the type of its rows, maybe again."""
    salt, value_type = 0, VALUE_TYPE
    while True:
        search = begin(salt, value_type)
        try:
            search.run(bounds, on_level)
        except HashCollision:
            salt += 1
        except ValuesTooMany:
            value_type = np.uint32
        else:
            return search


def memory_bytes() -> int:
    """The memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux: the peak is all that is known
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
