"""Nobody deployed it: the bug's decisions, and a completion update that sets `sealed` too."""

from dataclasses import replace

from batchsim.batch.policies.pre3427 import PRE3427

SEAL_AT_FINALIZE = replace(
    PRE3427,
    name="seal_at_finalize",
    summary="Alternative: pre3427, and the completion update sets `sealed` too.",
    seals_at_finalize=True,
)
