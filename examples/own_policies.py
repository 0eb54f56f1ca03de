"""A policy and a verdict of one's own, as the README shows them."""

from dataclasses import replace

from batchsim import POLICIES, Decision, Property


def on_count_mismatch(row):
    return Decision.OK if row.sealed or row.processing_completed else Decision.NOT_SEALED


MINE = replace(POLICIES["pr3427"], name="mine", on_count_mismatch=on_count_mismatch)
IMPATIENT = Property("impatient", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
