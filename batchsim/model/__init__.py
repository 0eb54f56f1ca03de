"""The vocabulary of models: operations over cells, the actors whose coroutines await them, systems, and faults.

Nothing here knows what a batch is. Engines run a `System`; what it is about, nobody else need know.
"""
