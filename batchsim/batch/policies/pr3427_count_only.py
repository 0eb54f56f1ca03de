"""The first commit of #3427: the fallback after a count mismatch also accepts COMPLETED."""

from dataclasses import replace

from batchsim.batch.policies.decisions import ok_if_sealed_or_completed
from batchsim.batch.policies.pre3427 import PRE3427

PR3427_COUNT_ONLY = replace(
    PRE3427,
    name="pr3427_count_only",
    summary="The first commit of #3427: COMPLETED is accepted after a count mismatch.",
    on_count_mismatch=ok_if_sealed_or_completed,
)
