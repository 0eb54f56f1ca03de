"""The coroutines themselves on real servers: many batches at once, threads, real sleeps, and no order but theirs.

Theory of operation
===================

A *lane* feeds one coroutine, as in the timed engine. What it does next is in one heap, by when it is due; some
threads take from it whatever is due, do it on the servers, and go on with the same lane until it has to sleep or
to wait. So a batch that sleeps holds no thread, and a thread has its own connections: nothing waits for a
connection, only for a thread, and that wait is told apart (`Seen.due_us` to `Seen.begun_us`).

What is a real sleep: delays and timers (uploads, executions, the debounce of the completion job, the SDK's
backoff), the network between SDK and API, and a request leg that the scenario gives to a command by its name (the
end of the request body reaches the handler so much later). All are divided by `speed`. What a command takes is the
servers' affair.

Who waits for a cell is woken by whoever writes it, in memory: no polling, as in the timed engine. Then he looks on
the server, and may find that another one was faster.

Times are whole microseconds since the beginning (`_us`), of one clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from batchsim.engines.injected_delays import latencies_of
from batchsim.engines.latencies import Latencies, Samplers, Streams
from batchsim.engines.live.cells import Lines
from batchsim.engines.live.performing import BLOCKED, LiveSystem
from batchsim.engines.own_errors import is_own, no_operation, told
from batchsim.engines.timed.side_by_side import GiveUp, Group, program_of
from batchsim.model.cells import Key, freeze
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Both,
    ForEach,
    Operation,
    Program,
    ProtocolError,
    Raised,
    Stopped,
    Timer,
)
from batchsim.model.system import Actor, RaisedError, Results, System
from batchsim.scenario import Scenario
from batchsim.scenario.declared import group_of
from batchsim.scenario.latencies import Legs

THREADS_PER_WORKER = 6
"""As many lanes of a batch as are usually at work at once."""
THREADS_MAX = 64
LONGEST_US = 120_000_000
"""A batch in which nothing is due any sooner is over; the reaper, half an hour later, is not waited for."""
SOON_US = 100_000
"""A batch in which nothing is due any sooner, and whose caller has an answer or backs off, is not at work."""
SEEDS_APART = 1_000_003
LOOK_S = 0.05
_HAMMERS = count()


class Timed(NamedTuple):
    """A timer."""

    delay_of: str | None
    """The operation under whose name its delay is given."""
    started_us: int
    due_us: int


class Seen(NamedTuple):
    """An operation as it was observed."""

    lane: str
    operation: Operation[Any]
    answer: Any
    issued_us: int
    """When the coroutine asked for it."""
    due_us: int
    """When it was to be done: after its sleep; or when it was woken, if it has waited."""
    begun_us: int
    """When it was sent …"""
    ended_us: int
    """… and answered: in between it took effect."""
    went_on_us: int
    """When the coroutine went on."""
    ready_us: int | None
    """About when that took effect which it waited for; `None`: it did not wait for anybody else."""
    timer: Timed | None
    """The timer that had to run out first, if one had to."""

    @property
    def at_us(self) -> int:
        """About when it took effect."""
        return (self.begun_us + self.ended_us) // 2


class Returned(NamedTuple):
    """A coroutine ended, and what it returned was put into a cell."""

    lane: str
    cell: Key
    value: Any
    begun_us: int
    ended_us: int


class Observed(NamedTuple):
    """A batch as it was observed."""

    number: int
    seen: tuple[Seen | Returned, ...]
    """By when they ended."""
    outcome: Any
    contents: dict[Key, Any]
    """Of the stores at the end, frozen."""
    begun_us: int
    ended_us: int
    first_legs: tuple[tuple[str, int], ...]
    """How long it took until an actor began, by the operation of which that is the request leg."""


class Clock:
    """Microseconds since it was made."""

    def __init__(self) -> None:
        self._begun = time.perf_counter_ns()

    def now_us(self) -> int:
        """Now."""
        return (time.perf_counter_ns() - self._begun) // 1000


@dataclass(eq=False)
class _Lane:
    """A coroutine, what it does next, and when."""

    batch: _Batch
    actor: Actor
    suffix: str
    program_of: Callable[[], Program[Any]]
    """Makes the coroutine when it begins."""
    streams: Streams
    end: Callable[[_Lane, Any, Exception | None], None]
    program: Program[Any] | None = None
    operation: Operation[Any] | None = None
    issued_us: int = 0
    due_us: int = 0
    response_us: int = 0
    """How long it sleeps after its operation."""
    travel_us: int = 0
    """How long what it is to receive travels, once it is there."""
    arrives_us: int | None = None
    woken_us: int | None = None
    """When it was woken, if it has waited."""
    ready_us: int | None = None
    """About when that took effect which woke it."""
    ticket: int = 0
    """Of its last entry in the heap and of its last wait; older ones count no more."""
    is_running: bool = False

    @property
    def name(self) -> str:
        return f"{self.actor.name}{self.suffix}"


class _Batch:
    """One system on the servers, its lanes and its timers; changed under `lock` only."""

    def __init__(self, hammer: Hammer, number: int, system: System[Any], latencies: Latencies) -> None:
        self.hammer = hammer
        self.number = number
        self.system = system
        self.latencies = latencies
        self.lock = threading.RLock()
        self.live = LiveSystem(system, hammer.lines, f"{hammer.name}-{number}")
        self.waiters: dict[Key, list[tuple[_Lane, int]]] = {}
        self.versions: dict[Key, tuple[int, int]] = {}
        """How often each cell became ready, and about when it last did."""
        self.dormant: dict[Key, list[Actor]] = {}
        self.timers: dict[Key, Timed] = {}
        self.alarms: dict[Key, int] = {}
        """Timers that will wake somebody, and when."""
        self.lanes: set[_Lane] = set()
        """Those that are at work or asleep, and wait for nobody."""
        self.seen: list[Seen | Returned] = []
        self.returned: dict[str, Any] = {}
        self.going_on: set[str] = set()
        self.raised: list[RaisedError] = []
        """The errors of coroutines, which ended their actors."""
        self.spares: Iterator[Actor] = iter(())
        self.first_legs: list[tuple[str, int]] = []
        self.begun_us = 0
        self.is_at_work = True
        self.is_over = False

    def due_us(self, timer: Key | None) -> int:
        """When a timer runs out; 0 where none was started."""
        return self.timers[timer].due_us if timer in self.timers else 0

    def begin(self) -> None:
        self.live.begin()
        with self.lock:
            self.begun_us = now_us = self.hammer.clock.now_us()
            for cell, name in self.system.first_timers.items():
                delay_us = self.hammer.scaled(self.latencies.phase_1_delay_us(name))
                self.timers[cell] = Timed(name, now_us, now_us + delay_us)
            actors = iter(self.system.actors)
            for actor in actors:
                if actor.begins_with is not None and actor.begins_with not in self.live.cells:
                    self.dormant.setdefault(actor.begins_with, []).append(actor)
                    continue
                self.start(actor, now_us)
                if actor.is_spare:
                    self.spares = actors
                    break

    def start(self, actor: Actor, at_us: int) -> None:
        """Let an actor begin, at this time or from now on."""
        delay_us = 0
        if actor.begins_after_leg_of is not None:
            issuer, operation, attempt = actor.begins_after_leg_of
            delay_us = self.hammer.scaled(self.latencies.legs(issuer, operation, attempt - 1)[0])
        if actor.is_to_end:
            self.going_on.add(actor.name)
        lane = _Lane(self, actor, "", actor.program, {}, self.hammer.actor_ended)
        lane.issued_us = at_us
        self.lanes.add(lane)
        self.hammer.schedule(lane, at_us + delay_us)

    def start_spare(self, at_us: int) -> None:
        spare = next(self.spares, None)
        if spare is not None:
            self.start(spare, at_us)

    def wake(self, cells: Iterable[Key], at_us: int, *, all_of_them: bool = False) -> None:
        """Each cell may have become ready at about this time: let begin who begins with it, and look who waits.

        They are woken now, when the answer is here to the operation that made it ready. For the model they go on
        from its effect, so that is kept, too.
        """
        now_us = self.hammer.clock.now_us()
        for cell in cells:
            if cell in self.dormant and cell in self.live.cells:
                for actor in self.dormant.pop(cell):
                    self.start(actor, at_us)
            self.versions[cell] = self.versions.get(cell, (0, 0))[0] + 1, at_us
            waiters = self.waiters.get(cell, [])
            while waiters:
                lane, ticket = waiters.pop(0)
                if lane.ticket != ticket:
                    continue
                lane.woken_us, lane.ready_us = now_us, at_us
                self.lanes.add(lane)
                self.hammer.schedule(lane, now_us)
                if not all_of_them:
                    break

    def start_timer(self, timer: Timer, delay_us: int, at_us: int, cells: tuple[Key, ...]) -> None:
        """Start a timer, anew if it runs; when it has run out, the cells are ready."""
        due_us = at_us + delay_us
        self.timers[timer.key] = Timed(timer.delay_of, at_us, due_us)
        self.alarms[timer.key] = due_us

        def ring() -> None:
            with self.lock:
                if self.alarms.get(timer.key) == due_us:
                    del self.alarms[timer.key]
                    self.wake(cells, due_us)

        self.hammer.schedule_call(self, due_us, ring)


class Hammer:
    """Runs batches of a scenario under a policy on real servers."""

    def __init__(
        self,
        scenario: Scenario,
        policy: Any,
        lines: Lines,
        *,
        workers: int,
        speed: float,
        note: Callable[[Observed], None],
        seed: int | None = None,
    ) -> None:
        """`note`: told of each batch that is over, by one thread at a time."""
        self.lines = lines
        self.name = f"b{next(_HAMMERS)}"
        """Tells its batches from those of others on the same servers."""
        self.clock = Clock()
        self._scenario = scenario
        self._system = scenario.system(policy)
        self._samplers = Samplers(scenario)
        self._workers = workers
        self._speed = speed
        self._seed = scenario.seed if seed is None else seed
        self._note = note
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._ready = threading.Condition(threading.Lock())
        self._has_leader = False
        self._next = 0
        self._wanted = 0
        self._at_work = 0
        self.over = 0
        """How many batches are over."""
        self._stop = False
        self._failure: BaseException | None = None
        self._sleeps: dict[str, tuple[bool, bool]] = {}

    # -- all batches -------------------------------------------------------------------------------

    def run(self, batches: int, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Run so many batches; `goes_on`: asked time and again. Raises what went wrong in any thread."""
        self._wanted += batches
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(THREADS_MAX, self._workers * THREADS_PER_WORKER + 2))
        ]
        for thread in threads:
            thread.start()
        try:
            with self._ready:
                self._admit()
            while self.over < self._wanted and self._failure is None and goes_on():
                time.sleep(LOOK_S)
        finally:
            with self._ready:
                self._stop = True
                self._ready.notify_all()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def _admit(self) -> None:
        """Let batches begin, while fewer are at work than there are workers; the condition is held."""
        while self._at_work < self._workers and self._next < self._wanted:
            number = self._next
            self._next += 1
            self._at_work += 1
            self._push(self.clock.now_us(), partial(self._begin_batch, number))

    def _begin_batch(self, number: int) -> None:
        latencies = latencies_of(self._samplers, self._seed + number * SEEDS_APART, self._scenario.injected_delays)
        _Batch(self, number, self._system, latencies).begin()

    def _work(self) -> None:
        try:
            while (call := self._take()) is not None:
                call()
        except BaseException as error:  # whatever it is, whoever waits for the end has to be told
            with self._ready:
                self._failure = self._failure or error
                self._stop = True
                self._ready.notify_all()

    def _take(self) -> Callable[[], None] | None:
        """What is due, when it is; of those who have nothing to do one looks at the clock. `None`: the end."""
        with self._ready:
            while not self._stop:
                if self._has_leader:
                    self._ready.wait()
                    continue
                wait_us = self._heap[0][0] - self.clock.now_us() if self._heap else 1_000_000
                if wait_us <= 0:
                    _, _, call = heappop(self._heap)
                    self._ready.notify()
                    return call
                self._has_leader = True
                self._ready.wait(wait_us / 1e6)
                self._has_leader = False
            return None

    def _push(self, due_us: int, call: Callable[[], None]) -> None:
        heappush(self._heap, (due_us, next(self._order), call))
        # Whoever looks at the clock has to look anew; others are woken by who leaves.
        self._ready.notify_all() if self._has_leader and self._heap[0][0] == due_us else self._ready.notify()

    def schedule(self, lane: _Lane, due_us: int) -> None:
        """Let a lane go on at this time."""
        lane.ticket += 1
        lane.due_us = due_us
        ticket = lane.ticket
        with self._ready:
            self._push(due_us, lambda: self._go(lane, ticket))

    def schedule_call(self, batch: _Batch, due_us: int, call: Callable[[], None]) -> None:
        """Do something for a batch at this time."""

        def called() -> None:
            call()
            self._look_at(batch)

        with self._ready:
            self._push(due_us, called)

    def scaled(self, us: int) -> int:
        """A delay of the scenario as it is slept."""
        return round(us / self._speed)

    # -- one lane ------------------------------------------------------------------------------------

    def _go(self, lane: _Lane, ticket: int) -> None:
        """Go on with a lane until it sleeps, waits or ends."""
        batch = lane.batch
        with batch.lock:
            if lane.ticket != ticket or batch.is_over:
                return
            lane.ticket += 1  # it waits for nobody any more
            lane.is_running = True
        due_us: int | None = lane.due_us
        if lane.operation is None:
            now_us = self.clock.now_us()
            leg = lane.actor.begins_after_leg_of
            if leg is not None and not lane.suffix:
                batch.first_legs.append((leg.operation, now_us - lane.issued_us))
            due_us = self._feed(lane, None, None, now_us)
        while due_us is not None:
            if due_us > self.clock.now_us():
                with batch.lock:
                    lane.is_running = False
                    self.schedule(lane, due_us)
                break
            lane.due_us = lane.due_us if lane.woken_us is not None else due_us
            due_us = self._act(lane)
        self._look_at(batch)

    def _act(self, lane: _Lane) -> int | None:
        """Do the operation of a lane; when it can do the next one. `None`: it has ended, or waits."""
        operation, batch = lane.operation, lane.batch
        assert operation is not None
        cell = operation.waits_for() if isinstance(operation, BlockingOperation) else None
        version, _ = batch.versions.get(cell or "", (0, 0))
        until: list[int] = []
        ran_out: list[Timed | None] = []

        def choose(ways: tuple[Alternative, ...]) -> Alternative | None:
            now_us = self.clock.now_us()
            until.clear()
            for way in ways:
                due_us = max(batch.due_us(way.timer), min(map(batch.due_us, way.due), default=0))
                if operation.acts_on_arrival and due_us <= now_us:
                    lane.arrives_us = lane.arrives_us or now_us + lane.travel_us
                    due_us = lane.arrives_us
                if due_us <= now_us:
                    # Now, as somebody may start it anew before the answer is here.
                    ran_out[:] = [batch.timers.get(way.timer or "")]
                    return way
                until.append(due_us)
            return None

        begun_us = self.clock.now_us()
        answer = batch.live.perform(operation, choose)
        ended_us = self.clock.now_us()
        if answer is BLOCKED:
            self._let_wait(lane, cell, version, until)
            return None
        went_on_us = ended_us + lane.response_us
        with batch.lock:
            batch.seen.append(
                Seen(
                    lane.name,
                    operation,
                    answer,
                    lane.issued_us,
                    lane.due_us if lane.woken_us is None else lane.woken_us,
                    begun_us,
                    ended_us,
                    went_on_us,
                    lane.ready_us,
                    ran_out[0] if ran_out else None,
                )
            )
            if operation.may_unblock:
                self._unblock(lane, operation, answer, (begun_us + ended_us) // 2)
            if (
                lane.actor.is_spare
                and isinstance(operation, BlockingOperation)
                and not batch.waiters.get(cell or "")
            ):
                batch.start_spare(self.clock.now_us())
        if isinstance(answer, Raised):
            return self._feed(lane, None, answer.exception(), went_on_us)
        return self._feed(lane, answer, None, went_on_us)

    def _let_wait(self, lane: _Lane, cell: Key | None, version: int, until: Sequence[int]) -> None:
        batch = lane.batch
        with batch.lock:
            lane.is_running = False
            newest, at_us = batch.versions.get(cell or "", (0, 0))
            if newest != version:
                lane.woken_us, lane.ready_us = self.clock.now_us(), at_us
                self.schedule(lane, lane.woken_us)
                return
            if until:
                self.schedule(lane, min(until))
            else:
                lane.ticket += 1
                batch.lanes.discard(lane)
            if cell is not None:
                batch.waiters.setdefault(cell, []).append((lane, lane.ticket))

    def _unblock(self, lane: _Lane, operation: Operation[Any], answer: Any, at_us: int) -> None:
        """An operation has let others go on, at once or after a delay."""
        batch = lane.batch
        cells = operation.unblocks_after(answer)
        timer = operation.timer_after(answer)
        if timer is not None:
            delay_us = batch.latencies.draw_delay_us(lane.actor, lane.streams, operation, timer)
            batch.start_timer(timer, self.scaled(delay_us), at_us, cells)
            if not timer.wakes_at_once:
                return
        batch.wake(cells, at_us, all_of_them=operation.wakes_all)

    # -- feeding -----------------------------------------------------------------------------------------

    def _feed(self, lane: _Lane, answer: Any, failure: Exception | None, at_us: int) -> int | None:
        """Resume the coroutine, which can act at this time, and issue what it awaits; when that is due.

        As it depends on answers alone, it is resumed before its response leg has passed. `None`: nothing is due.
        """
        batch = lane.batch
        lane.operation = None
        if lane.program is None:
            lane.program = lane.program_of()
        try:
            awaited = lane.program.send(answer) if failure is None else lane.program.throw(failure)
        except StopIteration as end:
            self._finish(lane, end.value, None)
            return None
        except ProtocolError as raised:
            self._finish(lane, None, raised)
            return None
        except Exception as error:
            if not (batch.system.catches_errors and is_own(error)):
                raise
            self._finish(lane, None, error)
            return None
        if not isinstance(awaited, Operation):
            if not isinstance(awaited, Both | ForEach):
                raise no_operation(lane.program, awaited)
            self._side_by_side(lane, awaited, at_us)
            return None
        with batch.lock:
            request_us, response_us, _ = batch.latencies.draw_legs(lane.actor, lane.streams, awaited, awaited.name)
        awaited = lane.actor.expose(awaited)  # here without faults and memories: on its actor's cells
        sleeps_before, sleeps_after = self._sleeping(awaited)
        request_us = self.scaled(request_us) if sleeps_before else 0
        response_us = self.scaled(response_us) if sleeps_after else 0
        lane.operation, lane.issued_us = awaited, at_us
        lane.woken_us = lane.ready_us = lane.arrives_us = None
        if awaited.acts_on_arrival:
            lane.travel_us, lane.response_us = response_us, 0
            return at_us
        lane.response_us = response_us
        return at_us + request_us

    def _sleeping(self, operation: Operation[Any]) -> tuple[bool, bool]:
        """Whether its request leg is a real sleep, and whether its response leg is."""
        name = operation.name
        if name not in self._sleeps:
            of_server = group_of(name) in ("redis", "postgres")
            if of_server:
                written = self._scenario.latencies.of_operation.get(name)
                self._sleeps[name] = (isinstance(written, Legs) and not operation.is_instant, False)
            else:
                self._sleeps[name] = (not (operation.is_instant or operation.acts_on_arrival), True)
        return self._sleeps[name]

    def _side_by_side(self, lane: _Lane, awaited: Both[Any, Any] | ForEach, at_us: int) -> None:
        batch = lane.batch

        def begin(number: int, begun_us: int, after: int | None, report: Callable[..., None]) -> GiveUp:
            suffix = f"{lane.suffix}.{number}"

            def end(child: _Lane, result: Any, failure: Exception | None) -> None:
                report(result, failure, self.clock.now_us(), None)

            child = _Lane(batch, lane.actor, suffix, partial(program_of, awaited, number), lane.streams, end)
            child.issued_us = begun_us
            batch.lanes.add(child)
            self.schedule(child, begun_us)

            def give_up() -> None:
                child.ticket += 1
                batch.lanes.discard(child)

            return give_up

        def finish(results: Any, failure: Exception | None, ended_us: int, after: int | None) -> None:
            batch.lanes.add(lane)
            due_us = self._feed(lane, results, failure, ended_us)
            if due_us is not None:
                self.schedule(lane, due_us)

        def lose(failure: Exception) -> None:
            if not isinstance(failure, ProtocolError):
                raise failure

        with batch.lock:
            lane.is_running = False
            lane.ticket += 1
            batch.lanes.discard(lane)
            Group(awaited, begin, finish, lose).begin(at_us, None)

    def _finish(self, lane: _Lane, result: Any, failure: Exception | None) -> None:
        batch = lane.batch
        with batch.lock:
            lane.is_running = False
            batch.lanes.discard(lane)
            lane.end(lane, result, failure)

    def actor_ended(self, lane: _Lane, result: Any, failure: Exception | None) -> None:
        """An actor has come to its end."""
        batch = lane.batch
        if failure is not None and not isinstance(failure, Stopped):
            if not batch.system.catches_errors:
                raise failure
            batch.raised.append(RaisedError(lane.actor.name_of_its_like, *told(failure)))
        batch.going_on.discard(lane.actor.name)
        if lane.actor.is_judged:
            batch.returned[lane.actor.name] = result
        cell = lane.actor.returns_to
        if cell is not None and result is not None:
            begun_us = self.clock.now_us()
            batch.live.cells.remember({cell: freeze(result)})
            batch.seen.append(Returned(lane.name, cell, result, begun_us, self.clock.now_us()))
            batch.timers[cell] = Timed(None, begun_us, begun_us)
            batch.wake((cell,), begun_us)

    # -- the end of a batch ------------------------------------------------------------------------------

    def _look_at(self, batch: _Batch) -> None:
        """Whether a batch is at work still, and whether it is over."""
        with batch.lock:
            if batch.is_over or any(lane.is_running for lane in batch.lanes):
                return
            now_us = self.clock.now_us()
            due = [*(lane.due_us for lane in batch.lanes), *batch.alarms.values()]
            next_us = min(due, default=now_us + LONGEST_US)
            if next_us < now_us + LONGEST_US:
                if batch.is_at_work and next_us >= now_us + SOON_US and self._is_decided(batch):
                    batch.is_at_work = False
                    with self._ready:
                        self._at_work -= 1
                        self._admit()
                return
            batch.is_over = True
        self._end(batch)

    def _is_decided(self, batch: _Batch) -> bool:
        """Whether those who are judged have ended, or back off."""
        waiting = (lane for each in batch.waiters.values() for lane, ticket in each if lane.ticket == ticket)
        return not any(
            lane.actor.is_judged and not (lane.operation is not None and lane.operation.backs_off)
            for lane in (*batch.lanes, *waiting)
        )

    def _end(self, batch: _Batch) -> None:
        observed = Observed(
            batch.number,
            tuple(sorted(batch.seen, key=lambda each: each.ended_us)),
            batch.system.outcome(batch.live.world, Results(batch.returned, batch.going_on, batch.raised)),
            batch.live.contents(),
            batch.begun_us,
            self.clock.now_us(),
            tuple(batch.first_legs),
        )
        with self._ready:
            self.over += 1
            if batch.is_at_work:
                batch.is_at_work = False
                self._at_work -= 1
            self._admit()
            self._note(observed)
