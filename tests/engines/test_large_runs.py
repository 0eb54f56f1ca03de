"""What large runs do at once, and keep in columns, is what small ones do one by one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchsim.batch.operations import FindBatch, GetMeta, TakeMessage
from batchsim.batch.policies import POLICIES
from batchsim.engines.latencies import Latencies, Samplers, Streams, use_for
from batchsim.engines.streams import draw, draws_from, stream_base
from batchsim.engines.timed import simulate
from batchsim.model.run import Step
from batchsim.model.steps import Steps, operation_at, steps_of, steps_that_raised, writers_of
from batchsim.model.system import Actor
from batchsim.scenario import Scenario, scenario_from_data

SEED = 7
LARGE = {
    "name": "large",
    "seed": SEED,
    "batch": {"items": 180},
    "items": {"overrides": [{"index": index, "failed_attempts": 1} for index in range(0, 180, 6)]},
    "consumers": 3,
    "faults": [{"store_error": {"operation": "redis.record", "probability": 0.02, "effect": "before"}}],
}
SAMPLERS = Samplers(scenario_from_data({"name": "x", "batch": {"items": 1}}))


@pytest.fixture(scope="module")
def large() -> Scenario:
    return scenario_from_data(LARGE)


@pytest.fixture(scope="module")
def steps(large: Scenario) -> Steps:
    kept = simulate(large, POLICIES["pr3766"]).steps
    assert isinstance(kept, Steps)
    return kept


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 70))
def test_draws_that_are_made_at_once_are_those_that_are_made_one_by_one(base: int, use: int, count: int) -> None:
    assert list(draws_from(base, use, count)) == [draw(base, each) for each in range(use, use + count)]


@given(st.lists(st.none() | st.integers(0, 150) | st.integers(-3, 2**40) | st.integers(0, 12), max_size=200))
@example([100, 60, 90, 100, 99])  # one that was too far ahead is used again when draws up to it were made
def test_each_use_for_an_item_has_its_own_draw(items: list[int | None]) -> None:
    latencies, streams = Latencies(SAMPLERS, SEED), Streams()
    actor = Actor("handler", 1, lambda: iter(()), draws_by_item=True)  # type: ignore[arg-type,return-value]
    base, before = stream_base(SEED, "handler", GetMeta.name, 1), Counter[int | None]()
    for item in items:
        operation = FindBatch() if item is None else GetMeta(item)
        _, _, bits = latencies.draw_legs(actor, streams, operation, GetMeta.name)
        assert bits == draw(base, before[None] if item is None else use_for(item, before[item]))
        before[item] += 1


@given(st.integers(1, 300))
def test_each_use_of_a_stream_has_the_next_draw(uses: int) -> None:
    latencies, streams = Latencies(SAMPLERS, SEED), Streams()
    actor = Actor("consumer", 2, lambda: iter(()))  # type: ignore[arg-type,return-value]
    base = stream_base(SEED, "consumer", TakeMessage.name, 2)
    drawn = [latencies.draw_legs(actor, streams, TakeMessage(), TakeMessage.name)[2] for _ in range(uses)]
    assert drawn == [draw(base, use) for use in range(uses)]


def test_steps_in_columns_are_those_that_are_kept_alone(large: Scenario, steps: Steps) -> None:
    names = sorted({step.name for step in steps})
    apart: list[Step] = []
    for name in names:
        kept = simulate(large, POLICIES["pr3766"], keep=frozenset({name})).steps
        assert isinstance(kept, tuple)
        apart += kept
    apart.sort(key=lambda step: step.number)
    assert list(steps) == apart
    assert any(step.alternative for step in steps)
    for step, same in zip(steps, apart, strict=True):
        told = [[(each.key, each.before, each.after) for each in one.changes] for one in (step, same)]
        assert told[0] == told[1]


def test_steps_in_columns_are_read_as_a_tuple_is(steps: Steps) -> None:
    whole = tuple(steps)
    assert steps == whole
    assert hash(steps) == hash(whole)
    assert len(steps) == len(whole) > 1024
    assert [steps[place] for place in (0, 1023, 1024, -1)] == [whole[place] for place in (0, 1023, 1024, -1)]
    assert steps[1000:1100:3] == whole[1000:1100:3]
    with pytest.raises(IndexError):
        steps[len(whole)]
    assert steps != whole[:-1]


def test_what_is_asked_of_columns_is_what_is_asked_of_each_step(steps: Steps) -> None:
    whole = tuple(steps)
    assert list(steps_that_raised(steps)) == list(steps_that_raised(whole)) != []
    for kind in {type(step.operation) for step in whole}:
        for by in (None, lambda actor: actor == "consumer-1"):
            meant = [step for step in whole if type(step.operation) is kind and (by is None or by(step.actor))]
            for each in (steps, whole):
                assert list(steps_of(each, lambda other, kind=kind: other is kind, by)) == meant  # type: ignore[misc]
    for key in {key for step in whole for key in step.keys_written}:
        writers = [step.number for step in whole if step.change_of(key) is not None]
        assert list(writers_of(steps, key)) == list(writers_of(whole, key)) == writers
        left = [number for number in writers if whole[number].change_of(key).after is None]  # type: ignore[union-attr]
        assert list(writers_of(steps, key, deleting=True)) == list(writers_of(whole, key, deleting=True)) == left
    assert all(operation_at(steps, place) == step.operation for place, step in enumerate(whole))
