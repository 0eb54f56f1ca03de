"""Several policies under one seed: whoever decides alike in the same run comes to the same outcome.

Under one seed, a run is determined by the switches of its policy and by what the policy decides on the rows that
it is asked about. So where a run of one policy is known, with all that was decided in it, and another policy has
the same switches and decides the same on each of those rows, its run would be that one, step by step. It is not
made again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

from batchsim.analysis.batch.checks import Decisions
from batchsim.engines.drawing_ahead import DrawingAhead
from batchsim.engines.latencies import DrawnAhead
from batchsim.engines.timed import Simulation
from batchsim.engines.timed.compiled import kernels_for
from batchsim.engines.timed.compiled_runs import Seeds
from batchsim.scenario import Scenario

_NO_STEPS: frozenset[str] = frozenset()
_AT_ONCE = 1_000
"""So many seeds are run at once by compiled loops."""


class Ended(NamedTuple):
    """What a run came to."""

    outcome: Hashable
    faults: tuple[int, ...]
    """The numbers of the faults that happened."""


def _ended(outcome: Hashable, faults: Sequence[int]) -> Ended:
    return Ended(outcome, tuple(number for number, times in enumerate(faults) if times))


class _Candidate:
    """A policy that is simulated, and what it decided in the last run."""

    def __init__(self, scenario: Scenario, policy: Any) -> None:
        self._decisions = Decisions(policy)
        self._simulation = Simulation(scenario, self._decisions.noting, self._decisions.noted)

    def end(self, seed: int, drawn: DrawnAhead) -> Ended:
        """What a run comes to."""
        self._decisions.noted.clear()
        trace = self._simulation.run(seed, keep=_NO_STEPS, drawn=drawn)
        return _ended(trace.outcome, trace.faults)

    def ends(self, seeds: Seeds, kernels: ModuleType) -> list[Ended | None]:
        """What runs come to; `None`: that one is to be made by itself."""
        ends = self._simulation.ends(seeds, kernels)
        return [None if end is None else _ended(end.outcome, end.faults) for end in ends]

    def would_have_decided_like(self, other: _Candidate) -> bool:
        """Whether it decides the same wherever the other one was asked in its last run, in that order."""
        return self._decisions.would_be_like(other._decisions)


class Together:
    """Policies of one scenario that meet the same latencies."""

    def __init__(self, scenario: Scenario, policies: Sequence[Any]) -> None:
        self._candidates = [_Candidate(scenario, policy) for policy in policies]
        self._drawing = DrawingAhead()

    def ends(self, seeds: Sequence[int]) -> Iterator[list[Ended]]:
        """What a run comes to under each seed, by policy."""
        kernels = kernels_for(len(seeds) * len(self._candidates))
        if kernels is None:
            for seed, drawn in self._drawing.draw(seeds):
                yield self._ends(seed, drawn, [None] * len(self._candidates))
            return
        # What the first meets is all new, and so worked out, before the streams of so many are begun.
        for begin, end in pairwise([0, *range(1, len(seeds), _AT_ONCE), len(seeds)]):
            yield from self._ends_compiled(seeds[begin:end], kernels)

    def _ends_compiled(self, seeds: Sequence[int], kernels: ModuleType) -> Iterator[list[Ended]]:
        some = Seeds(seeds)
        found = list(zip(*(candidate.ends(some, kernels) for candidate in self._candidates), strict=True))
        lacking = [seed for seed, ends in zip(seeds, found, strict=True) if None in ends]
        drawing = self._drawing.draw(lacking)
        for ends in found:
            whole = [end for end in ends if end is not None]
            yield whole if len(whole) == len(ends) else self._ends(*next(drawing), ends)

    def _ends(self, seed: int, drawn: DrawnAhead, found: Sequence[Ended | None]) -> list[Ended]:
        """What a run comes to by policy, where that has not been found yet."""
        made: list[tuple[_Candidate, Ended]] = []
        ends: list[Ended] = []
        for candidate, given in zip(self._candidates, found, strict=True):
            known = (end for other, end in made if candidate.would_have_decided_like(other))
            end = given or next(known, None)
            if end is None:
                end = candidate.end(seed, drawn)
                made.append((candidate, end))
            ends.append(end)
        return ends
