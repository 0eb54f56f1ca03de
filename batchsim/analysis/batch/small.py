"""Small batches in which is issued what is issued in a large one.

Batches of two items are explored in place of a larger one, with every pair of items that differ, and each fault
anywhere. One consumer is enough, or two under faults: a message can come back while another one works on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from itertools import combinations_with_replacement
from typing import Any

from batchsim.batch.policy import Policy
from batchsim.batch.setting import Item, Setting
from batchsim.batch.system import system_of
from batchsim.model.faults import Fault
from batchsim.model.system import System


def small_batches(setting: Setting, policy: Policy) -> Iterator[System[Any]]:
    """Those that are explored in place of a batch."""
    different = tuple(dict.fromkeys(setting.items))
    batches: Iterator[tuple[Item, ...]] = combinations_with_replacement(different, min(setting.run_count, 2))
    for items in batches:
        consumers = min(setting.consumers, 2) if setting.faults else 1
        faults = tuple(map(_anywhere, setting.faults))
        yield system_of(replace(setting, items=items, consumers=consumers, faults=faults), policy)


def _anywhere(fault: Fault) -> Fault:
    """The same fault with nothing said of when and where, but for the kind of actor and the operation."""
    kept: dict[str, Any] = {"at_most": fault.at_most or (1 if fault.is_pinned else 2)}
    for name in ("actor", "before", "operation", "effect"):
        value = getattr(fault, name, None)
        if value is not None:
            kept[name] = value.partition("-")[0] if name == "actor" else value
    return type(fault)(
        **{
            each.name: kept.get(each.name, getattr(fault, each.name) if each.default is MISSING else each.default)
            for each in fields(fault)
        }
    )
