"""The cluster that does the work, where one is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor


@contextmanager
def cluster(scheduler: str | None, workers: int | None = None) -> Iterator[Executor | None]:
    """An executor of the Dask cluster of this scheduler; `None`: this machine does it. Raises `BadInputError`."""
    if scheduler is None:
        yield None
        return
    from batchsim.analysis.sweep import dask_executor

    with dask_executor(scheduler, workers) as (executor, _):
        yield executor
