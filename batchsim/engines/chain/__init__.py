"""The chain: a scenario with exponential latencies as a continuous-time Markov chain, solved exactly.

Theory of operation
===================

If every leg of every operation and every timer is exponential, or takes no time at all, what happens next
depends on the present state alone. So the graph of the exhaustive engine becomes that of a Markov chain, with
time as further steps: the legs of each lane (`pace.py`) and the running timers (`steps.py`), each at a rate. A
timer that is started anew is memoryless: it is as if it went on.

What can happen at once does so before any time passes (`search.py`). Two things at different instants never meet;
two at one instant can where legs take no time, and then either comes first. The chain is refused where that
matters. Its probabilities are worked out backwards on the acyclic graph (`absorption.py`).
"""

from batchsim.engines.chain.solve import ExactExploration, ExactOutcome, explore_exact

__all__ = ["ExactExploration", "ExactOutcome", "explore_exact"]
