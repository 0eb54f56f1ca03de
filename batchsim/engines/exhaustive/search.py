"""The search: every reachable state, breadth first, many at a time in NumPy arrays.

Theory of operation
===================

A level is looked into chunk by chunk: all steps of a chunk of states (`stepping.py`) give the rows that follow,
those that are new get a number (`states.py`), and edges are noted (`edges.py`).

States are told apart by a 64-bit sum (`sums.py`), which a step changes by the difference of what it changes. Rows
with equal sums are compared, so that the search stays exact: where sums collide, it starts again with others.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from batchsim.engines.exhaustive.edges import Edges, Part
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.reduction import Reduction
from batchsim.engines.exhaustive.states import HashCollision, Numbers, Rows, States
from batchsim.engines.exhaustive.stepping import Chunk, Label, Stepper
from batchsim.engines.exhaustive.sums import StateSums

CHUNK = 1 << 16
"""So many states are stepped together; between chunks bounds are looked at."""


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
        *,
        only_first_edges: bool = False,
    ) -> None:
        self.layout = layout = table.layout
        self._reduction = reduction
        self._chosen: list[tuple[slice, Numbers]] = []
        """Of which states whose steps were chosen."""
        sums_of = StateSums(layout, salt)
        self._stepper = Stepper(table, sums_of)
        first = layout.initial_row()
        self._states = States(first, sums_of.of(first))
        self.levels_begin = [0]
        """The number of the first state of each level."""
        self.expanded = 0
        """States from this number on were found, and not looked into."""
        self.edges = Edges(only_first=only_first_edges)
        """Between states by number."""
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

    @property
    def labels(self) -> list[Label]:
        """Of the edges, by number."""
        return self._stepper.labels

    def run(self, bounds: Bounds, on_level: Callable[[Level], bool] | None = None) -> None:
        """Search until nothing is new, a bound is hit, or `on_level` says that it is enough.

        Raises `HashCollision`.
        """
        while self.expanded < self.states:
            end = self.states
            self.levels_begin.append(end)
            while self.expanded < end:
                frontier = self.states - self.expanded
                level = Level(len(self.levels_begin) - 1, self.states, self.edges.count, frontier)
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
            np.array_equal(reduction.choose(self.rows[states]), chosen) for states, chosen in self._chosen
        )

    def _hits(self, bounds: Bounds) -> bool:
        if bounds.states_max is not None and self.states > bounds.states_max:
            return True
        return bounds.memory_bytes_max is not None and memory_bytes() > bounds.memory_bytes_max

    # -- some states of one level ---------------------------------------------------------------

    def _expand(self, end: int) -> None:
        begin, self.expanded = self.expanded, end
        states = slice(begin, end)
        chunk = Chunk(self._states.rows[states], self._states.sums[states])
        chosen = None
        if self._reduction is not None:
            chosen = self._reduction.choose(chunk.rows)
            self._chosen.append((states, chosen))
        parts = self._admit(self._stepper.steps(chunk, chosen), len(chunk))
        if not parts:
            self.edges.add_ends(begin, end)
            return
        known = self.states
        new_rows = np.concatenate([part.rows for part in parts])
        new_sums = np.concatenate([part.sums for part in parts])
        targets = self._states.numbers_of(new_rows, new_sums)
        self.edges.add(parts, targets, begin, end, known)

    def _admit(self, parts: list[Part], states: int) -> list[Part]:
        """Those of the possible steps of so many states that the search takes."""
        return parts


S = TypeVar("S", bound=Search)


def searched(
    begin: Callable[[int], S],
    bounds: Bounds,
    on_level: Callable[[Level], bool] | None,
) -> S:
    """A search that was run; `begin` makes one, with a salt of its sums, maybe again."""
    salt = 0
    while True:
        search = begin(salt)
        try:
            search.run(bounds, on_level)
        except HashCollision:
            salt += 1
        else:
            return search


def memory_bytes() -> int:
    """The memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux: the peak is all that is known
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
