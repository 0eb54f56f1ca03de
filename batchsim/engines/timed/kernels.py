"""Timed runs, compiled by Numba: what `tabled.py` does run by run, for many seeds.

It does what `lane.py`, `waiting.py` and `side_by_side.py` do, in the same order, with numbers in place of objects:
where a function here has the name of one there, that says what it is about. `known` is the memory of all that is
known of the steps of a system (`columns.py`), `run` that of one run, laid out below: a lane, say, is told by where
its row begins. What is not known yet is not worked out here: the run ends, and says what it was (`laid_out.py`
finds out, and the run is begun anew). Only this module imports Numba: `compiled.py` asks for it.
"""

from __future__ import annotations

from math import exp, floor, log, log1p, sqrt
from typing import Any

import numpy as np
from numba import njit

from batchsim.engines.timed import columns as c

# Numba compiles a function anew for each constant that it is given, unless that is a number of NumPy's.
NONE = np.int64(c.NONE)
ZERO, ONE, TWO, THREE = np.arange(4)

# First in a run: the time, the number of the next event, how many steps were taken, which actor has not been asked
# yet, how many have returned, how many have waited, how the run came out, and how long the key is that was not
# known.
NOW, NUMBERS, TAKEN, NEXT_ACTOR, RETURNED, ARRIVALS, STATUS, KEY_LENGTH = range(8)
# Then where the next thing of each kind begins …
EVENTS, LANES, GROUPS, MEMBERS, WAITERS, HELD, ACTIONS = np.arange(8, 15)
# … and the first one, and where there is no room for more.
FIRST_OF, END_OF = 7, 14
# And where the rest is.
ROW, CELLS, ACTORS, RETURNS, USES, FAULTS, BASES, KEY, UNKNOWN_KEY = range(29, 38)
_HEAD = 38

# What is on the clock: when, in which order at one instant, the number of the event, and whose it is: that of a
# lane, or of a timer, which is told by its cell, below 0.
AT_US, TIE, EVENT, WHOSE = range(4)
_EVENT_COLUMNS = np.int64(4)

# A lane. `CALLBACK`: what it does next. Last are the chances of one opportunity, and the numbers drawn for them.
(
    ACTOR,
    POINT,
    OF_GROUP,
    CHILD,
    RESPONSE_US,
    TRAVEL_US,
    LANE_TIE,
    AFTER,
    DRAWN_AFTER,
    DRAWN,
    IS_GIVEN_UP,
    CALLBACK,
) = range(12)
CHANCES = 12
_CHANCES_MAX = 8
_LANE_COLUMNS = np.int64(CHANCES + 2 * _CHANCES_MAX)
TAKE_EFFECT, LOOK, TAKE_EFFECT_IN_A_WAY = np.arange(3)
_AT_THE_BEGINNING = np.int64(-2)
"""The step before the first one; nobody draws numbers before `NONE`."""

# Those who are awaited together, and each of them.
LANE, OF_POINT, BEGUN, ENDS, HAS_FAILED, ANSWERED_US, LAST, FIRST_MEMBER = range(8)
_GROUP_COLUMNS = np.int64(8)
RESULT_OF, PROGRESS, MEMBER_LANE = range(3)
_MEMBER_COLUMNS = 3
NOT_BEGUN, IN_PROGRESS, OVER = range(3)

# Who waits: for which cell, and what decides who is first.
WAITED_FOR, WAITER_RANK, ARRIVAL, WAITER = range(4)
_WAITER_COLUMNS = np.int64(4)

# Of each cell what there is of a timer, and whether those begin with it who are to.
DUE_US, ALARM_US, WAKE, WAKE_COUNT, WAKE_STEP, HAS_DORMANT = range(6)
_CELL_COLUMNS = 6

# Of each actor.
IS_STOPPED, RAISED, IS_GOING_ON, IS_DORMANT = range(4)
_ACTOR_COLUMNS = 4

# What is to be done at this instant, last in, first out: a lane comes to a point, with a delay; or the next of
# those who are awaited together begins, after a step, at an instant.
COME_TO, BEGIN_NEXT = np.arange(2)
_ACTION_COLUMNS = np.int64(4)


# -- what is known, by its key --------------------------------------------------------------------


@njit
def _hash(memory: Any, begin: int, length: int) -> Any:
    mixed = np.uint64(length)
    for place in range(begin, begin + length):
        mixed = (mixed ^ np.uint64(memory[place])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return np.int64(mixed & np.uint64(0x7FFFFFFFFFFFFFFF))


@njit(cache=True)
def enter(known: Any, entries: Any) -> None:
    """Find slots for keys, each told by where its length stands, before it, and what it leads to, two numbers."""
    slots, last = known[c.SLOTS], known[c.SLOTS_COUNT] - 1
    for begin in entries:
        slot = _hash(known, begin + 1, known[begin]) & last
        while known[slots + slot] != 0:
            slot = (slot + 1) & last
        known[slots + slot] = begin


@njit
def _find(known: Any, run: Any, length: int) -> Any:
    """Where the two numbers stand that the key of a run leads to; `NONE`, and the run is over: nowhere."""
    slots, last, key = known[c.SLOTS], known[c.SLOTS_COUNT] - 1, run[KEY]
    slot = _hash(run, key, length) & last
    while known[slots + slot] != 0:
        begin = known[slots + slot]
        if known[begin] == length:
            place = 0
            while place < length and known[begin + 1 + place] == run[key + place]:
                place += 1
            if place == length:
                return begin + 1 + length
        slot = (slot + 1) & last
    _miss(run, length)
    return NONE


@njit
def _miss(run: Any, length: int) -> None:
    """The run is over; what is done until that is noticed has no meaning."""
    if run[STATUS] == c.DONE:
        run[STATUS], run[KEY_LENGTH] = c.UNKNOWN, length
        for place in range(length):
            run[run[UNKNOWN_KEY] + place] = run[run[KEY] + place]


@njit
def _miss_two(run: Any, kind: int, owner: int) -> None:
    key = run[KEY]
    run[key], run[key + 1] = kind, owner
    _miss(run, TWO)


@njit
def _content(known: Any, run: Any, point: int) -> int:
    """Where it stands what a step does, or in which ways, with the cells as they are."""
    key, row = run[KEY], run[ROW]
    cells, count = known[point + c.CONTENT_CELLS], known[point + c.CONTENT_COUNT]
    run[key], run[key + 1] = c.CONTENT, point
    for place in range(count):
        run[key + 2 + place] = run[row + known[cells + place]]
    return _find(known, run, 2 + count)


@njit
def _give_up(run: Any, status: int) -> None:
    if run[STATUS] == c.DONE:
        run[STATUS] = status


@njit
def _new(run: Any, kind: int, columns: int) -> int:
    """A new thing of a kind; the last one, and the run is over: there is no room."""
    begin = run[kind]
    if begin + columns > run[kind + END_OF]:
        _give_up(run, c.NO_ROOM)
        return run[kind + FIRST_OF]
    run[kind] = begin + columns
    return begin


# -- draws (`streams.py`, `sampling.py`) ------------------------------------------------------------

_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_TOP = np.uint64(1 << 63)


@njit
def _bits_of(state: Any) -> Any:
    bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@njit
def _draw(base: Any, use: int) -> Any:
    return _bits_of(base + (np.uint64(use) + np.uint64(1)) * _STRIDE)


@njit
def _next_bits(known: Any, run: Any, draw: int) -> Any:
    stream, item = known[draw + c.STREAM], known[draw + c.ITEM]
    use = run[run[USES] + stream]
    run[run[USES] + stream] = use + 1
    if item != NONE:
        use = item + (use << 32)
    about = known[c.STREAMS] + stream * c.STREAM_COLUMNS
    base, number = np.uint64(run[run[BASES] + known[about + c.NAME]]), known[about + c.NUMBER]
    if number != 0:
        base = _bits_of(base + np.uint64(number) * _STRIDE)
    return _draw(base, use)


_HALF = np.int64(1 << 25)


@njit
def _part(bits: Any, of: int, more: int) -> Any:
    """`(bits >> 11) * of + more * 2**27 >> 53`, of which the product may have more than 64 bits."""
    high, low = np.int64(bits >> np.uint64(38)), np.int64((bits >> np.uint64(11)) & np.uint64(0x7FFFFFF))
    return (high * of + ((low * of) >> 27) + more) >> 26


@njit
def _real(known: Any, place: int) -> float:
    return known[place : place + 1].view(np.float64)[0]


# Coefficients of polynomials in falling order, each over the one below it: near one half, further out, far out.
_NEAR = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)  # fmt: skip
_FURTHER = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


@njit
def _ratio(polynomials: Any, of: float) -> float:
    over, under = 0.0, 0.0
    for place in range(8):
        over, under = over * of + polynomials[0][place], under * of + polynomials[1][place]
    return over / under


@njit
def _quantile(p: float) -> float:
    """Of the standard normal distribution (Wichura, *Algorithm AS 241*, Applied Statistics 37, 1988)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(_NEAR, 0.180625 - q * q)
    r = sqrt(-log(p if q <= 0.0 else 1.0 - p))
    value = _ratio(_FURTHER, r - 1.6) if r <= 5.0 else _ratio(_FAR, r - 5.0)
    return -value if q < 0.0 else value


_LARGEST_BELOW_1 = 1 - 2.0**-53
_ROUNDING = 1e-12
"""Two ways of computing a number of microseconds differ by less than this part of it, and a bit."""
_IN_DOUBT = -1
"""In place of microseconds: rounding has to be exact."""


@njit
def _cut(value_us: float, min_us: int, max_us: int) -> Any:
    below = floor(value_us)
    rest = value_us - below
    if abs(rest - 0.5) <= _ROUNDING * abs(value_us) + 1e-9:
        return _IN_DOUBT
    us = max(min_us, np.int64(below) + (1 if rest > 0.5 else 0))
    return us if max_us == NONE else min(max_us, us)


@njit
def _sample(known: Any, distribution: int, bits: Any) -> int:
    kind, a, b = known[distribution], known[distribution + 1], known[distribution + 2]
    if kind == c.CONSTANT:
        return a
    if kind == c.UNIFORM:
        return a + _part(bits, b, ZERO)
    if kind == c.EMPIRICAL:
        return known[a + _part(bits, b, ZERO)]
    if kind == c.BACKOFF:
        return min(b, (a + _part(bits, a, _HALF)) * known[distribution + 3])
    # Of the others a and b are the support; the next number is the mean, and then a list of three, or one.
    first = _real(known, distribution + 3)
    more = known[distribution + 4]
    probability = (np.int64(bits >> np.uint64(12)) + 0.5) / 4503599627370496.0
    if kind == c.EXPONENTIAL:
        return _cut(a - first * log1p(-probability * _real(known, more)), a, b)
    deviation, below, above = _real(known, more), _real(known, more + 1), _real(known, more + 2)
    probability = min(_LARGEST_BELOW_1, below + probability * (above - below))
    if probability <= 0.0:
        return a
    value = first + deviation * _quantile(probability)
    return _cut(exp(value) if kind == c.LOGNORMAL else value, a, b)


@njit
def legs(known: Any, run: Any, latency: int, bits: Any) -> tuple[int, int]:
    """Request and response leg of a draw, in microseconds."""
    kind = known[latency + c.LEGS]
    if kind == c.FIXED_LEGS:
        return known[latency + c.FIRST + 1], known[latency + c.SECOND + 1]
    first, second = _sample(known, latency + c.FIRST, bits), known[latency + c.SECOND + 1]
    if kind == c.BOTH_LEGS:
        second = _sample(known, latency + c.SECOND, _draw(bits, ZERO))
    if min(first, second) == _IN_DOUBT:
        key = run[KEY]
        run[key], run[key + 1], run[key + 2] = c.DOUBT, latency, np.int64(bits)
        found = _find(known, run, THREE)
        return (0, 0) if found == NONE else (known[found], known[found + 1])
    if kind == c.HALVED:
        return first // 2, first - first // 2
    return first, second


# -- the clock --------------------------------------------------------------------------------------

_FIRST_TIE = np.int64(-(1 << 63))
"""That of a timer, 0; ties have no sign, and are kept in their order with one."""


@njit
def _is_before(run: Any, one: int, other: int) -> bool:
    for column in range(WHOSE):
        if run[one + column] != run[other + column]:
            return run[one + column] < run[other + column]
    return False


@njit
def _swap(run: Any, one: int, other: int) -> None:
    for column in range(_EVENT_COLUMNS):
        run[one + column], run[other + column] = run[other + column], run[one + column]


@njit
def _push(run: Any, at_us: int, tie: int, whose: int) -> None:
    event, clock = _new(run, EVENTS, _EVENT_COLUMNS), run[EVENTS + FIRST_OF]
    run[event + AT_US], run[event + TIE], run[event + EVENT], run[event + WHOSE] = at_us, tie, run[NUMBERS], whose
    run[NUMBERS] += 1
    place = (event - clock) // _EVENT_COLUMNS
    while place > 0:
        above = (place - 1) // 2
        if not _is_before(run, clock + place * _EVENT_COLUMNS, clock + above * _EVENT_COLUMNS):
            break
        _swap(run, clock + place * _EVENT_COLUMNS, clock + above * _EVENT_COLUMNS)
        place = above


@njit
def _pop(run: Any) -> int:
    """Whose the next event is; the time is then that of the event."""
    clock = run[EVENTS + FIRST_OF]
    run[NOW], whose = run[clock + AT_US], run[clock + WHOSE]
    run[EVENTS] -= _EVENT_COLUMNS
    _swap(run, clock, run[EVENTS])
    last = (run[EVENTS] - clock) // _EVENT_COLUMNS
    place = 0
    while True:
        below = 2 * place + 1
        if below >= last:
            return whose
        first = clock + below * _EVENT_COLUMNS
        if below + 1 < last and _is_before(run, first + _EVENT_COLUMNS, first):
            below += 1
            first += _EVENT_COLUMNS
        if not _is_before(run, first, clock + place * _EVENT_COLUMNS):
            return whose
        _swap(run, clock + place * _EVENT_COLUMNS, first)
        place = below


@njit
def _wake_after(run: Any, lane: int, delay_us: int, callback: int) -> None:
    run[lane + CALLBACK] = callback
    _push(run, run[NOW] + delay_us, run[lane + LANE_TIE], lane)


# -- who waits (`waiting.py`) -------------------------------------------------------------------------


@njit
def _wait(run: Any, cell: int, rank: int, lane: int) -> None:
    waiter = _new(run, WAITERS, _WAITER_COLUMNS)
    run[waiter + WAITED_FOR], run[waiter + WAITER_RANK] = cell, rank
    run[waiter + ARRIVAL], run[waiter + WAITER] = run[ARRIVALS], lane
    run[ARRIVALS] += 1


@njit
def _is_ahead(run: Any, waiter: int, other: int) -> bool:
    if run[waiter + WAITER_RANK] != run[other + WAITER_RANK]:
        return run[waiter + WAITER_RANK] < run[other + WAITER_RANK]
    return run[waiter + ARRIVAL] < run[other + ARRIVAL]


@njit
def _first_waiter(run: Any, cell: int) -> int:
    """Who is first of those who wait for a cell; `NONE`: nobody does."""
    first: Any = NONE
    for waiter in range(run[WAITERS + FIRST_OF], run[WAITERS], _WAITER_COLUMNS):
        if run[waiter + WAITED_FOR] == cell and (first == NONE or _is_ahead(run, waiter, first)):
            first = waiter
    return first


@njit
def _wake_one(known: Any, run: Any, cell: int, step: int) -> None:
    about = run[CELLS] + cell * _CELL_COLUMNS
    if run[about + HAS_DORMANT] and run[run[ROW] + cell] != 0:
        run[about + HAS_DORMANT] = 0
        for number in range(known[c.ACTORS_COUNT]):
            actor = run[ACTORS] + number * _ACTOR_COLUMNS
            if run[actor + IS_DORMANT] and known[_actor(known, number) + c.BEGINS_WITH] == cell:
                run[actor + IS_DORMANT] = 0
                _begin(known, run, number, step)
    first = _first_waiter(run, cell)
    if first != NONE:
        lane = run[first + WAITER]
        run[WAITERS] -= _WAITER_COLUMNS
        for column in range(_WAITER_COLUMNS):
            run[first + column] = run[run[WAITERS] + column]
        _wake_after(run, lane, ZERO, LOOK)


@njit
def _wake(known: Any, run: Any, cells: int, count: int, step: int, wakes_all: int) -> None:
    for place in range(cells, cells + count):
        cell, times = known[place], 1
        if wakes_all:
            times = 0
            for waiter in range(run[WAITERS + FIRST_OF], run[WAITERS], _WAITER_COLUMNS):
                times += run[waiter + WAITED_FOR] == cell
        for _ in range(max(1, times)):
            _wake_one(known, run, cell, step)


@njit
def _due_of(run: Any, timer: int) -> int:
    return run[run[CELLS] + timer * _CELL_COLUMNS + DUE_US]


@njit
def _can_be(known: Any, run: Any, way: int) -> bool:
    timer, due, count = known[way + c.TIMER], known[way + c.DUE], known[way + c.DUE_COUNT]
    due_us = 0 if timer == NONE else _due_of(run, timer)
    if count > 0:
        first_us = _due_of(run, known[due])
        for place in range(due + 1, due + count):
            first_us = min(first_us, _due_of(run, known[place]))
        due_us = max(due_us, first_us)
    return due_us <= run[NOW]


@njit
def _start_timer(run: Any, timer: int, delay_us: int, cells: int, count: int, step: int) -> None:
    about = run[CELLS] + timer * _CELL_COLUMNS
    due_us = run[NOW] + delay_us
    run[about + DUE_US] = due_us
    if run[about + ALARM_US] == NONE or due_us < run[about + ALARM_US]:
        _set_alarm(run, timer, due_us)
    run[about + WAKE], run[about + WAKE_COUNT], run[about + WAKE_STEP] = cells, count, step


@njit
def _set_alarm(run: Any, timer: int, at_us: int) -> None:
    run[run[CELLS] + timer * _CELL_COLUMNS + ALARM_US] = at_us
    _push(run, at_us, _FIRST_TIE, -1 - timer)


@njit
def _ring(known: Any, run: Any, timer: int) -> None:
    about = run[CELLS] + timer * _CELL_COLUMNS
    if run[about + ALARM_US] != run[NOW]:
        return
    run[about + ALARM_US] = NONE
    if run[about + DUE_US] > run[NOW]:
        _set_alarm(run, timer, run[about + DUE_US])
    else:
        _wake(known, run, run[about + WAKE], run[about + WAKE_COUNT], run[about + WAKE_STEP], ZERO)


# -- who begins, comes to a point, and ends (`run.py`, `lane.py`, `side_by_side.py`) -------------------------


@njit
def _do_next(run: Any, what: int, whose: int, where: int, us: int) -> None:
    action = _new(run, ACTIONS, _ACTION_COLUMNS)
    run[action], run[action + 1], run[action + 2], run[action + 3] = what, whose, where, us


@njit
def _actor(known: Any, number: int) -> int:
    return known[c.ACTORS] + number * c.ACTOR_COLUMNS


@njit
def _new_lane(run: Any, actor: int, group: int, child: int, after: int) -> int:
    lane = _new(run, LANES, _LANE_COLUMNS)
    run[lane + ACTOR], run[lane + OF_GROUP], run[lane + CHILD], run[lane + AFTER] = actor, group, child, after
    run[lane + DRAWN_AFTER], run[lane + DRAWN], run[lane + IS_GIVEN_UP] = NONE, 0, 0
    return lane


@njit
def _begin(known: Any, run: Any, number: int, after: int) -> None:
    actor, delay_us = _actor(known, number), 0
    point, name = known[actor + c.BEGINS_AT], known[actor + c.LEG_NAME]
    if point == NONE:
        _miss_two(run, c.BEGINNING, number)
        return
    if name != NONE:
        bits = _draw(np.uint64(run[run[BASES] + name]), known[actor + c.LEG_USE])
        delay_us, _ = legs(known, run, known[actor + c.LEG_LATENCY], bits)
    if known[actor + c.IS_TO_END]:
        run[run[ACTORS] + number * _ACTOR_COLUMNS + IS_GOING_ON] = 1
    _do_next(run, COME_TO, _new_lane(run, number, NONE, ZERO, after), point, delay_us)
    _settle(known, run)


@njit
def _begin_spare(known: Any, run: Any, after: int) -> None:
    number = run[NEXT_ACTOR]
    if number < known[c.ACTORS_COUNT]:
        run[NEXT_ACTOR] = number + 1
        _begin(known, run, number, after)


@njit
def _settle(known: Any, run: Any) -> None:
    """Do all that is to be done at this instant without a step."""
    while run[ACTIONS] > run[ACTIONS + FIRST_OF] and run[STATUS] == c.DONE:
        run[ACTIONS] -= _ACTION_COLUMNS
        action = run[ACTIONS]
        what, whose, where, us = run[action], run[action + 1], run[action + 2], run[action + 3]
        if what == BEGIN_NEXT:
            _begin_next(known, run, whose, where, us)
            continue
        run[whose + POINT] = where
        kind = known[where + c.KIND]
        if kind == c.OPERATION:
            _issue(known, run, whose, where, us)
        elif kind == c.GROUP:
            _side_by_side(known, run, whose, where, us)
        else:
            _finish(known, run, whose, where, us)


@njit
def _issue(known: Any, run: Any, lane: int, point: int, delay_us: int) -> None:
    draw = known[point + c.DRAW]
    bits = _next_bits(known, run, draw)
    request_us, response_us = legs(known, run, known[draw + c.LATENCY], bits)
    slower, count = known[point + c.SLOWER], known[point + c.SLOWER_COUNT]
    for place in range(slower, slower + 2 * count, 2):
        if run[run[ROW] + known[place]] != 0:
            request_us += known[place + 1]
    flags, travel_us, callback = known[point + c.FLAGS], 0, TAKE_EFFECT
    if flags & c.HAS_ALTERNATIVES:
        callback = LOOK
        if flags & c.ACTS_ON_ARRIVAL:
            travel_us, response_us, request_us = response_us, 0, 0
    if not flags & c.IS_INSTANT:
        delay_us += request_us
    run[lane + RESPONSE_US], run[lane + TRAVEL_US], run[lane + LANE_TIE] = (
        response_us,
        travel_us,
        np.int64(bits ^ _TOP),
    )
    _wake_after(run, lane, delay_us, callback)


@njit
def _side_by_side(known: Any, run: Any, lane: int, point: int, delay_us: int) -> None:
    count = known[point + c.COUNT]
    group = _new(run, GROUPS, _GROUP_COLUMNS)
    first = _new(run, MEMBERS, count * _MEMBER_COLUMNS)
    if run[STATUS] != c.DONE:
        return
    run[group + LANE], run[group + OF_POINT], run[group + FIRST_MEMBER] = lane, point, first
    run[group + BEGUN], run[group + ENDS], run[group + HAS_FAILED] = 0, 0, 0
    run[group + ANSWERED_US], run[group + LAST] = 0, _AT_THE_BEGINNING
    for number in range(count):
        run[first + number * _MEMBER_COLUMNS + PROGRESS] = NOT_BEGUN
    for _ in range(min(count, known[point + c.LIMIT])):
        _do_next(run, BEGIN_NEXT, group, run[lane + AFTER], run[NOW] + delay_us)


@njit
def _begin_next(known: Any, run: Any, group: int, after: int, at_us: int) -> None:
    number = run[group + BEGUN]
    if number == known[run[group + OF_POINT] + c.COUNT]:  # one that ended without a step has let the last begin
        return
    run[group + BEGUN] = number + 1
    lane = _new_lane(run, run[run[group + LANE] + ACTOR], group, number, after)
    member = run[group + FIRST_MEMBER] + number * _MEMBER_COLUMNS
    run[member + PROGRESS], run[member + MEMBER_LANE] = IN_PROGRESS, lane
    point = known[known[run[group + OF_POINT] + c.CHILDREN] + number]
    _do_next(run, COME_TO, lane, point, at_us - run[NOW])


@njit
def _finish(known: Any, run: Any, lane: int, end: int, delay_us: int) -> None:
    number, group, failure = run[lane + ACTOR], run[lane + OF_GROUP], known[end + c.FAILURE]
    actor, about = _actor(known, number), run[ACTORS] + number * _ACTOR_COLUMNS
    if failure == c.STOPPED:
        run[about + IS_STOPPED] = 1
    if group != NONE:
        _report(known, run, group, lane, end, run[NOW] + delay_us)
        return
    if failure not in (c.NO_FAILURE, c.STOPPED):
        if not known[actor + c.CATCHES]:
            _give_up(run, c.NOT_HERE)
            return
        _fail(run, number, end)
    run[about + IS_GOING_ON] = 0
    if known[actor + c.IS_JUDGED]:
        returned = run[RETURNS] + 2 * run[RETURNED]
        run[returned], run[returned + 1] = number, end
        run[RETURNED] += 1
    to = known[actor + c.RETURNS_TO]
    if to != NONE and failure == c.NO_FAILURE and known[end + c.VALUE] != 0:
        run[run[ROW] + known[to]] = known[end + c.VALUE]
        _start_timer(run, known[to], delay_us, to, ONE, run[lane + AFTER])


@njit
def _fail(run: Any, number: int, end: int) -> None:
    about = run[ACTORS] + number * _ACTOR_COLUMNS
    if run[about + RAISED] == NONE:
        run[about + RAISED] = end
    run[about + IS_STOPPED] = 1


@njit
def _report(known: Any, run: Any, group: int, lane: int, end: int, answered_us: int) -> None:
    point, members, last = run[group + OF_POINT], run[group + FIRST_MEMBER], run[lane + AFTER]
    member = members + run[lane + CHILD] * _MEMBER_COLUMNS
    run[member + RESULT_OF], run[member + PROGRESS] = known[end + c.RESULT], OVER
    run[group + ENDS] += 1
    failure, count, key = known[end + c.FAILURE], known[point + c.COUNT], run[KEY]
    if run[group + HAS_FAILED]:
        if failure == c.OWN_ERROR:
            _fail(run, run[lane + ACTOR], end)
        return
    if answered_us >= run[group + ANSWERED_US]:
        run[group + ANSWERED_US], run[group + LAST] = answered_us, last
    run[key], run[key + 1], length = c.TOGETHER, point, 2 + count
    if failure != c.NO_FAILURE:
        run[group + HAS_FAILED] = 1
        run[key + 2], run[key + 3], length = c.FAILED, known[end + c.RESULT], 4
        if failure == c.ENDS_EARLY:
            arrived = known[end + c.ARRIVED]
            is_over = _end_beyond(run, group, arrived)
            if known[point + c.MAY_END_EARLY] and arrived > 0 and is_over:
                run[key + 2], run[key + 3] = c.ENDED_EARLY, arrived
    elif run[group + BEGUN] < count:
        _do_next(run, BEGIN_NEXT, group, last, answered_us)
        return
    elif run[group + ENDS] == count:
        for number in range(count):
            run[key + 2 + number] = run[members + number * _MEMBER_COLUMNS + RESULT_OF]
        answered_us, last = run[group + ANSWERED_US], run[group + LAST]
    else:
        return
    found = _find(known, run, length)
    if found != NONE:
        parent = run[group + LANE]
        run[parent + AFTER] = last
        _do_next(run, COME_TO, parent, known[found], answered_us - run[NOW])


@njit
def _end_beyond(run: Any, group: int, arrived: int) -> bool:
    """Let those go no further who are beyond the end; whether nobody else is in progress."""
    is_over = True
    for number in range(run[group + BEGUN]):
        member = run[group + FIRST_MEMBER] + number * _MEMBER_COLUMNS
        if run[member + PROGRESS] == IN_PROGRESS:
            if number >= arrived:
                run[member + PROGRESS] = OVER
                run[run[member + MEMBER_LANE] + IS_GIVEN_UP] = 1
            else:
                is_over = False
    return is_over


# -- steps (`lane.py`, `tabled.py`) --------------------------------------------------------------------


@njit
def _look(known: Any, run: Any, lane: int) -> None:
    point = run[lane + POINT]
    found = _content(known, run, point)
    if found == NONE:
        return
    for place in range(known[found], known[found] + known[found + 1]):
        way = known[place]
        if _can_be(known, run, way) and _is_drawn(known, run, lane, way):
            if known[way + c.IS_HELD]:
                break
            if run[lane + TRAVEL_US]:
                _wake_after(run, lane, run[lane + TRAVEL_US], TAKE_EFFECT_IN_A_WAY)
            else:
                _act_so(known, run, lane, way)
            return
    cell = known[point + c.WAITS_FOR]
    if cell != NONE:
        _wait(run, cell, known[_actor(known, run[lane + ACTOR]) + c.RANK], lane)
    else:
        run[_new(run, HELD, ONE)] = lane


@njit
def _is_drawn(known: Any, run: Any, lane: int, way: int) -> bool:
    chance = known[way + c.CHANCE]
    if chance == NONE:
        return True
    if run[lane + DRAWN_AFTER] != run[lane + AFTER]:
        run[lane + DRAWN_AFTER], run[lane + DRAWN] = run[lane + AFTER], 0
    number: Any = NONE
    end = lane + CHANCES + 2 * run[lane + DRAWN]
    for place in range(lane + CHANCES, end, 2):
        if run[place] == chance:
            number = run[place + 1]
    if number < 0:
        if run[lane + DRAWN] == _CHANCES_MAX:
            _give_up(run, c.NOT_HERE)
            return False
        draw = known[way + c.CHANCE_DRAW]
        bits = (
            _draw(np.uint64(run[run[BASES] + known[way + c.CHANCE_NAME]]), ZERO)
            if draw == NONE
            else _next_bits(known, run, draw)
        )
        number = np.int64(bits >> np.uint64(11))
        run[end], run[end + 1] = chance, number
        run[lane + DRAWN] += 1
    drawn = number / 9007199254740992.0
    return _real(known, way + c.SHARE_BEGIN) <= drawn < _real(known, way + c.SHARE_END)


@njit
def _take_effect_in_a_way(known: Any, run: Any, lane: int) -> None:
    """What travelled is here: it takes effect in the first way in which it can now, or waits again."""
    found = _content(known, run, run[lane + POINT])
    if found == NONE:
        return
    for place in range(known[found], known[found] + known[found + 1]):
        way = known[place]
        if _can_be(known, run, way) and _is_drawn(known, run, lane, way):
            _act_so(known, run, lane, way)
            return
    _look(known, run, lane)


@njit
def _act_so(known: Any, run: Any, lane: int, way: int) -> None:
    if known[way + c.EFFECT] == NONE:
        _miss_two(run, c.WAY_EFFECT, way)
        return
    if known[way + c.FAULT] != NONE:
        run[run[FAULTS] + known[way + c.FAULT]] = 1
    _act(known, run, lane, known[way + c.EFFECT])


@njit
def _act(known: Any, run: Any, lane: int, effect: int) -> None:
    changes = known[effect + c.CHANGES]
    for place in range(changes, changes + 2 * known[effect + c.CHANGES_COUNT], 2):
        run[run[ROW] + known[place]] = known[place + 1]
    step, point = run[TAKEN], run[lane + POINT]
    run[TAKEN], run[lane + AFTER] = step + 1, step
    flags, does = known[point + c.FLAGS], known[effect + c.DOES]
    if flags & c.CALLS_SPARE and _first_waiter(run, known[point + c.WAITS_FOR]) == NONE:
        _begin_spare(known, run, step)
    cells, count, draw = known[effect + c.UNBLOCKS], known[effect + c.UNBLOCKS_COUNT], known[effect + c.DELAY]
    if draw != NONE:
        delay_us, _ = legs(known, run, known[draw + c.LATENCY], _next_bits(known, run, draw))
        timers = known[effect + c.TIMERS]
        for place in range(timers, timers + known[effect + c.TIMERS_COUNT]):
            _start_timer(run, known[place], delay_us, cells, count, step)
    if does & c.WAKES:
        _wake(known, run, cells, count, step, flags & c.WAKES_ALL)
    held, end = run[HELD + FIRST_OF], run[HELD]
    run[HELD] = held
    for place in range(held, end):
        _wake_after(run, run[place], ZERO, LOOK)
    _do_next(run, COME_TO, lane, known[effect + c.FOLLOWING], run[lane + RESPONSE_US])
    _settle(known, run)


# -- whole runs -------------------------------------------------------------------------------------


@njit
def _start(known: Any, run: Any) -> None:
    """The first timers, and all who begin at once."""
    first = known[c.FIRST_TIMERS]
    for timer in range(first, first + known[c.FIRST_TIMERS_COUNT] * c.FIRST_TIMER_COLUMNS, c.FIRST_TIMER_COLUMNS):
        cell, delay_us, name = known[timer + c.OF_CELL], known[timer + c.MOMENT_US], known[timer + c.DELAY_NAME]
        if name != NONE:
            if run[run[ROW] + cell] == 0:
                continue
            delay_us, _ = legs(
                known, run, known[timer + c.DELAY_LATENCY], _draw(np.uint64(run[run[BASES] + name]), ZERO)
            )
        _start_timer(run, cell, delay_us, known[timer + c.WOKEN], known[timer + c.WOKEN_COUNT], _AT_THE_BEGINNING)
    while run[NEXT_ACTOR] < known[c.ACTORS_COUNT] and run[STATUS] == c.DONE:
        number = run[NEXT_ACTOR]
        run[NEXT_ACTOR] = number + 1
        actor = _actor(known, number)
        cell = known[actor + c.BEGINS_WITH]
        if cell != NONE and run[run[ROW] + cell] == 0:
            run[run[ACTORS] + number * _ACTOR_COLUMNS + IS_DORMANT] = 1
            run[run[CELLS] + cell * _CELL_COLUMNS + HAS_DORMANT] = 1
            continue
        _begin(known, run, number, _AT_THE_BEGINNING)
        if known[actor + c.IS_SPARE]:
            return


@njit
def _run_to_rest(known: Any, run: Any, events_max: int) -> None:
    for _ in range(events_max):
        if run[EVENTS] == run[EVENTS + FIRST_OF] or run[STATUS] != c.DONE:
            return
        lane = _pop(run)
        if lane < 0:
            _ring(known, run, -1 - lane)
            continue
        if run[lane + IS_GIVEN_UP] or run[run[ACTORS] + run[lane + ACTOR] * _ACTOR_COLUMNS + IS_STOPPED]:
            continue
        if run[lane + CALLBACK] == LOOK:
            _look(known, run, lane)
        elif run[lane + CALLBACK] == TAKE_EFFECT_IN_A_WAY:
            _take_effect_in_a_way(known, run, lane)
        else:
            found = _content(known, run, run[lane + POINT])
            if found != NONE:
                _act(known, run, lane, known[found])
    if run[EVENTS] > run[EVENTS + FIRST_OF]:
        _give_up(run, c.NOT_HERE)


@njit
def made(known: Any, room: int) -> Any:
    """The memory of a run, with room for so many things of a kind."""
    cells, actors = known[c.CELLS_COUNT], known[c.ACTORS_COUNT]
    sizes = np.array([
        cells, cells * _CELL_COLUMNS, actors * _ACTOR_COLUMNS, 2 * actors, known[c.STREAMS_COUNT],
        known[c.FAULTS_COUNT], known[c.NAMES_COUNT], c.KEY_MAX, c.KEY_MAX,
    ])  # fmt: skip
    columns = np.array([
        _EVENT_COLUMNS, _LANE_COLUMNS, _GROUP_COLUMNS, _MEMBER_COLUMNS, _WAITER_COLUMNS, 1, _ACTION_COLUMNS,
    ])  # fmt: skip
    run = np.zeros(_HEAD + sizes.sum() + room * columns.sum(), np.int64)
    begin = _HEAD
    for number, size in enumerate(sizes):
        run[ROW + number] = begin
        begin += size
    for number, size in enumerate(columns):
        run[EVENTS + FIRST_OF + number] = begin
        begin += room * size
        run[EVENTS + END_OF + number] = begin
    return run


@njit
def _set_up(known: Any, run: Any, bases: Any) -> None:
    run[:EVENTS] = 0
    for kind in range(EVENTS, EVENTS + FIRST_OF):
        run[kind] = run[kind + FIRST_OF]
    run[run[CELLS] : run[BASES]] = 0
    for cell in range(known[c.CELLS_COUNT]):
        run[run[ROW] + cell] = known[known[c.FIRST_ROW] + cell]
        run[run[CELLS] + cell * _CELL_COLUMNS + ALARM_US] = NONE
    for number in range(known[c.ACTORS_COUNT]):
        run[run[ACTORS] + number * _ACTOR_COLUMNS + RAISED] = NONE
        run[run[RETURNS] + 2 * number] = NONE
    for name in range(known[c.NAMES_COUNT]):
        run[run[BASES] + name] = bases[name]


@njit
def _tell_end(known: Any, run: Any, end: Any) -> None:
    cells, faults = known[c.CELLS_COUNT], known[c.FAULTS_COUNT]
    end[:cells] = run[run[ROW] : run[ROW] + cells]
    end[cells : cells + faults] = run[run[FAULTS] : run[FAULTS] + faults]
    at = cells + faults
    for number in range(known[c.ACTORS_COUNT]):
        about, returned = run[ACTORS] + number * _ACTOR_COLUMNS, run[RETURNS] + 2 * number
        end[at], end[at + 1], end[at + 2] = run[returned], run[returned + 1], run[about + RAISED]
        end[at + 3] = run[about + IS_GOING_ON] and not run[about + IS_STOPPED]
        at += c.END_OF_ACTOR


@njit(cache=True)
def run_all(
    known: Any, bases: Any, todo: Any, room: int, events_max: int, ends: Any, seen: Any, missed: Any
) -> tuple[int, int]:
    """Make runs, whose numbers are in `todo`, with the bases of streams in the rows of these numbers.

    Of each in turn: what it ended with, `ends`, and how it came out and how many steps it took, `seen`. Rows of
    `missed`: the length of a key that is not known yet, and the key; once there is no room for another one, no
    further run is made. How many runs were made, and how many keys there are.
    """
    run, misses = made(known, room), 0
    for place in range(len(todo)):
        if misses == len(missed):
            return place, misses
        _set_up(known, run, bases[todo[place]])
        _start(known, run)
        _run_to_rest(known, run, events_max)
        seen[place, 0], seen[place, 1] = run[STATUS], run[TAKEN]
        if run[STATUS] == c.UNKNOWN:
            length, key = run[KEY_LENGTH], run[UNKNOWN_KEY]
            missed[misses, 0] = length
            missed[misses, 1 : 1 + length] = run[key : key + length]
            misses += 1
        elif run[STATUS] == c.DONE:
            _tell_end(known, run, ends[place])
    return len(todo), misses
