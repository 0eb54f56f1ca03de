"""What a scenario of the batch assumes without saying so, and which of its settings have no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from batchsim.analysis.batch.holding import FOR_EVER_US, longest_us, visibility_timeout_us
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.faults import Redeliver
from batchsim.batch.operations import Redeliver as RedeliverMessage
from batchsim.batch.policies import POLICIES
from batchsim.batch.setting import Kind
from batchsim.rounding import rounded
from batchsim.scenario import Scenario

VISIBILITY_TIMEOUT = RedeliverMessage.name
"""The operation whose latency it is."""


def held_too_long(scenario: Scenario, policies: Sequence[Any], rare: float) -> Iterator[str]:
    """That a message can be held for longer than its visibility timeout, and no redelivery of it is listed.

    `rare`: what of a latency without a bound is rarer than this is left out.
    """
    redelivered = {fault.item for fault in scenario.setting.faults if isinstance(fault, Redeliver)}
    if None in redelivered:
        return
    timeout_us = visibility_timeout_us(scenario, rare)
    held = [
        (longest_us(scenario, policy, index, rare), -index)
        for policy in policies
        for index in _different_items(scenario, redelivered)
    ]
    held_us, before = max(held, default=(0, 0))
    if held_us > timeout_us:
        message = f"the message of item {-before}" if redelivered else "a message"
        of_it = "of it " if redelivered else ""
        how_long = "any time" if held_us >= FOR_EVER_US // 2 else rounded(held_us)
        # Without `at`, which counts from the start of the run: the timeout passes so long after the claim.
        to_list = f"'redeliver: {{item: {-before}}}' under faults, or 'redeliver: {{at_most: 1}}'"
        yield (
            f"a consumer can hold {message} for {how_long}, longer than its visibility timeout of "
            f"{rounded(timeout_us)}, and no redelivery {of_it}is listed, so it stays with its consumer, where "
            f"production would deliver it again; to see that, list {to_list} for an exploration of any"
        )


def _different_items(scenario: Scenario, but: Set[int | None]) -> list[int]:
    """One of each kind, and those that a slow operation is about; `but`: these are left out."""
    first: dict[Any, int] = {}
    for index, item in enumerate(scenario.setting.items):
        if index not in but:
            first.setdefault(item, index)
    named = {slow.item for slow in scenario.injected_delays if slow.item is not None} - but
    return sorted({*first.values(), *named})


def settings_without_effect(scenario: Scenario, written: Mapping[str, Any]) -> Iterator[str]:
    """Those of which it is certain."""
    items, own = written.get("items", {}), written.get("latency", {}).get("operations", {})
    for field, operation in (("upload", "store.upload"), ("execution", "run.finish")):
        if field in items and operation in own:
            yield f"latency.operations.{operation} has no effect: items.{field} is given"
    for place, override in enumerate(items.get("overrides", ())):
        kinds = {scenario.setting.items[index].kind for index in _indices(override["index"])}
        if "execution" in override and Kind.OK not in kinds:
            yield f"items.overrides[{place}].execution has no effect: no child run of these items executes"
    if written.get("ingest_concurrency", 1) != 1 and scenario.setting.run_count == 1:
        yield "ingest_concurrency has no effect: the batch has one item"
    setting = scenario.setting
    if "concurrency" in written.get("limits", {}):
        if not any(deliveries_of(setting, policy).can_repeat for policy in POLICIES.values()):
            yield "limits.concurrency has no effect: no fault can bring a message back, so claims are no steps"
        elif setting.slots >= setting.run_count:
            yield "limits.concurrency has no effect: there are no more messages than slots"


def _indices(index: int | list[int]) -> list[int]:
    return index if isinstance(index, list) else [index]
