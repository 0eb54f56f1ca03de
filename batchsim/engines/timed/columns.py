"""What stands where in the memory of compiled runs: `laid_out.py` writes it, `kernels.py` reads it.

The memory is one line of whole numbers, and what is known of a thing is a row of them. A thing is told by where
its row begins; the numbers here say how much further each fact stands. What is a list of any length (cells,
changes) is told by where it begins and how long it is.
"""

from __future__ import annotations

NONE = -1
"""In place of a number: there is none."""

# First of all: where the actors are, one after the other, the first timers, the cells as they begin, the streams,
# and the slots of keys; how many there are of each; and how many faults and names of streams.
ACTORS, ACTORS_COUNT, FIRST_TIMERS, FIRST_TIMERS_COUNT, FIRST_ROW, CELLS_COUNT, STREAMS, STREAMS_COUNT = range(8)
SLOTS, SLOTS_COUNT, FAULTS_COUNT, NAMES_COUNT = range(8, 12)
HEAD = 12

# A point that a coroutine can be at: at an operation, where those begin who are awaited together, or at its end.
KIND = 0
OPERATION, GROUP, END = range(3)

# At an operation.
DRAW, FLAGS, WAITS_FOR, CONTENT_CELLS, CONTENT_COUNT, SLOWER, SLOWER_COUNT = range(1, 8)
HAS_ALTERNATIVES, IS_INSTANT, ACTS_ON_ARRIVAL, WAKES_ALL, CALLS_SPARE = 1, 2, 4, 8, 16

# Where those begin who are awaited together: how many, how many at once, and the points at which they begin.
COUNT, LIMIT, MAY_END_EARLY, CHILDREN = range(1, 5)

# An end: how it came about, and a number for what it came to. Where that is put into a cell, its number there.
FAILURE, ARRIVED, RESULT, VALUE = range(1, 5)
NO_FAILURE, PROTOCOL_ERROR, STOPPED, ENDS_EARLY, OWN_ERROR = range(5)

# A latency where an actor draws it.
STREAM, ITEM, LATENCY = range(3)

# A stream of draws: the name that its base is hashed of, and the number of its actor, from 1; 0: he is alone.
NAME, NUMBER = range(2)
STREAM_COLUMNS = 2

# A latency: how its legs come about, and two distributions. Of each its kind and four numbers, by their bits where
# they are no whole ones.
LEGS, FIRST, SECOND = 0, 1, 6
FIXED_LEGS, HALVED, REQUEST_ONLY, BOTH_LEGS = range(4)
CONSTANT, UNIFORM, EMPIRICAL, BACKOFF, EXPONENTIAL, NORMAL, LOGNORMAL = range(7)

# What a step does.
DOES, CHANGES, CHANGES_COUNT, UNBLOCKS, UNBLOCKS_COUNT, DELAY, TIMERS, TIMERS_COUNT, FOLLOWING = range(9)
WAKES = 1

# A way in which a step can turn out. Its share of the numbers from 0 to 1 is given by bits.
TIMER, DUE, DUE_COUNT, CHANCE, CHANCE_NAME, CHANCE_DRAW, SHARE_BEGIN, SHARE_END, FAULT, IS_HELD, EFFECT = range(11)

# Somebody who acts. What he returns is put into the one cell of a list.
(
    BEGINS_WITH,
    IS_SPARE,
    CATCHES,
    IS_JUDGED,
    RETURNS_TO,
    IS_TO_END,
    RANK,
    BEGINS_AT,
    LEG_NAME,
    LEG_USE,
    LEG_LATENCY,
) = range(11)
ACTOR_COLUMNS = 11

# A timer that runs from the beginning: its cell, its delay by name and latency, or its moment, and whom it wakes.
OF_CELL, DELAY_NAME, DELAY_LATENCY, MOMENT_US, WOKEN, WOKEN_COUNT = range(6)
FIRST_TIMER_COLUMNS = 6

# What is asked for by a key: the kind of it, whose it is, and then what tells it apart.
CONTENT, WAY_EFFECT, TOGETHER, DOUBT, BEGINNING = range(5)
"""What a step does, by its point and the cells of its footprint; what a way does; where those who were awaited
together lead; the legs of a draw so near to one half that rounding has to be exact; where an actor begins."""
FAILED = NONE
"""In place of the first of the results of those who were awaited together: one of them failed, with this."""
ENDED_EARLY = -2
"""Likewise: there were so many."""
KEY_MAX = 128
"""So long is a key at most; a step with a larger footprint is for runs that are not compiled."""

# How a run came out.
DONE, UNKNOWN, NO_ROOM, NOT_HERE = range(4)
"""To its end; something was met that is not known yet; it takes more room; it is to be made otherwise."""
END_OF_ACTOR = 4
"""So many numbers tell the ends of actors, for each of them: who was the next to return, and from where; its own
error, and whether it waits."""
