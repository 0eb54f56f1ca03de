"""Draws that are made ahead are the draws that a run makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.engines import drawing_ahead
from batchsim.engines.drawing_ahead import DrawingAhead
from batchsim.engines.latencies import Stream
from batchsim.engines.streams import draw, stream_base
from batchsim.engines.timed import Simulation, simulate
from batchsim.scenario import Scenario, load_scenario
from tests.strategies import policies, scenarios
from tests.trying import examples

SEEDS = st.integers(0, 2**64 - 1)
STREAMS = st.tuples(
    st.sampled_from(["handler", "consumer"]),
    st.none() | st.integers(0, 50),
    st.sampled_from(["redis.record", "queue.take"]),
)


@given(st.dictionaries(STREAMS, st.integers(0, 9)), st.lists(SEEDS, min_size=1, max_size=9))
def test_each_is_the_draw_of_its_coordinates(last_uses: dict[Stream, int], seeds: list[int]) -> None:
    drawing = DrawingAhead()
    for stream, use in last_uses.items():
        drawing.note(stream, use)
        drawing.note(stream, 0)
    found = list(drawing.draw(seeds))
    assert [seed for seed, _ in found] == seeds
    for seed, drawn in found:
        assert drawn.places.keys() == last_uses.keys()
        for (kind, number, name), (begin, count) in drawn.places.items():
            base = stream_base(seed, kind, name, number)
            assert count == last_uses[kind, number, name] + 1
            assert drawn.bits[begin : begin + count] == [draw(base, use) for use in range(count)]


@settings(max_examples=examples(19, searched=60))
@given(scenarios(), policies(), policies())
def test_runs_whose_draws_were_made_ahead_are_the_same(scenario: Scenario, one: Policy, other: Policy) -> None:
    drawing = DrawingAhead()
    simulations = [Simulation(scenario, policy) for policy in (one, other)]
    for seed, drawn in drawing.draw(range(5)):
        for policy, simulation in zip((one, other), simulations, strict=True):
            expected = simulate(replace(scenario, seed=seed), policy)
            assert repr(simulation.run(seed, drawn=drawn)) == repr(expected)


@pytest.mark.parametrize("at_once", [1, 1000, 100_000])
def test_what_runs_have_drawn_is_drawn_ahead_for_the_next(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing_ahead, "DRAWS_AT_ONCE", at_once)
    noted: list[Stream] = []

    class Seen(DrawingAhead):
        def note(self, stream: Stream, use: int) -> None:
            noted.append(stream)
            super().note(stream, use)

    simulation = Simulation(load_scenario("scenarios/concurrent-ingest.yaml"), POLICIES["pr3427"])
    drawing = Seen()
    for seed, drawn in drawing.draw(range(20)):
        simulation.run(seed, drawn=drawn)
    assert noted
    del noted[:]
    for seed, drawn in drawing.draw(range(20)):
        simulation.run(seed, drawn=drawn)
    assert not noted
