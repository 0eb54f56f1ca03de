"""One run of a sweep, made again by itself: the same point, the same draws."""

from __future__ import annotations

from dataclasses import replace

from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.varying import Point
from batchsim.engines.streams import draw
from batchsim.scenario import Scenario, varied


def at_point(scenario: Scenario, point: Point) -> Scenario:
    """The scenario at a point of its sweep; raises `InvalidScenario`, and `ValueError` as `varied` does."""
    return varied(scenario, point.overrides) if point.values else scenario


def run_of(scenario: Scenario, point: Point, number: int) -> Scenario:
    """A scenario whose own run is the one of this number, from 0, at a point of its sweep."""
    return replace(at_point(scenario, point), seed=draw(seed_stream(scenario, point.key), number))
