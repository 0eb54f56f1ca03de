"""#4397: a reaper for batches that are never sealed, a guarded completion, and concurrent ingest."""

from dataclasses import replace

from batchsim.batch.policies.pr3766 import PR3766

PR4397 = replace(
    PR3766,
    name="pr4397",
    summary="#4397: #3766 with a reaper, a guarded completion and concurrent ingest.",
    has_reaper=True,
    guards_completion=True,
    ingest_concurrency=10,
)
