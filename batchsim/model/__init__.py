"""The vocabulary of models: operations over cells, the actors whose coroutines await them, systems, and faults.

Nothing here knows what a batch is. Engines run a `System`; what it is about, nobody else need know. The names
below are what a system of your own is written with (`docs/extending.md`); each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchsim.model.cells import Cells as Cells
    from batchsim.model.cells import Key as Key
    from batchsim.model.exposure import Exposure as Exposure
    from batchsim.model.faults import Fault as Fault
    from batchsim.model.history import HistoryStep as HistoryStep
    from batchsim.model.history import over_history as over_history
    from batchsim.model.model import Model as Model
    from batchsim.model.operation import Alternative as Alternative
    from batchsim.model.operation import BlockingOperation as BlockingOperation
    from batchsim.model.operation import Footprint as Footprint
    from batchsim.model.operation import Operation as Operation
    from batchsim.model.operation import Program as Program
    from batchsim.model.operation import Stopped as Stopped
    from batchsim.model.operation import StoreFailure as StoreFailure
    from batchsim.model.operation import both as both
    from batchsim.model.operation import choose as choose
    from batchsim.model.operation import for_each as for_each
    from batchsim.model.operation import sleep as sleep
    from batchsim.model.operation import touches as touches
    from batchsim.model.properties import Property as Property
    from batchsim.model.properties import sometimes as sometimes
    from batchsim.model.system import DEADLOCK as DEADLOCK
    from batchsim.model.system import RAISES as RAISES
    from batchsim.model.system import Actor as Actor
    from batchsim.model.system import System as System

_HOMES = {
    "Cells": "cells",
    "Key": "cells",
    "Exposure": "exposure",
    "Fault": "faults",
    "HistoryStep": "history",
    "over_history": "history",
    "Model": "model",
    "Alternative": "operation",
    "BlockingOperation": "operation",
    "Footprint": "operation",
    "Operation": "operation",
    "Program": "operation",
    "Stopped": "operation",
    "StoreFailure": "operation",
    "both": "operation",
    "choose": "operation",
    "for_each": "operation",
    "sleep": "operation",
    "touches": "operation",
    "Property": "properties",
    "sometimes": "properties",
    "DEADLOCK": "system",
    "RAISES": "system",
    "Actor": "system",
    "System": "system",
}
"""By name the module that has it."""
__all__ = [
    "DEADLOCK",
    "RAISES",
    "Actor",
    "Alternative",
    "BlockingOperation",
    "Cells",
    "Exposure",
    "Fault",
    "Footprint",
    "HistoryStep",
    "Key",
    "Model",
    "Operation",
    "Program",
    "Property",
    "Stopped",
    "StoreFailure",
    "System",
    "both",
    "choose",
    "for_each",
    "over_history",
    "sleep",
    "sometimes",
    "touches",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'batchsim.model' has no attribute {name!r}")
    return getattr(import_module(f"batchsim.model.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
