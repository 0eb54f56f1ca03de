"""When runs are made by compiled loops (`kernels.py`): where Numba is installed, by who makes very many."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from batchsim.engines.compiled_loops import loaded
from batchsim.engines.timed import columns as c

_KERNELS = "batchsim.engines.timed.kernels"
_WORTH_LOADING, _WORTH_COMPILING = 2_000, 50_000
"""To load what is compiled takes no longer than some such number of runs without it. To compile it takes longer,
once: it is kept beside this file, or in the user's cache."""
_MADE = [0]
"""So many runs this process has made, or begun to."""


def kernels_for(runs: int) -> ModuleType | None:
    """The compiled loops, if a process that is about to make so many further runs is better off with them."""
    _MADE[0] += runs
    if _MADE[0] < _WORTH_LOADING or (_MADE[0] < _WORTH_COMPILING and not _are_compiled()):
        return None
    return _loaded()


@cache
def _are_compiled() -> bool:
    """Whether what is compiled was kept."""
    kernels = loaded(_KERNELS, lambda _: None)
    return kernels is not None and any(Path(kernels.run_all.stats.cache_path).glob("kernels.run_all-*.nbi"))


@cache
def _loaded() -> ModuleType | None:
    """The compiled loops, if there are any; they are tried once."""
    return loaded(_KERNELS, _try_out)


def _try_out(kernels: ModuleType) -> None:
    """Load what was compiled, or compile it."""
    known, nothing = np.zeros(c.HEAD + 1, np.int64), np.zeros((0, c.KEY_MAX), np.int64)
    known[c.SLOTS], known[c.SLOTS_COUNT] = c.HEAD, 1
    none = np.zeros(0, np.int64)
    kernels.enter(known, none)
    kernels.run_all(known, np.zeros((0, 0), np.uint64), none, 1, 1, nothing, nothing, nothing)
