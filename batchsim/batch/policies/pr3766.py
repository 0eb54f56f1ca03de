"""#3766: every check accepts a batch that is *done*, which the completion update already makes it."""

from batchsim.batch.policies.decisions import (
    ok_if_done_on_count_mismatch,
    ok_if_done_on_entry,
    ok_if_done_on_lost_seal,
)
from batchsim.batch.policy import Policy

PR3766 = Policy(
    name="pr3766",
    summary="#3766: every check accepts a batch whose processing has completed.",
    on_entry=ok_if_done_on_entry,
    on_count_mismatch=ok_if_done_on_count_mismatch,
    on_seal_lost=ok_if_done_on_lost_seal,
)
