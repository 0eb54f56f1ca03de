"""The world that operations of the batch are applied to: all its stores, over one set of cells."""

from __future__ import annotations

from batchsim.batch.history import History
from batchsim.batch.stores import BatchQueue, Jobs, Network, Postgres, Redis
from batchsim.model.cells import Cells


class World:
    """All stores, over one set of cells."""

    __slots__ = ("cells", "history", "jobs", "network", "postgres", "queue", "redis")

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.redis = Redis(cells)
        self.postgres = Postgres(cells)
        self.queue = BatchQueue(cells)
        self.jobs = Jobs(cells)
        self.network = Network(cells)
        self.history = History(cells)
