"""#4397: a reaper for batches that are never sealed, a guarded completion, and concurrent ingest."""

from dataclasses import replace

from batchsim.batch.operations import SetCompleted
from batchsim.batch.policies.pr3766 import PR3766
from batchsim.batch.reaper import reaper


async def set_completed_unless_ended() -> bool:
    """Set the batch COMPLETED, where it is neither ABORTED nor COMPLETED; whether this did it."""
    return await SetCompleted(guarded=True)


PR4397 = replace(
    PR3766,
    name="pr4397",
    summary="#4397: #3766 with a reaper, a guarded completion and concurrent ingest.",
    set_completed=set_completed_unless_ended,
    ingest_concurrency=10,
    actors=(reaper,),
)
