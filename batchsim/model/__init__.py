"""The vocabulary of models: operations over cells, the actors whose coroutines await them, systems, and faults.

Nothing here knows what a batch is. Engines run a `System`; what it is about, nobody else need know. These are the
names that a system of your own is written with (`docs/extending.md`); `help(batchsim.model.Actor)` tells of one.

A system
    System           who acts, over which cells, and what must not come out
    Actor            a coroutine that takes part; `is_twin`, `is_background`, `is_judged`
    Model            a family of systems, by policy and parameters: what a scenario names
    View             what one wants to know of a state, beside its cells

What a coroutine awaits (stores: `batchsim.stores`)
    sleep            some time passes: `await sleep("5 min")`
    choose           it goes one of several ways: `await choose("yes", "no")`
    both, for_each   two things, or the same for many items, at once
    StoreFailure     what an operation raises under a fault
    Stopped          what a coroutine is stopped by, for good, in a crash

What is judged
    Property         a verdict of the end of a run
    over_history     a verdict of its steps; each is a HistoryStep
    sometimes        what some run is to come to
    DEADLOCK, RAISES the two that every system has

Operations of your own
    Operation        one step: a script, a transaction
    BlockingOperation  one that waits for a cell; Alternative: one of the ways in which a step can turn out
    touches          its Footprint: the cells that it reads and writes
    Cells, Key       what `world.cells` is, and the name of a cell

Faults of your own
    Fault            what a scenario says of it
    Exposure         which operations it befalls, and what happens then

Each is imported when it is first used. `Program` is the type of what an actor runs: a function that makes a
coroutine.
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
    from batchsim.model.views import View as View

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
    "View": "views",
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
    "View",
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
