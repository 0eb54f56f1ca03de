"""Assertions about scenarios, for tests: what a policy can never come to, and what it comes to at most.

A failure is told as `batchsim run` tells it: what led to the verdict, who lost the race by how much, and the
command that shows it again.
"""

from __future__ import annotations

from batchsim.testing.assertions import (
    NotProved,
    VerdictGiven,
    Within,
    assert_never,
    assert_only,
    assert_proved,
)
from batchsim.testing.pinned import OrderChanged, OrderNotPossibleAnyMore, assert_gone

__all__ = [
    "NotProved",
    "OrderChanged",
    "OrderNotPossibleAnyMore",
    "VerdictGiven",
    "Within",
    "assert_gone",
    "assert_never",
    "assert_only",
    "assert_proved",
]
