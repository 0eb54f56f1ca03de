"""The policies that batchsim ships: the lineage of the real system, and alternatives that nobody deployed."""

from dataclasses import fields

from batchsim.batch.glosses import GLOSSES, glossed
from batchsim.batch.policies.local_count import LOCAL_COUNT
from batchsim.batch.policies.pr3427 import PR3427
from batchsim.batch.policies.pr3427_count_only import PR3427_COUNT_ONLY
from batchsim.batch.policies.pr3766 import PR3766
from batchsim.batch.policies.pr3777 import PR3777
from batchsim.batch.policies.pr4397 import PR4397
from batchsim.batch.policies.pr4569 import PR4569
from batchsim.batch.policies.pre3427 import PRE3427
from batchsim.batch.policies.proposed import PROPOSED
from batchsim.batch.policies.seal_at_finalize import SEAL_AT_FINALIZE
from batchsim.batch.policies.tombstone import TOMBSTONE
from batchsim.batch.policy import Policy

LINEAGE: tuple[Policy, ...] = (PRE3427, PR3427_COUNT_ONLY, PR3427, PR3766, PR3777, PR4397)
"""What the real system ran, in the order in which it was merged."""
OPEN: tuple[Policy, ...] = (PR4569,)
"""What is proposed there, and not merged."""
ALTERNATIVES: tuple[Policy, ...] = (TOMBSTONE, LOCAL_COUNT, SEAL_AT_FINALIZE, PROPOSED)
"""Designs to compare with."""


class UnknownPolicyError(KeyError):
    """No policy of this name is shipped; the text says which are."""

    def __str__(self) -> str:
        """The text as it is: a `KeyError` would quote it."""
        return str(self.args[0])


class _Policies(dict[str, Policy]):
    """By name; a name that is none is told with those that are: a user's file asks by it."""

    def __missing__(self, name: object) -> Policy:
        raise UnknownPolicyError(f"found {name!r}; allowed: {', '.join(self)}")


POLICIES: dict[str, Policy] = _Policies({policy.name: policy for policy in (*LINEAGE, *OPEN, *ALTERNATIVES)})
"""Every shipped policy by its name."""


def true_summary(policy: Policy) -> str:
    """Its summary; of one made of a shipped policy whose summary it still has, what was changed instead."""
    base = next((each for each in POLICIES.values() if each.summary == policy.summary), None)
    if base is None:
        return policy.summary
    names = [each.name for each in fields(Policy) if each.name not in ("name", "summary")]
    changed = [name for name in names if getattr(policy, name) != getattr(base, name)]
    if changed:
        return f"{glossed(base.name)} but for {', '.join(changed)}."
    return policy.summary if policy.name == base.name else f"{glossed(base.name)} by another name."


def gloss_of(policy: object) -> str:
    """What a shipped policy is in two or three words, for those who do not know its name; empty: no shipped one.

    By the policy and not by its name: what somebody makes of one is another.
    """
    name = getattr(policy, "name", "")
    return GLOSSES.get(name, "") if POLICIES.get(name) is policy else ""
