"""What a page calls a policy: its name, and in two or three words what it is."""

from __future__ import annotations

from typing import Any

from batchsim.batch.policies import gloss_of
from batchsim.visible import in_one_line


def policy_names(policy: Any) -> dict[str, str]:
    """The name, and the gloss; empty where there is none."""
    return {"name": in_one_line(policy.name), "gloss": gloss_of(policy)}


def with_gloss(policy: Any) -> str:
    """`pre3427 (bug)`."""
    gloss = gloss_of(policy)
    return f"{policy.name} ({gloss})" if gloss else str(policy.name)
