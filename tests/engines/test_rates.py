"""Faults with a probability: one number is drawn for each opportunity; what that is stands in the README."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Trace
from batchsim.engines.chain import explore_exact
from batchsim.engines.timed.run import Simulation
from batchsim.model.faults import Effect, Fault
from batchsim.model.properties import Property
from batchsim.model.run import Step
from batchsim.scenario import Scenario, Slow
from tests.engines.test_chain import memoryless
from tests.strategies import SECOND_US, request_leg, timeless

P = 0.3
SEEDS = range(1, 141)
ERRORS_MAX = 0.155
"""Four standard deviations of the share in so many runs."""
RETRIED = Property("retried", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)


def with_faults(subject: Scenario, *faults: Fault) -> Scenario:
    return replace(subject, setting=replace(subject.setting, faults=faults))


def seeds_with(subject: Scenario, policy: str, holds: Callable[[Trace], bool]) -> set[int]:
    simulation = Simulation(subject, POLICIES[policy])
    return {seed for seed in SEEDS if holds(simulation.run(seed))}


def assert_share(found: set[int], probability: float = P) -> None:
    assert abs(len(found) / len(SEEDS) - probability) < ERRORS_MAX


def has(name: str, way: str) -> Callable[[Trace], bool]:
    return lambda trace: any(
        step.name == name and (step.alternative or "").startswith(way) for step in trace.steps
    )


# -- each fault by itself: once for each opportunity -----------------------------------------------


def _is_redelivered(trace: Trace, before_us: int = 65 * SECOND_US) -> bool:
    """The message came back by then; by itself, when the visibility timeout of the first delivery had passed."""
    return any(step.name == "queue.redeliver" and step.at_us < before_us for step in trace.steps)


ONE = timeless(consumers=1, items={"upload": "10 ms", "execution": "1 h"})
SLOW_WORK = timeless({"postgres.create_run": request_leg("90 s")}, consumers=1)
"""The visibility timeout passes while the consumer works."""
SLOW_HANDLER = timeless({"postgres.find_batch": request_leg("1 s"), "network.drop": "500 ms"}, consumers=1)
OPPORTUNITIES: dict[str, tuple[Scenario, Fault, Callable[[Trace], bool]]] = {
    "lost_response": (ONE, LostResponse(attempt=1, probability=P), has("http.deliver", "lost")),
    "disconnect": (
        SLOW_HANDLER,
        Disconnect(attempt=1, probability=P),
        lambda trace: any(step.name == "network.drop" for step in trace.steps),
    ),
    "cut": (ONE, Cut(attempt=1, probability=P), has("http.deliver", "cut")),
    "redeliver": (SLOW_WORK, Redeliver(probability=P), _is_redelivered),
    "crash": (ONE, Crash(before="redis.cleanup", probability=P), has("redis.cleanup", "crash")),
    "store_error": (
        ONE,
        StoreError(operation="redis.enqueued_count", probability=P),
        lambda trace: len(trace.answers) > 1,
    ),
}


IDLE: tuple[Fault, ...] = (
    Redeliver(item=0, at_us=10**12),
    Disconnect(attempt=5, at_us=10 * SECOND_US),
    Crash(actor="consumer-0", before="queue.retry"),
    StoreError(actor="handler-5", at_us=10**12),
)
"""They happen nowhere, and make others look once more whether they can act."""


@pytest.mark.parametrize("name", OPPORTUNITIES)
@pytest.mark.parametrize("policy", ["pr3766", "proposed"])
def test_a_share_of_the_opportunities_is_taken_whoever_looks_and_however_often(name: str, policy: str) -> None:
    subject, fault, holds = OPPORTUNITIES[name]
    found = seeds_with(with_faults(subject, fault), policy, holds)
    assert_share(found)
    assert seeds_with(with_faults(subject, fault, *IDLE), policy, holds) == found
    assert seeds_with(with_faults(subject, replace(fault, probability=1.0)), policy, holds) == set(SEEDS)


def test_slow_is_drawn_for_each_use() -> None:
    slow = Slow(operation="redis.get_meta", delay_us=SECOND_US, actor="handler", probability=P)
    subject = replace(timeless(batch={"items": 200}), injected_delays=(slow,))
    steps = Simulation(subject, POLICIES["pr3766"]).run(1).steps
    uses = [
        step.at_us - step.issued_us for step in steps if (step.name, step.actor) == ("redis.get_meta", "handler-1")
    ]
    assert len(uses) == 200
    assert abs(uses.count(SECOND_US) / 200 - P) < ERRORS_MAX


# -- an error: whatever is left open ---------------------------------------------------------------


@pytest.mark.parametrize("operation", ["store.upload", "redis.record", "queue.take"])
def test_an_error_comes_at_the_same_uses_whatever_its_effect(operation: str) -> None:
    found = []
    for effect in (None, *Effect):
        fault = StoreError(operation=operation, effect=effect, item=None, probability=P)
        found.append(seeds_with(with_faults(ONE, fault), "pr3766", lambda trace: _first_raised(trace, operation)))
    assert found[0] == found[1] == found[2]
    assert_share(found[0])


def _first_raised(trace: Trace, operation: str) -> bool:
    return next(step for step in trace.steps if step.name == operation).raised is not None


def test_without_an_effect_a_timed_run_raises_before_it() -> None:
    subject = with_faults(ONE, StoreError(operation="store.upload", probability=1.0))
    raised = Simulation(subject, POLICIES["pr3766"]).run(1).steps[1].raised
    assert raised is not None
    assert not raised.took_effect


def test_of_several_messages_that_could_be_taken_the_first_is_drawn_for_alone() -> None:
    """Those that were put back show themselves again before a fresh one: many ways to raise, one opportunity."""
    items = {"failed_attempts": 1, "kind": "pre_failed"}
    subject = timeless({"queue.retry": 0}, batch={"items": 10}, consumers=1, items=items)
    for effect in Effect:
        assert_share_of_takes(subject, StoreError(operation="queue.take", effect=effect, probability=P))


def test_who_looks_again_while_he_waits_does_not_draw_again() -> None:
    """A consumer looks when a message is put back, and again when it shows itself."""
    subject = timeless(consumers=2, items={"failed_attempts": 5, "kind": "pre_failed"})
    assert_share_of_takes(subject, StoreError(operation="queue.take", effect=Effect.BEFORE, probability=P))


def assert_share_of_takes(subject: Scenario, fault: StoreError) -> None:
    simulation = Simulation(with_faults(subject, fault), POLICIES["pr3766"])
    takes = [step for seed in range(60) for step in simulation.run(seed).steps if step.name == "queue.take"]
    raised = sum(step.raised is not None for step in takes)
    assert abs(raised / len(takes) - P) < 4 * (P * (1 - P) / len(takes)) ** 0.5


def test_every_delivery_has_a_draw_of_its_own() -> None:
    items = {"failed_attempts": 1, "kind": "pre_failed"}
    subject = timeless({"redis.get_meta": request_leg("90 s")}, consumers=1, items=items)
    simulation = Simulation(with_faults(subject, Redeliver(probability=P)), POLICIES["pr3766"])
    first = {seed for seed in SEEDS if _is_redelivered(simulation.run(seed), before_us=200 * SECOND_US)}
    second = {seed for seed in SEEDS if _is_redelivered(simulation.run(seed), before_us=300 * SECOND_US)} - first
    assert_share(first)
    assert abs(len(second) / (len(SEEDS) - len(first)) - P) < ERRORS_MAX


# -- a cut: one number for a request -----------------------------------------------------------------


def _cut_requests(subject: Scenario, policy: str) -> Iterator[tuple[int, int, str]]:
    """Every request that was cut: seed, attempt, after how many items."""
    simulation = Simulation(subject, POLICIES[policy])
    for seed in SEEDS:
        for step in simulation.run(seed).steps:
            if step.name == "http.deliver" and (step.alternative or "").startswith("cut"):
                yield seed, getattr(step.operation, "attempt", 0), step.alternative or ""


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        ("pr3766", {}),
        ("pr3766", {"items": {"upload": "1 s"}}),
        ("pr4397", {}),
        ("pr4397", {"items": {"upload": "1 s", "overrides": [{"index": 2, "upload": 0}]}}),
        ("proposed", {"ingest_concurrency": 3}),
    ],
)
def test_a_share_of_the_requests_is_cut_wherever_and_however_many_items_they_have(
    policy: str, fields: dict[str, Any]
) -> None:
    subject = timeless(batch={"items": 5}, consumers=1, **fields)
    anywhere = list(_cut_requests(with_faults(subject, Cut(probability=P)), policy))
    first = {seed for seed, attempt, _ in anywhere if attempt == 1}
    assert_share(first)
    for after in (0, 3):
        there = _cut_requests(with_faults(subject, Cut(after_items=after, probability=P)), policy)
        assert {seed for seed, attempt, _ in there if attempt == 1} == first
    second = {seed for seed, attempt, _ in anywhere if attempt == 2}
    assert second < first
    assert abs(len(second) / len(first) - P) < 2 * ERRORS_MAX
    places = [way for _, attempt, way in anywhere if attempt == 1]
    assert {f"cut after {n} item{'' if n == 1 else 's'}" for n in range(5)} == set(places)


def test_a_handler_whose_body_is_cut_never_goes_beyond_it() -> None:
    subject = timeless(batch={"items": 4}, consumers=1, items={"upload": "1 s"})
    for policy in ("pr3766", "pr4397", "proposed"):
        simulation = Simulation(with_faults(subject, Cut(attempt=1, probability=1.0)), POLICIES[policy])
        for seed in range(20):
            steps = simulation.run(seed).steps
            (way,) = {step.alternative for step in steps if step.name == "http.deliver" and step.alternative}
            arrived = int((way or "").split()[2])
            begun = {step.operation.item for step in steps if _is_of_first_handler(step) and step.raised is None}
            assert begun - {None} == set(range(arrived)), (policy, seed)


@pytest.mark.parametrize("policy", ["pr3777", "proposed"])
def test_a_cut_that_is_drawn_for_certain_is_one_that_is_pinned(policy: str) -> None:
    """Whichever of the items that go side by side comes first."""
    latency = {"http": {"request": "1 ms", "response": {"uniform": ["1 ms", "50 ms"]}}}
    subject = timeless(batch={"items": 3}, consumers=1, latency={**latency, "redis": {"exponential": "5 ms"}})
    for after in range(3):
        pinned, drawn = (Cut(attempt=1, after_items=after, probability=each) for each in (None, 1.0))
        for seed in range(4):
            runs = [Simulation(with_faults(subject, cut), POLICIES[policy]).run(seed) for cut in (pinned, drawn)]
            first, second = ([(step.actor, step.name, step.at_us) for step in run.steps] for run in runs)
            assert first == second, (after, seed)


def _is_of_first_handler(step: Step) -> bool:
    return step.actor.partition(".")[0] == "handler-1"


# -- what is exact agrees ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        StoreError(actor="handler-1", operation="redis.enqueued_count", probability=P),
        StoreError(actor="handler-1", operation="redis.mark_enqueued", effect=Effect.AFTER, probability=P),
        StoreError(actor="handler-1", operation="redis.get_meta", item=0, effect=Effect.BEFORE, probability=P),
        LostResponse(attempt=1, probability=P),
    ],
)
def test_the_exact_probability_of_a_second_attempt_is_that_of_the_fault(fault: Fault) -> None:
    """Under this policy, an attempt that nothing befalls succeeds."""
    subject, policy = with_faults(memoryless(), fault), POLICIES["pr3766"]
    exact = explore_exact(subject, policy, properties=(RETRIED,))
    assert exact.probability_of("retried") == pytest.approx(P, abs=1e-12)
    assert_share(seeds_with(subject, policy.name, lambda trace: RETRIED.holds(trace.outcome)))


def test_each_try_of_an_upload_has_a_draw_of_its_own() -> None:
    """All four have to fail; with a draw that they share, half of the runs would need a second attempt."""
    fault = StoreError(actor="handler-1", operation="store.upload", effect=Effect.BEFORE, probability=0.5)
    subject = with_faults(memoryless(items={"upload": {"exponential": {"mean": "3 ms"}}}), fault)
    exact = explore_exact(subject, POLICIES["pr3766"], properties=(RETRIED,))
    assert exact.probability_of("retried") == pytest.approx(0.5**4, abs=1e-12)
    assert_share(seeds_with(subject, "pr3766", lambda trace: RETRIED.holds(trace.outcome)), 0.5**4)
    uploads = [
        step for step in Simulation(subject, POLICIES["pr3766"]).run(1).steps if step.name == "store.upload"
    ]
    assert len({step.at_us - step.issued_us for step in uploads}) == len(uploads)


# -- every run ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        StoreError(actor="consumer", operation="queue.take", probability=1.0),
        StoreError(actor="consumer", operation="queue.take", effect=Effect.AFTER, probability=1.0),
        StoreError(actor="consumer", probability=1.0),
        StoreError(actor="consumer", effect=Effect.AFTER, probability=1.0),
        StoreError(operation="queue.read", probability=1.0),
        StoreError(operation="redis.record", probability=1.0),
        StoreError(operation="queue.retry", effect=Effect.AFTER, probability=1.0),
    ],
)
def test_a_run_ends_under_a_store_that_always_raises(fault: StoreError) -> None:
    subject = timeless(consumers=2, items={"failed_attempts": 1})
    for policy in ("pr3766", "proposed"):
        trace = Simulation(with_faults(subject, fault), POLICIES[policy]).run(1)
        assert any(step.raised is not None for step in trace.steps)
        assert trace.outcome.runs_created == 1
