"""Loops that Numba compiles, where it is installed: what an engine does in NumPy, and does often."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def loaded(name: str, try_out: Callable[[ModuleType], None]) -> ModuleType | None:
    """The module of this name, if what it has compiled works; `try_out`: calls all of it, with little."""
    if find_spec("numba") is None:
        return None
    try:
        kernels = import_module(name)
        try_out(kernels)
    except Exception:  # it does not fit this NumPy, has no folder for what it compiled, or that is damaged
        return None
    return kernels
