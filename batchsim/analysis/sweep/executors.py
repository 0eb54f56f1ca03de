"""Who does the work: executors of `concurrent.futures`, on this machine or on a cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context, parent_process
from threading import Thread
from typing import Any

from batchsim.bad_input import BadInputError

Crew = tuple[Executor, int]
"""An executor, and how many pieces of work it does at a time."""

_MODULES_OF_A_WORKER = ["batchsim.analysis.sweep.pieces"]
_PATIENCE = "10s"
"""How long to wait for the scheduler of a cluster."""


class InThisProcess(Executor):
    """Does at once what it is given, in this process."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future, which is done already."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def local_crew(workers: int | None) -> Iterator[Crew]:
    """Processes on this machine, as many as it has cores unless said otherwise; for one, this process itself."""
    workers = workers or cores()
    if workers == 1:
        yield InThisProcess(), 1
        return
    with ProcessPoolExecutor(workers, mp_context=_context(), initializer=_be_a_worker) as executor:
        yield executor, workers


def cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def dask_crew(scheduler: str | None, workers: int | None) -> Iterator[Crew]:
    """A Dask cluster: that of a scheduler (`tcp://host:port`), or a local one.

    Raises `BadInputError` where Dask is not installed, or no scheduler or no worker is to be found.
    """
    try:
        import distributed
    except ImportError:
        raise BadInputError("--engine dask: Dask is not installed; pip install 'batchsim[dask]'") from None
    if scheduler is None:
        # Any free port: without a dashboard too it listens on one, and warns where the usual one is taken.
        local = {"n_workers": workers or cores(), "threads_per_worker": 1, "dashboard_address": ":0"}
        with distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
            yield from _crew_of(client, workers)
        return
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise BadInputError(f"--scheduler {scheduler}: found no scheduler ({why})") from None
    with client:
        yield from _crew_of(client, workers)


def _crew_of(client: Any, workers: int | None) -> Iterator[Crew]:
    threads = sum(client.nthreads().values())
    if not threads:
        raise BadInputError(f"--scheduler {client.scheduler.address}: found no workers")
    with client.get_executor() as executor:
        yield executor, workers or threads


def _context() -> Any:
    """Workers that inherit no threads and no locks, wherever the platform has that."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context = get_context("forkserver")
    context.set_forkserver_preload(_MODULES_OF_A_WORKER)
    # What it begins inherits the mask: Ctrl-C must not meet a worker that is not ready for it yet.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _be_a_worker() -> None:
    """Ctrl-C is for the parent, and a worker whose parent was killed ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
