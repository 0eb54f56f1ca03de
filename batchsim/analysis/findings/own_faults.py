"""The faults under which a system of the user's own is judged: those of any system, and the scenario's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from batchsim.analysis.findings.scope import Once
from batchsim.analysis.issuing import TooLarge, issued_in
from batchsim.model.faults import Crash, Outage, StoreError
from batchsim.scenario import Scenario
from batchsim.scenario.tree import plain


def own_faults(scenario: Scenario) -> dict[str, Once]:
    """By name: a crash, a store error, an outage of each service that is used, and each fault of the scenario.

    Each once, anywhere. A fault of the scenario has its number in its name: `lost_state#0`.
    """
    return {
        "crash": Once(Crash(at_most=1), _entry("crash", {})),
        "store_error": Once(StoreError(at_most=1), _entry("store_error", {})),
        **{
            f"outage of {group}": Once(Outage(group=group, at_most=1), _entry("outage", {"group": group}))
            for group in _services(scenario)
        },
        **dict(_of_scenario(scenario)),
    }


def _entry(name: str, fields: dict[str, Any]) -> str:
    return json.dumps({name: {**fields, "at_most": 1}})


def _services(scenario: Scenario) -> list[str]:
    try:
        names = issued_in(scenario)
    except TooLarge:
        return []
    groups = {name.partition(".")[0] for name in names if "." in name and "(" not in name}
    return sorted(groups - {fault.word for fault in scenario.setting.faults})  # which begin and end by steps, too


def _of_scenario(scenario: Scenario) -> Iterator[tuple[str, Once]]:
    written: Any = {} if scenario.written is None else plain(scenario.written)
    entries = written.get("faults", [])
    for number, fault in zip(scenario.numbers_of_faults, scenario.setting.faults, strict=True):
        ((name, fields),) = entries[number].items()
        kept = {key: value for key, value in (fields or {}).items() if key not in ("at", "lasts", "probability")}
        once = replace(fault, at_us=None, probability=None, at_most=1)
        yield f"{fault.word}#{number}", Once(once, _entry(name, kept))
