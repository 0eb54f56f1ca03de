"""When zones are merged by compiled loops (`kernels.py`): in searches that are large, where Numba is installed."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

import numpy as np

from batchsim.engines.compiled_loops import loaded

_KERNELS = "batchsim.engines.zones.kernels"
_WORTH_LOADING = 2_000_000
"""To load what is compiled takes no longer than to compare some such number of pairs of zones does without it. To
compile it takes longer, once: it is kept beside this file, or in the user's cache."""


def kernels_for(pairs: int) -> ModuleType | None:
    """The compiled loops, if a search that compared so many pairs of zones is better off with them."""
    return _loaded() if _KERNELS in sys.modules or pairs >= _WORTH_LOADING else None


@cache
def _loaded() -> ModuleType | None:
    """The compiled loops, if there are any; a search asks time and again, and they are tried once."""
    return loaded(_KERNELS, _try_out)


def _try_out(kernels: ModuleType) -> None:
    """Load what was compiled, or compile it."""
    bounds = np.zeros((1, 1), dtype=np.int64)
    kernels.is_within_any(bounds, bounds)
    kernels.merge(bounds, 1)
