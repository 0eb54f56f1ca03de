"""#4397: a reaper for batches that are never sealed, and a guarded completion."""

from dataclasses import replace

from batchsim.batch.operations import SetCompleted
from batchsim.batch.policies.pr3777 import PR3777
from batchsim.batch.reaper import reaper


async def set_completed_unless_ended() -> bool:
    """Set the batch COMPLETED, where it is neither ABORTED nor COMPLETED; whether this did it."""
    return await SetCompleted(guarded=True)


PR4397 = replace(
    PR3777,
    name="pr4397",
    summary="#4397: #3777 with a reaper and a guarded completion.",
    stream_grant=10,
    set_completed=set_completed_unless_ended,
    actors=(reaper,),
)
