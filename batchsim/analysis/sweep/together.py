"""Several policies under one seed: whoever decides alike in the same run comes to the same outcome.

Under one seed, a run is determined by the switches of its policy and by what the policy decides on the rows that
it is asked about. So where a run of one policy is known, with all that was decided in it, and another policy has
the same switches and decides the same on each of those rows, its run would be that one, step by step. It is not
made again.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from batchsim.analysis.batch.checks import Decisions
from batchsim.engines.drawing_ahead import DrawingAhead
from batchsim.engines.latencies import DrawnAhead
from batchsim.engines.timed import Simulation
from batchsim.scenario import Scenario

_NO_STEPS: frozenset[str] = frozenset()


class Ended(NamedTuple):
    """What a run came to."""

    outcome: Hashable
    faults: tuple[int, ...]
    """The numbers of the faults that happened."""


class _Candidate:
    """A policy that is simulated, and what it decided in the last run."""

    def __init__(self, scenario: Scenario, policy: Any) -> None:
        self._decisions = Decisions(policy)
        self._simulation = Simulation(scenario, self._decisions.noting, self._decisions.noted)

    def end(self, seed: int, drawn: DrawnAhead) -> Ended:
        """What a run comes to."""
        self._decisions.noted.clear()
        trace = self._simulation.run(seed, keep=_NO_STEPS, drawn=drawn)
        return Ended(trace.outcome, tuple(number for number, times in enumerate(trace.faults) if times))

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
        for seed, drawn in self._drawing.draw(seeds):
            yield self._ends(seed, drawn)

    def _ends(self, seed: int, drawn: DrawnAhead) -> list[Ended]:
        made: list[tuple[_Candidate, Ended]] = []
        ends: list[Ended] = []
        for candidate in self._candidates:
            known = (end for other, end in made if candidate.would_have_decided_like(other))
            end = next(known, None)
            if end is None:
                end = candidate.end(seed, drawn)
                made.append((candidate, end))
            ends.append(end)
        return ends
