"""The search: every reachable state, breadth first, many at a time in NumPy arrays.

Theory of operation
===================

A level is looked into chunk by chunk: all steps of a chunk of states (`stepping.py`) give the states that follow,
those that are new get a number (`states.py`), and edges are noted (`edges.py`).

States are packed (`packing.py`): a column has as many bits as the values need that were met by now.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from batchsim.engines.exhaustive.compiled import CompiledStepper, kernels_for
from batchsim.engines.exhaustive.edges import Edges, FoundEdges, in_turn, joined
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.packing import PackedStates, Packing, Words, with_words
from batchsim.engines.exhaustive.reduction import Reduction, for_those_without
from batchsim.engines.exhaustive.states import Flags, Numbers, States
from batchsim.engines.exhaustive.stepping import Chunk, Label, Stepper

CHUNK = 1 << 16
"""So many states are stepped together; between chunks bounds are looked at."""
_FEW = 1 << 15
"""So many states are packed anew whenever it helps those who step them in NumPy."""
_MANY = 1 << 20
"""Where compiled loops step them, they are packed anew once, at so many: the loops have to be told all again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a search gives up; `None`: never."""

    states_max: int | None = None
    memory_bytes_max: int | None = None

    def look_at(self, found: int, what: str = "states") -> None:
        """Raise `GaveUp` beyond so many states or zones; the text names the bound and its option."""
        if self.states_max is not None and found > self.states_max:
            raise GaveUp(f"stopped at {self.states_max:,} {what} (--max-states)")

    def look_at_memory(self) -> None:
        """Likewise, of the memory of this process."""
        if self.memory_bytes_max is not None and memory_bytes() > self.memory_bytes_max:
            raise GaveUp(f"stopped at {self.memory_bytes_max >> 20:,} MiB of memory (--max-memory)")


UNBOUNDED = Bounds()
INTERRUPTED = "interrupted"
LOOK_S = 0.1
"""Between two looks, at least: a look costs something, too."""


@dataclass(frozen=True, slots=True)
class Level:
    """How far the search is."""

    depth: int
    states: int
    transitions: int
    frontier: int
    """States that were found and not looked into."""
    is_counting: bool = False
    """All were found, and schedules are being counted, which can take as long."""


OnLevel = Callable[[Level], bool]
"""Told how far a search is; whether to go on."""


class GaveUp(Exception):
    """A search ends before its answer; the text says why."""


class Lookout:
    """Looks, now and then and at any point of the work, whether to go on: who watches, and memory.

    What depends on it is when an end is noticed. The bound of states is for the search to look at, where their
    number does not depend on time.
    """

    def __init__(self, bounds: Bounds, on_level: OnLevel | None) -> None:
        self.bounds = bounds
        self.level = Level(0, 0, 0, 0)
        """How far the search was when it said so last."""
        self._on_level = on_level
        self._next = 0.0

    def look(self) -> None:
        """Raise `GaveUp` unless the search is to go on."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_S
        self.look_now()

    def look_now(self) -> None:
        """Likewise, and certainly."""
        if self._on_level is not None and not self._on_level(self.level):
            raise GaveUp(INTERRUPTED)
        self.bounds.look_at_memory()


class Search:
    """States and edges, as they are found."""

    counts_as: int = 1
    """How many states one of these counts as, where it is asked whether to load compiled loops is worth it."""

    def __init__(
        self,
        table: StepTable,
        reduction: Reduction | None = None,
        *,
        only_first_edges: bool = False,
    ) -> None:
        self.table = table
        self.layout = layout = table.layout
        self._reduction = reduction
        self._chosen: list[tuple[slice, Numbers]] = []
        """Of which states whose steps were chosen."""
        self._stepper = Stepper(table)
        self._compiled: CompiledStepper | None = None
        """Steps in its place, once compiled loops are to be used."""
        self._is_tidied = False
        packing = Packing(layout.width, layout.alike_columns())
        self._states = States(packing, packing.packed(np.array([layout.initial_row()])))
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
    def is_compiled(self) -> bool:
        """Whether compiled loops take the steps by now."""
        return self._compiled is not None

    @property
    def packed(self) -> PackedStates:
        """All states, in the order of their numbers; not to be used any longer when states are added."""
        return self._states.packed

    @property
    def labels(self) -> list[Label]:
        """Of the edges, by number."""
        return self._stepper.labels

    def run(self, bounds: Bounds, on_level: OnLevel | None = None) -> None:
        """Search until nothing is new, a bound is hit, or `on_level` says that it is enough."""
        lookout = Lookout(bounds, on_level)
        with self._giving_up():
            while self.expanded < self.states:
                end = self.states
                self.levels_begin.append(end)
                while self.expanded < end:
                    frontier = self.states - self.expanded
                    lookout.level = Level(len(self.levels_begin) - 1, self.states, self.edges.count, frontier)
                    lookout.look_now()
                    bounds.look_at(self.states)
                    self._expand(min(end, self.expanded + CHUNK), lookout)
            self.is_complete = True

    def chose_well(self, bounds: Bounds, on_level: OnLevel | None = None) -> bool:
        """Whether all that was found by now would have led to the same choices.

        Where that is given up the search is not complete, and nothing is to be chosen again.
        """
        reduction, lookout = self._reduction, Lookout(bounds, on_level)
        lookout.level = Level(len(self.levels_begin) - 1, self.states, self.edges.count, 0)
        with self._giving_up():
            return reduction is None or all(
                np.array_equal(reduction.choose(self.packed.rows(states), lookout.look), chosen)
                for states, chosen in self._chosen
            )
        return True

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """What is in here may be given up; what was found by then stays."""
        try:
            yield
        except GaveUp as why:
            self.is_complete = False
            self.stopped_by = str(why)

    # -- some states of one level ---------------------------------------------------------------

    def _expand(self, end: int, lookout: Lookout) -> None:
        """Look into some states: all of them, or, where that is given up, none."""
        begin = self.expanded
        states = slice(begin, end)
        if self._compiled is None and (kernels := kernels_for(self.states * self.counts_as)) is not None:
            self._states.kernels = kernels
            self._compiled = CompiledStepper(self._stepper, self._states.packing, kernels)
        chosen = None
        if self._reduction is not None:
            chosen = self._reduction.choose(self.packed.rows(states), lookout.look)
        words, packing = self._states.words[:, states], self._states.packing
        steps = self._steps(words, packing, chosen, lookout)
        if chosen is not None:
            others = self._steps(words, packing, for_those_without(steps, chosen), lookout)
            steps = in_turn(steps, others)
        del words  # a view of states that now become more
        if chosen is not None:
            self._chosen.append((states, chosen))
        self.expanded = end
        found = self._admit(joined(steps, packing.words), end - begin) if steps else None
        if found is None or not len(found.sources):
            self.edges.add_ends(begin, end)
            return
        known = self.states
        targets = self._states.numbers_of(with_words(found.words, packing.words), found.order)
        self._tidy()
        self.edges.add(found, targets, begin, end, known)

    def _tidy(self) -> None:
        """Pack the states anew where it is worth it."""
        kernels = self._states.kernels
        if kernels is None and self.states <= _FEW:
            self._states.tidy()
        elif kernels is not None and self.states >= _MANY and not self._is_tidied:
            self._is_tidied = True
            self._states.tidy()
            self._compiled = CompiledStepper(self._stepper, self._states.packing, kernels)

    def _steps(self, words: Words, packing: Packing, chosen: Numbers | None, lookout: Lookout) -> list[FoundEdges]:
        if self._compiled is not None:
            return self._compiled.steps(words, chosen, lookout.look)
        return self._stepper.steps(Chunk(np.ascontiguousarray(words), packing), chosen, lookout.look)

    def _admit(self, found: FoundEdges, states: int) -> FoundEdges:
        """Those of the possible steps of so many states that the search takes: none where a run is over."""
        if not self.layout.has_background:
            return found
        in_background = self._are(found, lambda label: label.kind.role.is_background)
        goes_on = np.zeros(states, dtype=bool)
        goes_on[found.sources[~in_background]] = True
        return found.chosen(goes_on[found.sources] | ~in_background)

    def _are(self, found: FoundEdges, is_so: Callable[[Label], bool]) -> Flags:
        """Of each edge whether its label is so."""
        by_label = np.array([is_so(label) for label in self.labels], dtype=np.bool_)
        return by_label[found.labels]


def memory_bytes() -> int:
    """The memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # no Linux: the peak is all that is known
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
