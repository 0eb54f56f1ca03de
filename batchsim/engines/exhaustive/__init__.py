"""The exhaustive engine: every interleaving of a scenario, without time, as a graph of global states.

Any enabled operation may be next. An actor is at one of few *local states* (`task.py`, `local_states.py`); a
global state is a row of small integers (`layout.py`); what a step does to it is worked out once
(`moves.py`), and the search takes whole levels of states at a time (`search.py`). On the graph
(`graph.py`), schedules are counted exactly (`counting.py`) and decisive steps are found (`fates.py`).
"""

from batchsim.engines.exhaustive.explore import Exploration, OutcomeClass, explore
from batchsim.engines.exhaustive.fates import DecisiveSteps
from batchsim.engines.exhaustive.graph import Graph, WalkedStep
from batchsim.engines.exhaustive.search import Bounds, Level

__all__ = ["Bounds", "DecisiveSteps", "Exploration", "Graph", "Level", "OutcomeClass", "WalkedStep", "explore"]
