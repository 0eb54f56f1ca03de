"""The table of protocol.md §4, over all rows, written down by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batchsim.batch.decision import Decision
from batchsim.batch.policies import ALTERNATIVES, LINEAGE, OPEN, POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.stores import BatchRow, Status
from batchsim.batch.switches import SWITCHES, switches_of

Table = dict[Status, str]
"""By status, four decisions: not sealed, sealed; then both again with the processing completed."""

MEANING = {
    ".": Decision.PROCEED,
    "O": Decision.OK,
    "n": Decision.NOT_SEALED,
    "x": Decision.REJECT,
}
COLUMNS = [(False, False), (True, False), (False, True), (True, True)]


def table(pending: str, processing: str, completed: str, partial_failed: str, aborted: str) -> Table:
    return {
        Status.PENDING: pending,
        Status.PROCESSING: processing,
        Status.COMPLETED: completed,
        Status.PARTIAL_FAILED: partial_failed,
        Status.ABORTED: aborted,
    }


# fmt: off
#                          PENDING PROCESSING COMPLETED PARTIAL ABORTED
ENTRY_BEFORE_3766 = table(".x.x", "xxxx", "xxxx", "xxxx", "xxxx")
COUNT_PRE3427     = table("nOnO", "nOnO", "nOnO", "nOnO", "nOnO")
COUNT_PR3427      = table("nOnO", "nOnO", "OOOO", "nOnO", "nOnO")
SEAL_PRE3427      = table("xxxx", "xOxO", "xxxx", "xxxx", "xxxx")
SEAL_PR3427       = table("xxxx", "xOxO", "OOOO", "xxxx", "xxxx")
ENTRY_PR3766      = table(".OOO", "OOOO", "OOOO", "OOOO", "xxxx")
COUNT_PR3766      = table("nOOO", "OOOO", "OOOO", "OOOO", "xxxx")
SEAL_PR3766       = table("xOOO", "OOOO", "OOOO", "OOOO", "xxxx")
# fmt: on

BUG = (ENTRY_BEFORE_3766, COUNT_PRE3427, SEAL_PRE3427)
FIXED = (ENTRY_PR3766, COUNT_PR3766, SEAL_PR3766)
DECISIONS: dict[str, tuple[Table, Table, Table]] = {
    "pre3427": BUG,
    "pr3427_count_only": (ENTRY_BEFORE_3766, COUNT_PR3427, SEAL_PRE3427),
    "pr3427": (ENTRY_BEFORE_3766, COUNT_PR3427, SEAL_PR3427),
    "pr3766": FIXED,
    "pr3777": FIXED,
    "pr4397": FIXED,
    "pr4569": FIXED,
    "tombstone": BUG,
    "local_count": BUG,
    "seal_at_finalize": BUG,
    "proposed": FIXED,
}
"""Of each policy: on entry, on a count mismatch, on a lost seal."""


def decided(check: Callable[[BatchRow], Decision]) -> Table:
    letters = {decision: letter for letter, decision in MEANING.items()}
    return {
        status: "".join(letters[check(BatchRow(status, *columns))] for columns in COLUMNS) for status in Status
    }


@pytest.mark.parametrize("name", DECISIONS)
def test_a_policy_decides_as_its_table_says(name: str) -> None:
    policy = POLICIES[name]
    on_entry, on_count_mismatch, on_seal_lost = DECISIONS[name]
    assert decided(policy.on_entry) == on_entry
    assert decided(policy.on_count_mismatch) == on_count_mismatch
    assert decided(policy.on_seal_lost) == on_seal_lost


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_decides_by_status_seal_and_completion_alone(policy: Policy) -> None:
    for status in Status:
        for columns in COLUMNS:
            row = BatchRow(status, *columns)
            counted = BatchRow(status, *columns, successful_run_count=3, failed_run_count=1)
            for check in (policy.on_entry, policy.on_count_mismatch, policy.on_seal_lost):
                assert check(row) is check(counted)


Switches = tuple[bool, bool, int, bool, bool, bool]
USUAL: Switches = (False, False, 1, True, False, False)


@pytest.mark.parametrize(
    ("name", "switches"),
    [
        ("pre3427", USUAL),
        ("pr3427_count_only", USUAL),
        ("pr3427", USUAL),
        ("pr3766", USUAL),
        ("pr3777", (False, False, 10, True, False, False)),
        ("pr4397", (True, True, 10, True, False, False)),
        ("pr4569", (True, True, 10, True, False, False)),
        ("tombstone", (False, False, 1, True, True, False)),
        ("local_count", (False, False, 1, False, False, False)),
        ("seal_at_finalize", (False, False, 1, True, False, True)),
    ],
)
def test_the_switches_of_a_policy(name: str, switches: Switches) -> None:
    policy = POLICIES[name]
    on = switches_of(policy)
    assert switches == (
        "has_reaper" in on,
        "guards_completion" in on,
        policy.ingest_concurrency,
        "counts_in_redis" in on,
        "keeps_tombstone" in on,
        "seals_at_finalize" in on,
    )
    assert not on & (set(SWITCHES) - {"has_reaper", "guards_completion", *ALTERNATIVE_SWITCHES})


ALTERNATIVE_SWITCHES = ("counts_in_redis", "keeps_tombstone", "seals_at_finalize")


@pytest.mark.parametrize("name", POLICIES)
def test_a_switch_puts_steps_in_their_places_and_production_s_back(name: str) -> None:
    policy = POLICIES[name]
    for switch in SWITCHES:
        on: dict[str, Any] = {switch: True}
        off: dict[str, Any] = {switch: False}
        assert switches_of(replace(policy, **on)) == switches_of(policy) | {switch}
        assert switches_of(replace(policy, **off)) == switches_of(policy) - {switch}
        same: dict[str, Any] = {switch: switch in switches_of(policy)}
        assert set(replace(policy, **same).actors) == set(policy.actors)
        assert replace(policy, **same, actors=policy.actors) == policy


def test_policies_are_known_by_their_names_in_the_order_of_the_lineage() -> None:
    assert [policy.name for policy in LINEAGE] == list(DECISIONS)[:6]
    assert [policy.name for policy in (*LINEAGE, *OPEN, *ALTERNATIVES)] == list(POLICIES) == list(DECISIONS)
