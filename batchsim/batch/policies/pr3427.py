"""#3427 as merged: COMPLETED is accepted after a lost seal too."""

from dataclasses import replace

from batchsim.batch.policies.decisions import ok_if_processing_or_completed
from batchsim.batch.policies.pr3427_count_only import PR3427_COUNT_ONLY

PR3427 = replace(
    PR3427_COUNT_ONLY,
    name="pr3427",
    summary="The fix as merged in #3427: COMPLETED is accepted after a lost seal too.",
    on_seal_lost=ok_if_processing_or_completed,
)
