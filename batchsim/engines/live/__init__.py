"""The live engine: the same operations on a real Redis (or Valkey) and a real PostgreSQL.

Theory of operation
===================

What a step does is its `apply`, over cells. Here the cells are on servers: a key of Redis, a row of PostgreSQL
(`cells.py`). An operation that is one command is issued as that command (`commands.py`), one that is several
commands as a script, which is derived from its `apply` (`scripts.py`), and any other as a transaction: what it
reads is read, what it changed is written, and if somebody else was there meanwhile it is done again. So nothing is
written twice, and an operation of one's own needs no more than in the model.

What is no store's (requests on the network, what verdicts remember, how often a fault may still happen) stays in
memory.

- `replay.py` takes the steps in the order of a run of the model, and compares answers and contents after each.
- `hammer.py` drives the coroutines themselves, many batches at once, with threads and real sleeps and no order.
- `explaining.py` looks for an order of what was observed that the model reproduces.
"""
