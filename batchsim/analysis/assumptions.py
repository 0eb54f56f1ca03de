"""What a scenario assumes without saying so, or says without effect: warnings.

There is a warning where

- a consumer can hold a message for longer than its visibility timeout, and no redelivery of it is listed:
  production would redeliver it, and here a message stays with the consumer that works on it unless a fault asks
  for it;
- a latency is given for operations that nobody issues under any of the policies;
- a setting has no effect for another reason that is certain;
- a system of one's own has no properties, so that hardly anything can be found wrong;
- somebody in the user's own system or policy goes on and on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from typing import Any

from batchsim.analysis.batch.assumptions import VISIBILITY_TIMEOUT, held_too_long, settings_without_effect
from batchsim.analysis.batch.holding import RARE
from batchsim.analysis.issuing import unissued
from batchsim.bad_input import BadInputError
from batchsim.model.operation import all_classes
from batchsim.model.properties import Property
from batchsim.scenario import Scenario
from batchsim.scenario.declared import group_of
from batchsim.scenario.names import is_shipped, nameable_operations
from batchsim.scenario.tree import plain
from batchsim.user_code import is_reference

EVENTS_MAX, ITEMS_MAX = 20_000, 20
"""After so many events of a run, of the batch with no more items than that, whoever goes on is named."""
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
    endless = [warning for _, policy in policies for warning in _going_on(scenario, policy)]
    if endless:  # what nobody issues, in runs without an end, takes long to find out
        return tuple(dict.fromkeys(endless))
    if scenario.own is not None:
        return tuple(dict.fromkeys(warning for each in scenarios for warning in _of_own(each, policies)))
    found = [text for each in scenarios for text in held_too_long(each, [policy for _, policy in policies], rare)]
    # Who is told of the visibility timeout, be it with other values, is not told beside it that it has no effect:
    # both are said of the same latency, and only the first says what to do about it.
    known: Set[str] = {f"latency.operations.{VISIBILITY_TIMEOUT}"} if found else frozenset()
    for each in scenarios:
        written: Any = {} if each.written is None else plain(each.written)
        found += _unused_latencies(each, policies, written, known)
        found += settings_without_effect(each, written)
        found += _unmet_expectations(each, policies, written)
    return tuple(dict.fromkeys(found))


def nothing_to_judge(
    scenario: Scenario, policies: Sequence[Named], properties: Sequence[Property], others: Iterable[Scenario] = ()
) -> tuple[str, ...]:
    """That a system of the user's own has no properties: `ok` and "proved" say little then.

    `properties`: those that are asked for beside its own. `others`: the scenario with other values, with which it
    may have some.
    """
    if scenario.own is None or properties:
        return ()
    systems = [each.system(policy) for each in (scenario, *others) for _, policy in policies]
    if any(system.properties for system in systems):
        return ()
    built_in = " and ".join(dict.fromkeys(each.name for system in systems for each in system.built_in))
    return (f"the system has no properties, so nothing was looked for{f' but {built_in}' if built_in else ''}",)


def _of_own(scenario: Scenario, policies: Sequence[Named]) -> Iterator[str]:
    """Of a system of the user's own: latencies of what nobody issues, and expectations that nobody meets."""
    written: Any = {} if scenario.written is None else plain(scenario.written)
    yield from _unused_latencies(scenario, policies, written, frozenset())
    yield from _unmet_expectations(scenario, policies, written)


def _going_on(scenario: Scenario, policy: Any) -> Iterator[str]:
    """That somebody who is not in the background may go on for ever, or that nobody does anything."""
    if scenario.own is None and is_shipped(policy):
        return
    from batchsim.engines.timed import going_on_after  # noqa: PLC0415 - it brings NumPy

    setting = replace(scenario.setting, items=scenario.setting.items[:ITEMS_MAX], faults=())
    without_faults = replace(scenario, setting=setting, injected_delays=())
    with suppress(BadInputError):  # what is wrong with it the scenario itself will show
        taken, going_on = going_on_after(without_faults, policy, EVENTS_MAX)
        if not taken:
            yield f"under {policy.name} nobody takes a step, but for those in the background: nothing is looked at"
        if going_on:
            yield (
                f"under {policy.name} these go on after {EVENTS_MAX:,} events of a run: {', '.join(going_on)}; "
                "who never ends is to have an end, or to be in the background, for whose sake no run goes on: "
                "Actor(…, is_background=True)"
            )


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
    if "stream_end" in latency:
        yield "latency.stream_end", frozenset(("redis.enqueued_count",))
    for group in latency.keys() - {"operations", "stream_end"}:
        followers = frozenset(name for name in known if group_of(name) == group)
        yield f"latency.{group}", followers - own.keys()
    if "execution" in items:
        yield "items.execution", frozenset(("run.finish",))
    if items.get("upload", 0) != 0:
        yield "items.upload", frozenset(("store.upload",))


def _unmet_expectations(
    scenario: Scenario, policies: Sequence[Named], written: Mapping[str, Any]
) -> Iterator[str]:
    run = {*scenario.policies, *(name for name, _ in policies), *(policy.name for _, policy in policies)}
    for field in ("expect", "expect_explore", "expect_timed", "expect_rate"):
        for name in written.get(field, {}):
            if name not in run and (name in scenario.known_policies or is_reference(name)):
                yield f"{field}.{name} has no effect: the policy is not among those of the scenario"
