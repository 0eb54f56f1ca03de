"""Scenarios for property tests, and hand-built ones in which nothing takes time but what the test says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from batchsim.batch.faults import BEFALLEN, CRASHING, Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.operations import OPERATIONS, names_befallen, names_done_by
from batchsim.batch.policies import POLICIES
from batchsim.batch.policies.proposed import PROPOSED
from batchsim.batch.policy import Policy
from batchsim.batch.stores import STATE_KEYS
from batchsim.batch.switches import SWITCHES
from batchsim.model.faults import Effect, Fault, LostState, Outage
from batchsim.scenario import Scenario, Slow, scenario_from_data
from batchsim.strategies import distributions, durations_us, latencies, policies, scenarios, seeds

__all__ = [
    "DISTRIBUTIONS",
    "DURATIONS_US",
    "LATENCIES",
    "SEEDS",
    "any_policies",
    "delays_of_timed_exploration",
    "faults_of_timed_exploration",
    "policies",
    "policies_as_specified",
    "request_leg",
    "scenarios",
    "timed_faults",
    "timeless",
]

DURATIONS_US, SEEDS = durations_us(), seeds()
DISTRIBUTIONS, LATENCIES = distributions(), latencies()
SECOND_US = 1_000_000
HANDLER_OPERATIONS, CONSUMER_OPERATIONS = names_done_by("handler"), names_done_by("consumer")
OPERATIONS_OF_OTHERS = {kind: names_befallen(kind) for kind in CRASHING if kind not in ("handler", "consumer")}
"""Of those who serve: what they can crash before."""

# -- faults ------------------------------------------------------------------------------------

_ATTEMPTS = st.sampled_from([None, 1, 1, 2])
_ITEMS = st.sampled_from([None, 0, 1])
_EFFECTS = st.sampled_from([None, *Effect])
_LATER_US = st.one_of(st.none(), DURATIONS_US, st.integers(60_000_000, 70_000_000))


def _crashes(actor: str, operations: tuple[str, ...]) -> SearchStrategy[Fault]:
    return st.builds(Crash, actor=st.just(actor), before=st.sampled_from(operations), at_us=_LATER_US)


def _errors(actor: str, operations: tuple[str, ...]) -> SearchStrategy[Fault]:
    operation = st.sampled_from(operations)
    return st.builds(StoreError, actor=st.just(actor), operation=operation, effect=_EFFECTS, at_us=_LATER_US)


def timed_faults() -> SearchStrategy[Fault]:
    """Any fault that a timed run can place."""
    likely = st.sampled_from([0.05, 0.3, 1.0])
    return st.one_of(
        st.builds(LostResponse, attempt=_ATTEMPTS, at_us=_LATER_US),
        st.builds(Disconnect, attempt=_ATTEMPTS, at_us=_LATER_US),
        st.builds(Cut, attempt=_ATTEMPTS, after_items=st.just(0)),
        st.builds(Redeliver, item=_ITEMS, at_us=_LATER_US),
        _crashes("handler", HANDLER_OPERATIONS),
        _crashes("consumer", CONSUMER_OPERATIONS),
        _errors("handler", HANDLER_OPERATIONS),
        _errors("consumer", CONSUMER_OPERATIONS),
        *(_crashes(kind, operations) for kind, operations in OPERATIONS_OF_OTHERS.items()),
        *(_errors(kind, operations) for kind, operations in OPERATIONS_OF_OTHERS.items() if kind in BEFALLEN),
        st.builds(LostResponse, probability=likely),
        st.builds(Disconnect, probability=likely),
        st.builds(Cut, probability=likely),
        st.builds(Redeliver, probability=likely),
        st.builds(Crash, probability=likely),
        st.builds(StoreError, probability=likely, effect=_EFFECTS),
        _losses(),
        _outages(),
    )


_MOMENTS = st.sampled_from([*({"at_us": us} for us in (0, 80_000, 100_000, SECOND_US)), {"probability": 1.0}])
"""When something of the environment begins, or in how many runs."""
_SERVERS = st.sampled_from([{"group": "postgres"}, {"group": "redis", "services": ("queue", "run_queue", "jobs")}])


def _losses() -> SearchStrategy[Fault]:
    """Of what Redis keeps of the batch."""
    keys, undone = st.sampled_from(["*", *STATE_KEYS]), st.sampled_from([None, 1, 2, 9])
    return st.builds(
        lambda key, writes, when: LostState(keys=(key,), last_writes=writes, **when), keys, undone, _MOMENTS
    )


def _outages() -> SearchStrategy[Fault]:
    lasts_us = st.sampled_from([1_000, 50_000, SECOND_US, 70 * SECOND_US])
    return st.builds(
        lambda servers, us, when: Outage(lasts_us=us, **servers, **when), _SERVERS, lasts_us, _MOMENTS
    )


_SOON_US = st.sampled_from([None, 0, 3, 1_000, 5_000, SECOND_US])


def _placed(actor: str, operations: tuple[str, ...]) -> SearchStrategy[Fault]:
    operation = st.sampled_from(operations)
    return st.one_of(
        st.builds(Crash, actor=st.just(actor), before=operation, at_us=_SOON_US),
        st.builds(StoreError, actor=st.just(actor), operation=operation, effect=_EFFECTS, at_us=_SOON_US),
        st.builds(Crash, actor=st.just(actor), at_most=st.just(1)),
        st.builds(StoreError, actor=st.just(actor), effect=_EFFECTS, at_most=st.just(1)),
    )


def faults_of_timed_exploration() -> SearchStrategy[Fault]:
    """Any fault that timed exploration takes, where a short run may meet it."""
    return st.one_of(
        st.builds(LostResponse, attempt=_ATTEMPTS, at_most=st.sampled_from([None, 1])),
        st.builds(Disconnect, attempt=_ATTEMPTS, at_us=_SOON_US),
        st.builds(Disconnect, attempt=_ATTEMPTS, at_most=st.just(1)),
        st.builds(Redeliver, item=_ITEMS, at_us=_SOON_US),
        st.builds(Redeliver, item=_ITEMS, at_most=st.just(1)),
        *(_placed(actor, HANDLER_OPERATIONS) for actor in ("handler", "handler-1")),
        *(_placed(actor, CONSUMER_OPERATIONS) for actor in ("consumer", "consumer-0")),
    )


def delays_of_timed_exploration() -> SearchStrategy[Slow]:
    """Any slow operation that timed exploration takes."""
    return st.builds(
        Slow,
        operation=st.sampled_from(list(OPERATIONS)),
        delay_us=st.sampled_from([1, 5, 2_000, SECOND_US]),
        actor=st.sampled_from([None, None, "handler", "consumer", "handler-1", "consumer-0", "consumer-1"]),
        item=_ITEMS,
        attempt=_ATTEMPTS,
    )


def policies_as_specified() -> SearchStrategy[Policy]:
    """Any policy of which all facts of protocol.md hold: not a proposal, which changes some steps."""
    return st.sampled_from([policy for policy in POLICIES.values() if policy is not PROPOSED])


_CHECKS = {
    check: [*{getattr(policy, check): None for policy in POLICIES.values()}]
    for check in ("on_entry", "on_count_mismatch", "on_seal_lost")
}
_SWITCHES = list(SWITCHES)


@st.composite
def any_policies(draw: st.DrawFn) -> Policy:
    """Any policy that the checks of shipped ones and the switches of `Policy` can make."""
    checks = {name: draw(st.sampled_from(those)) for name, those in _CHECKS.items()}
    few = st.lists(st.sampled_from(_SWITCHES), max_size=4, unique=True)
    switches = draw(st.one_of(few, st.sets(st.sampled_from(_SWITCHES))))
    missing = draw(st.sampled_from([None, *_CHECKS["on_count_mismatch"]]))
    ingest = draw(st.sampled_from([1, 1, 2, 10]))
    base: dict[str, Any] = {
        "name": "any",
        "summary": "Any.",
        "on_missing_meta": missing,
        "ingest_concurrency": ingest,
    }
    chosen: dict[str, Any] = {name: name in switches for name in _SWITCHES}
    return replace(POLICIES["pre3427"], **base, **checks, **chosen)


# -- by hand -----------------------------------------------------------------------------------


def timeless(operations: Mapping[str, Any] | None = None, **fields: object) -> Scenario:
    """A scenario in which nothing takes time but what is said.

    By themselves only child runs (500 ms), their completion job (200 ms later), the SDK's backoff and the
    reaper (30 min) take any.
    """
    data: dict[str, Any] = {"name": "by hand", "batch": {"items": 1}, **fields}
    none_at_all = {"redis": 0, "postgres": 0, "http": 0}
    data["latency"] = {**none_at_all, "operations": {"queue.take": 0, **(operations or {})}}
    return scenario_from_data(data)


def befallen(*faults: Fault, operations: Mapping[str, Any] | None = None, **fields: object) -> Scenario:
    """The same, in which these faults happen."""
    made = timeless(operations, **fields)
    return replace(made, setting=replace(made.setting, faults=faults))


def request_leg(duration: str) -> dict[str, Any]:
    """All of a latency before the effect."""
    return {"request": duration}
