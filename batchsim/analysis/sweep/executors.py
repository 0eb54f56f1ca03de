"""Who does the work on a cluster: an executor of Dask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from batchsim.analysis.pool import SizedExecutor, WorkerEnded, cores, deaf
from batchsim.bad_input import BadInputError

_PATIENCE = "10s"
"""How long to wait for the scheduler of a cluster."""
_LOOPBACK = "127.0.0.1:0"
"""Nobody else is to reach the dashboard. Any free port: without one it listens too, and warns of a port that is
taken."""


@contextmanager
def dask_executor(scheduler: str | None, workers: int | None) -> Iterator[SizedExecutor]:
    """A Dask cluster: that of a scheduler (`tcp://host:port`), or a local one.

    Raises `BadInputError` where Dask is not installed, or no scheduler or no worker is to be found.
    """
    try:
        import distributed
    except ImportError:
        raise BadInputError("--engine dask: Dask is not installed; pip install 'batchsim[dask]'") from None
    if scheduler is None:
        local = {"n_workers": workers or cores(), "threads_per_worker": 1, "dashboard_address": _LOOPBACK}
        with ExitStack() as stack:
            # Not to SIGTERM: by that Dask ends its workers.
            with deaf("SIGINT"):
                cluster = stack.enter_context(distributed.LocalCluster(**local, silence_logs="CRITICAL"))
                client = stack.enter_context(distributed.Client(cluster))
            yield from _sized(client, workers)
        return
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise BadInputError(f"--scheduler {scheduler}: found no scheduler ({why})") from None
    with client:
        yield from _sized(client, workers)


def _sized(client: Any, workers: int | None) -> Iterator[SizedExecutor]:
    from distributed import KilledWorker

    threads = sum(client.nthreads().values())
    if not threads:
        raise BadInputError(f"--scheduler {client.scheduler.address}: found no workers")
    with client.get_executor() as executor:
        try:
            yield executor, workers or threads
        except KilledWorker:
            raise WorkerEnded("--engine dask: workers ended abruptly: killed, or out of memory") from None
