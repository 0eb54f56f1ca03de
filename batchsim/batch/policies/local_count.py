"""Nobody deployed it: the bug's decisions, and a handler that counts in its own loop.

The loop ends only when each of its items is enqueued, be it by an earlier attempt. So its count is always right,
and the handler goes on to seal, unless its body broke off, and counts as complete where several items are ingested
at once.
"""

from dataclasses import replace

from batchsim.batch.policies.pre3427 import PRE3427
from batchsim.batch.setting import Setting


async def count_own_loop(setting: Setting) -> int:
    """Every item of the request: the loop has gone through all of them."""
    return setting.run_count if setting.arrived is None else setting.arrived


LOCAL_COUNT = replace(
    PRE3427,
    name="local_count",
    summary="Alternative: pre3427, and the handler counts what it enqueued itself.",
    count=count_own_loop,
)
