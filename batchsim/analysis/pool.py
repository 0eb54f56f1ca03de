"""Who does the work on this machine: one kind of pool for all commands, whose workers end with it.

Each worker holds one end of a pipe, the *lifeline*; nobody ever writes to it. When its other end is closed (as the
pool is left, for whatever reason, or as this process is killed) the worker ends, in the middle of its work if need
be: nobody waits for that any more.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_all_start_methods, get_context, resource_tracker
from multiprocessing.connection import Connection
from threading import Thread
from types import TracebackType
from typing import Any

from batchsim import signals
from batchsim.bad_input import BadInputError
from batchsim.user_code import of_users, place_in_batchsim

SizedExecutor = tuple[Executor, int]
"""An executor, and how many pieces of work it does at a time."""

MODULES_OF_A_WORKER = ["batchsim.analysis.sweep.pieces"]
"""Imported once, for all workers; what else a piece of work needs, each imports for itself."""


_FORGETTING_S = 1.0


class WorkerEnded(BadInputError):
    """A worker was killed; what it was at is not known."""


class WorkerError(Exception):
    """What went wrong in a worker, where the error itself cannot be sent."""


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

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **_: Any) -> Iterator[Any]:
        """The results, each worked out when it is asked for."""
        return map(fn, *iterables)


def _let_forget(manager: Thread | None) -> None:
    """Wait until the executor has forgotten what was cancelled: else it complains of it when its workers end."""
    until = time.monotonic() + _FORGETTING_S
    while manager is not None and manager.is_alive() and time.monotonic() < until:
        pending = dict(getattr(manager, "pending_work_items", {}))
        if not any(item.future.cancelled() for item in pending.values()):
            return
        time.sleep(0.005)


@contextmanager
def local_executor(workers: int | None, modules: Sequence[str] = ()) -> Iterator[SizedExecutor]:
    """Processes on this machine, as many as it has cores unless said otherwise; for one, this process itself.

    `modules`: what the work needs beside the usual. What is not done when it is left is not done any more. Raises
    `WorkerEnded`, and `BadInputError` where so many processes cannot be had.
    """
    workers = workers or cores()
    if workers == 1:
        yield InThisProcess(), 1
        return
    with signals.held():
        context = _context([*MODULES_OF_A_WORKER, *modules])
        theirs, ours = context.Pipe(duplex=False)
        executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_be_a_worker, initargs=(theirs,))
    try:
        yield _Workers(executor), workers
    except BrokenExecutor:
        raise WorkerEnded("--workers: a worker ended abruptly: killed, or out of memory") from None
    finally:
        # In this order: the executor knows that it is over before its workers end. It waits for them by itself.
        manager = getattr(executor, "_executor_manager_thread", None)
        processes = tuple((getattr(executor, "_processes", None) or {}).values())
        executor.shutdown(wait=False, cancel_futures=True)
        _let_forget(manager)
        ours.close()
        theirs.close()
        for process in processes:
            # One that is still starting does not hold its lifeline yet, and is deaf to anything milder: to wait
            # for it could take longer than the program has to end.
            if process.is_alive():
                process.kill()


class _Workers(Executor):
    """The executor of a pool, whose errors can all be told."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As any executor; raises `BadInputError` where no worker can be started."""
        try:
            # A worker that is begun and not known would be left alone.
            with signals.held():
                return self._executor.submit(_work, function, args, kwargs)
        except OSError as error:
            raise BadInputError(f"--workers: no process can be started: {error.strerror or error}") from None


def _work(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except Exception as error:
        # Whose code it was is only known here.
        if not isinstance(error, BadInputError) and (of_theirs := of_users(error)) is not None:
            raise of_theirs from error
        if _can_be_sent(error):
            raise
        raise WorkerError(f"{type(error).__name__}: {error}") from error
    except BaseException as error:  # `sys.exit` of a user's code
        if signals.is_real(error) or (of_theirs := of_users(error)) is None:
            raise
        raise of_theirs from error


def _can_be_sent(error: Exception) -> bool:
    """Whether it can be made again in another process; if not, the pool would only know that a worker is gone."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


def cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def deaf(*names: str) -> Iterator[None]:
    """What begins in here, threads and processes, does not hear these signals: they are for this process.

    A terminal, and `timeout`, tell all of us at once. Whoever of ours was faster would be missed by the others.
    """
    # It unblocks Ctrl-C and SIGTERM as it begins, which it ignores itself: so first of all.
    with _blocked("SIGHUP"):
        resource_tracker.ensure_running()
    with _blocked(*names), signals.held():
        yield


@contextmanager
def _blocked(*names: str) -> Iterator[None]:
    """In here signals wait; what begins in here never gets them."""
    numbers = {getattr(signal, name) for name in names}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context(modules: list[str]) -> Any:
    """Workers that inherit no threads and no locks, wherever the platform has that."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(modules)
    with deaf(*signals.WORDS):
        forkserver.ensure_running()
    return context


def _be_a_worker(lifeline: Connection) -> None:
    """Ctrl-C is for the parent, and so is what is told: errors that nobody meets are, if they are ours."""
    signals.ignore_ctrl_c()
    in_destructors, in_threads = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = lambda found: _if_ours(found.exc_traceback, lambda: in_destructors(found))
    threading.excepthook = lambda found: _if_ours(found.exc_traceback, lambda: in_threads(found))
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _if_ours(trace: TracebackType | None, tell: Callable[[], object]) -> None:
    """As in the program itself: what a user's code does in a thread or a destructor is not told."""
    if place_in_batchsim(trace) is not None:
        tell()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    finally:
        os._exit(1)
