"""Exact exploration against Storm, on a model that follows protocol.md and shares no code with batchsim."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from batchsim.batch.policies import POLICIES
from batchsim.engines.chain import explore_exact
from batchsim.scenario import scenario_from_data
from tests.peers.storm import INSTALL, MODEL, StormOutcome, scenario, search, storm_is_installed

pytestmark = pytest.mark.skipif(
    not storm_is_installed(), reason=f"not compared with Storm: stormpy not found: {INSTALL}"
)

# No two are alike, so that no leg can be taken for another.
MEANS_MS = {
    "REDIS_REQUEST": 1.3,
    "REDIS_RESPONSE": 0.7,
    "COUNT_REQUEST": 17,
    "COUNT_RESPONSE": 1.1,
    "POSTGRES_REQUEST": 2.3,
    "POSTGRES_RESPONSE": 1.9,
    "HTTP_REQUEST": 23,
    "HTTP_RESPONSE": 29,
    "TAKE_RESPONSE": 3.1,
    "EXECUTION": 31,
    "DEBOUNCE": 210,
    "BACKOFF": 400,
}
SIZES = [
    (1, 1, "pre3427"),
    (1, 1, "pr3427"),
    (1, 1, "pr3766"),
    (2, 1, "pr3427_count_only"),
    (2, 2, "pr3766"),
    (3, 1, "pr3427"),
]


def probabilities(
    items: int, consumers: int, policy: str, means_ms: Mapping[str, float] = MEANS_MS
) -> dict[StormOutcome, float]:
    found = explore_exact(scenario_from_data(scenario(items, consumers, policy, means_ms)), POLICIES[policy])
    told: dict[StormOutcome, float] = {}
    for each in found.outcomes:
        call, batch = each.outcome.call, each.outcome.batch
        assert call.status is not None
        assert (batch.processing_completed, each.outcome.runs_total, each.outcome.leaked_keys) == (True, items, ())
        outcome = StormOutcome(call.result.value, call.status, call.attempts, batch.status.value, batch.sealed)
        assert outcome not in told
        told[outcome] = each.probability
    return told


@pytest.mark.parametrize(("items", "consumers", "policy"), SIZES)
def test_probabilities_are_those_of_storm(items: int, consumers: int, policy: str) -> None:
    ours = probabilities(items, consumers, policy)
    storm = search(items, consumers, policy, MEANS_MS, list(ours)).probabilities
    assert storm == pytest.approx(tuple(ours.values()), rel=1e-12)
    # So there is no other outcome.
    assert sum(storm) == pytest.approx(1, rel=1e-12)


@pytest.fixture(scope="module")
def ours_of_two_and_two() -> dict[StormOutcome, float]:
    return probabilities(2, 2, "pr3427")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("taken / TAKE_RESPONSE", "1 / TAKE_RESPONSE"),
        ("executing / EXECUTION", "1 / EXECUTION"),
        ("ENDS_AT_POSTGRES -> 1 / POSTGRES_RESPONSE", "ENDS_AT_POSTGRES -> 1 / POSTGRES_REQUEST"),
        (" & (failures' = OUT)", ""),
        ("attempt < MAX_ATTEMPTS &", "attempt < MAX_ATTEMPTS - 1 &"),
        ("PR3427) & (sealed | status = COMPLETED)", "PR3427) & sealed"),
    ],
)
def test_a_wrong_model_is_told_apart(
    right: str, wrong: str, ours_of_two_and_two: Mapping[StormOutcome, float]
) -> None:
    model = MODEL.read_text()
    assert model.count(right) == 1
    found = search(2, 2, "pr3427", MEANS_MS, list(ours_of_two_and_two), model=model.replace(right, wrong))
    assert found.probabilities != pytest.approx(tuple(ours_of_two_and_two.values()), rel=1e-6)
