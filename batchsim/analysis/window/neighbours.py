"""Runs next to a known one: with one of the conditions of its case no longer true, by as little as possible.

Cases of a verdict lie next to each other: where a race on which one depends is lost instead of won, another one
begins, if the verdict is given there too. So what random draws meet seldom is found from what they met. As the
other case may leave less room, the other conditions are first made to hold by more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import numpy as np

from batchsim.analysis.window.assignments import Values, latency_of, span_of
from batchsim.analysis.window.cases import Case
from batchsim.analysis.window.conditions import Condition
from batchsim.analysis.window.legs import LatencyLeg
from batchsim.analysis.window.measuring import Measure, Rows
from batchsim.scenario import Scenario

WAYS = 4
"""In so many ways each condition is broken."""
MOVES_MAX = 12
"""So many latencies at most are moved to make room."""


class Neighbours:
    """Latencies within the intervals of a scenario, next to others."""

    def __init__(self, scenario: Scenario, measure: Measure) -> None:
        self._scenario = scenario
        self._measure = measure
        self._spans = [span_of(scenario, latency) for latency in self._measure.latencies]

    def of(self, case: Case, values: Values, seed: int) -> Iterator[dict[LatencyLeg, int]]:
        """Those with which one condition of a case just fails; `values`: of a run of the case."""
        random = Random(seed)
        (row,) = self._measure.rows([values])
        for condition in case.conditions:
            rest = [each for each in case.conditions if each is not condition]
            roomy = self._roomy(rest, row, self._places(rest))
            places = self._places([condition])
            for way in range(WAYS):
                random.shuffle(places)
                broken = self._broken(condition, roomy if way % 2 else row, places)
                if broken is not None:
                    yield self._measure.values(broken)

    def _places(self, conditions: Sequence[Condition]) -> list[int]:
        """The latencies that conditions are about."""
        legs = {leg for each in conditions for leg in each.legs}
        return sorted({self._measure.place[latency_of(self._scenario, leg)] for leg in legs})

    def _roomy(self, conditions: Sequence[Condition], row: Rows, places: Sequence[int]) -> Rows:
        """Latencies moved to an end of their intervals one by one, each time the one that gives most room."""
        ends = [(place, end) for place in places for end in self._spans[place]]
        room = self._measure.of_conditions(conditions, row[None])[0]
        for _ in range(MOVES_MAX if ends else 0):
            moved = np.repeat(row[None], len(ends), axis=0)
            moved[range(len(ends)), [place for place, _ in ends]] = [end for _, end in ends]
            rooms = self._measure.of_conditions(conditions, moved)
            best = int(rooms.argmax())
            if rooms[best] <= room:
                break
            row, room = moved[best], rooms[best]
        return row

    def _broken(self, condition: Condition, row: Rows, places: Sequence[int]) -> Rows | None:
        """Latencies moved one after the other until the condition fails; `None`: it holds yet."""
        for place in places:
            candidates = np.array([row, row, row])
            candidates[1:, place] = self._spans[place]
            slacks = self._measure.of_condition(condition, candidates)
            best = int(slacks.argmin())
            if slacks[best] < 0:
                return self._first_beyond(condition, row, candidates[best], place)
            row = candidates[best]
        return None

    def _first_beyond(self, condition: Condition, holds: Rows, fails: Rows, place: int) -> Rows:
        """The point nearest to one where the condition holds at which it fails, along one latency."""
        while abs(int(fails[place]) - int(holds[place])) > 1:
            middle = holds.copy()
            middle[place] = (int(holds[place]) + int(fails[place])) // 2
            if self._measure.of_condition(condition, middle[None])[0] < 0:
                fails = middle
            else:
                holds = middle
        return fails
