"""The timed engine: one run of the protocol in simulated time, on SimPy.

Theory of operation
===================

Every actor is a SimPy process that feeds its coroutine. An operation that the coroutine awaits is
issued, travels for its request leg, takes effect at its store at one instant, and its answer
travels back for its response leg. Then the actor goes on.

A coroutine depends on answers alone, so it is resumed at the instant of effect already; the response
leg is then spent together with the next request leg, as one event. Nobody can tell the difference,
because only effects can be seen by others. One event for each operation is what makes this fast.

Three rules keep a run reproducible:

1. Time is an integer number of microseconds.
2. Latencies come from streams that no two actors share (`streams.py`).
3. Effects at one instant are ordered by a draw of that same stream, never by the order in which
   they happened to be scheduled.

Where one scenario is run under many seeds, coroutines are learned: as their answers determine them, what they
await next is looked up where a run has been before (`scripts.py`).

An operation that cannot act waits for a cell, and is woken by the effect that writes it, never by
polling. Idle twins are interchangeable, so of those that wait the one with the lowest number is woken.
"""

from batchsim.engines.timed.conductor import Cue, OrderNotPossible
from batchsim.engines.timed.recorder import Observer
from batchsim.engines.timed.run import EndlessRun, Simulation, going_on_after, simulate

__all__ = ["Cue", "EndlessRun", "Observer", "OrderNotPossible", "Simulation", "going_on_after", "simulate"]
