"""What one wants to know of a batch in a state, and that stands in no cell."""

from __future__ import annotations

from batchsim.batch.history import rejected_key
from batchsim.batch.phase_1 import batch_judged, keys_left
from batchsim.batch.setting import Kind, Setting
from batchsim.batch.stores import REDIS_KEYS, Status, run_keys
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

    def keys_in_redis(world: World) -> str:
        return f"{sum(1 for _ in keys_left(world))} of {len(REDIS_KEYS)}"

    def can_be_sealed(world: World) -> bool:
        row = batch_judged(world)
        return row is not None and row.status is Status.PENDING and not row.sealed

    return (
        View("items without a run", without_a_run),
        View("keys of the batch in Redis", keys_in_redis),
        View("a seal would change the row", can_be_sealed),
    )
