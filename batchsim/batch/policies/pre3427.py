"""The bug: the fallback after a count mismatch looks at `sealed` alone."""

from batchsim.batch.policies.decisions import ok_if_processing, ok_if_sealed, reject_unless_pending_and_unsealed
from batchsim.batch.policy import Policy

PRE3427 = Policy(
    name="pre3427",
    summary="The bug: after a count mismatch only `sealed` is looked at.",
    on_entry=reject_unless_pending_and_unsealed,
    on_count_mismatch=ok_if_sealed,
    on_seal_lost=ok_if_processing,
)
