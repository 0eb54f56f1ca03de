"""What one wants to know of a batch in a state, and that stands in no cell."""

from __future__ import annotations

from batchsim.batch.history import rejected_key
from batchsim.batch.setting import Kind, Setting
from batchsim.batch.stores import BATCH_ROW, REDIS_KEYS, BatchRow, Status, run_keys
from batchsim.batch.world import World
from batchsim.model.views import View


def views_of(setting: Setting) -> tuple[View, ...]:
    """The views of a batch."""
    rows = [
        (*run_keys(index, setting.run_copies_max), *([rejected_key(index)] if item.kind is Kind.REJECTED else []))
        for index, item in enumerate(setting.items)
    ]

    def without_a_run(world: World) -> list[int]:
        cells = world.cells
        return [index for index, keys in enumerate(rows) if not any(key in cells for key in keys)]

    def keys_left(world: World) -> str:
        return f"{sum(key in world.cells for key in REDIS_KEYS)} of {len(REDIS_KEYS)}"

    def can_be_sealed(world: World) -> bool:
        row: BatchRow = world.cells[BATCH_ROW]
        return row.status is Status.PENDING and not row.sealed

    return (
        View("items without a run", without_a_run),
        View("keys of the batch in Redis", keys_left),
        View("a seal would change the row", can_be_sealed),
    )
