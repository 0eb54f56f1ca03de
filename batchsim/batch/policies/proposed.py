"""Our proposal: the latest design, and what closes the failures that faults leave open in it.

Each switch closes something by itself; `reports/findings.md` shows what comes back without it.
"""

from dataclasses import replace

from batchsim.batch.policies.decisions import ok_if_done_on_count_mismatch
from batchsim.batch.policies.pr4397 import PR4397

PROPOSED = replace(
    PR4397,
    name="proposed",
    summary="Proposal: pr4397, with atomic enqueueing, idempotent processing and a reaper that spares work.",
    enqueues_atomically=True,
    on_missing_meta=ok_if_done_on_count_mismatch,
    completes_message_last=True,
    claims_have_tokens=True,
    records_with_meta_only=True,
    guards_completion_update=True,
    creates_runs_once=True,
    reaper_spares_work=True,
)
