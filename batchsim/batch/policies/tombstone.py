"""Nobody deployed it: the bug's decisions, and a cleanup that keeps `enqueued_items` for a grace time."""

from dataclasses import replace

from batchsim.batch.policies.pre3427 import PRE3427

TOMBSTONE = replace(
    PRE3427,
    name="tombstone",
    summary="Alternative: pre3427, and cleanup keeps `enqueued_items` for a grace time.",
    keeps_tombstone=True,
)
