"""Walking through a run step by step: the world at each instant, and where each actor is in its code.

A timed run and a witness are the same to whoever walks through them: actors take steps one after the other, and
each step has an answer, and changes cells. `walk_of_run`, `walk_of_witness` and `walk_of_order` make such a walk.
`Walkable` is the graph of an exploration, in which one chooses who goes next.
"""

from batchsim.analysis.walking.places import Line
from batchsim.analysis.walking.walk import Moment, Walk, walk_of_order, walk_of_run, walk_of_witness
from batchsim.analysis.walking.walkable import Walkable, walkable_of

__all__ = ["Line", "Moment", "Walk", "Walkable", "walk_of_order", "walk_of_run", "walk_of_witness", "walkable_of"]
