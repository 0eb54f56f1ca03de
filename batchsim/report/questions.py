"""What one wants to know who opens the report of a scenario: by this an index sorts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batchsim.batch.policies import LINEAGE
from batchsim.scenario import Scenario

INCIDENT = "The incident, and orders like it"
FIXES = "Other fixes: what they would change"
FAULTS = "When something fails: crashes, lost answers, redeliveries"
LIMITS = "Limits: refused streams, requests that take too long"
PASSES = "Where no order is known that fails"
OWN = "Other systems"
ORDER = (INCIDENT, FIXES, FAULTS, LIMITS, PASSES, OWN)
FIRST = "incident"
"""The scenario that all others of its group are like."""


def question_of(scenario: Scenario, policies: Iterable[Any], *, fails: bool) -> str:
    """One of `ORDER`; `policies`: those that it is shown under. `fails`: whether it can, under one of them."""
    if scenario.own is not None:
        return OWN
    setting = scenario.setting
    if setting.stream_requests is not None or setting.has_request_timeout:
        return LIMITS
    if scenario.faults:
        return FAULTS
    if any(policy not in LINEAGE for policy in policies):
        return FIXES
    return INCIDENT if fails else PASSES
