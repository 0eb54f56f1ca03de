"""What a scenario assumes without saying so, or says without effect: warnings.

There is a warning where

- a consumer can hold a message for longer than its visibility timeout, and no redelivery of it is listed:
  production would redeliver it, and here a message stays with the consumer that works on it unless a fault asks
  for it;
- a latency is given for operations that nobody issues under any of the policies;
- a setting has no effect for another reason that is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from batchsim.analysis.holding import FOR_EVER_US, RARE, longest_us, visibility_timeout_us
from batchsim.analysis.issuing import unissued
from batchsim.batch.faults import Redeliver
from batchsim.batch.operations import Redeliver as RedeliverMessage
from batchsim.batch.setting import Kind
from batchsim.model.operation import all_classes
from batchsim.rounding import rounded
from batchsim.scenario import Scenario
from batchsim.scenario.declared import group_of
from batchsim.scenario.names import nameable_operations
from batchsim.scenario.tree import plain
from batchsim.user_code import is_reference

Named = tuple[str, Any]
"""A policy, and the name it was asked for by."""


def warnings_of(
    scenario: Scenario, policies: Sequence[Named], others: Iterable[Scenario] = (), *, rare: float = RARE
) -> tuple[str, ...]:
    """What to warn of before a scenario is run or explored under some policies; a sentence each, each once.

    `others`: the scenario with other values, which are warned of together with it. `rare`: what of a latency
    without a bound is rarer than this is left out; 0, where something is claimed of all latencies.
    """
    scenarios = (scenario, *others)
    if scenario.own is not None:
        return tuple(dict.fromkeys(warning for each in scenarios for warning in _of_own(each, policies)))
    held_too_long = [warning for each in scenarios for warning in _held_too_long(each, policies, rare)]
    # Who is told of the visibility timeout, be it with other values, is not told beside it that it has no effect:
    # both are said of the same latency, and only the first says what to do about it.
    known: Set[str] = {f"latency.operations.{RedeliverMessage.name}"} if held_too_long else frozenset()
    found = list(held_too_long)
    for each in scenarios:
        written: Any = {} if each.written is None else plain(each.written)
        found += _unused_latencies(each, policies, written, known)
        found += _settings_without_effect(each, policies, written)
    return tuple(dict.fromkeys(found))


def _of_own(scenario: Scenario, policies: Sequence[Named]) -> Iterator[str]:
    """Of a system of the user's own: latencies of what nobody issues, and expectations that nobody meets."""
    written: Any = {} if scenario.written is None else plain(scenario.written)
    yield from _unused_latencies(scenario, policies, written, frozenset())
    yield from _unmet_expectations(scenario, policies, written)


def _held_too_long(scenario: Scenario, policies: Sequence[Named], rare: float) -> Iterator[str]:
    redelivered = {fault.item for fault in scenario.setting.faults if isinstance(fault, Redeliver)}
    if None in redelivered:
        return
    timeout_us = visibility_timeout_us(scenario, rare)
    held = [
        (longest_us(scenario, policy, index, rare), -index)
        for _, policy in policies
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


def _unused_latencies(
    scenario: Scenario, policies: Sequence[Named], written: Mapping[str, Any], known: Set[str]
) -> Iterator[str]:
    given = {field: names for field, names in _latencies_given(scenario, written) if field not in known}
    names = ", ".join(dict.fromkeys(policy.name for _, policy in policies))
    for field in unissued(scenario, [policy for _, policy in policies], given):
        whose = next(iter(given[field])) if len(given[field]) == 1 else "an operation that follows it"
        yield f"{field} has no effect: nobody issues {whose} under {names}"


def _latencies_given(scenario: Scenario, written: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """The fields that give a latency, and the operations that it is the latency of."""
    items, latency = written.get("items", {}), written.get("latency", {})
    own = latency.get("operations", {})
    known = {*nameable_operations(), *(each.name for each in all_classes())}
    for name in own:
        yield f"latency.operations.{name}", frozenset((name,))
    for group in latency.keys() - {"operations"}:
        followers = frozenset(name for name in known if group_of(name) == group)
        yield f"latency.{group}", followers - own.keys()
    if "execution" in items:
        yield "items.execution", frozenset(("run.finish",))
    if items.get("upload", 0) != 0:
        yield "items.upload", frozenset(("store.upload",))


def _settings_without_effect(
    scenario: Scenario, policies: Sequence[Named], written: Mapping[str, Any]
) -> Iterator[str]:
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
    yield from _unmet_expectations(scenario, policies, written)


def _unmet_expectations(
    scenario: Scenario, policies: Sequence[Named], written: Mapping[str, Any]
) -> Iterator[str]:
    run = {*scenario.policies, *(name for name, _ in policies), *(policy.name for _, policy in policies)}
    for field in ("expect", "expect_explore"):
        for name in written.get(field, {}):
            if name not in run and (name in scenario.known_policies or is_reference(name)):
                yield f"{field}.{name} has no effect: the policy is not among those of the scenario"


def _indices(index: int | list[int]) -> list[int]:
    return index if isinstance(index, list) else [index]
