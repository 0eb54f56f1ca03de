"""Whose lane it is: what the names of the batch's actors say."""

from __future__ import annotations

from batchsim.batch.setting import Setting
from batchsim.batch.stores import MAX_ATTEMPTS


def is_reaper(actor: str) -> bool:
    """Whether it reaps: a batch, that of a try of phase 1 (`reaper-1`), or the second one (`reaper@2`)."""
    return actor.partition("-")[0].partition("@")[0] == "reaper"


def attempt_of(actor: str) -> int | None:
    """The attempt that a handler handles, in a lane of its own or of one of its items; `None`: no handler."""
    kind, _, number = actor.partition(".")[0].partition("-")
    return int(number) if kind == "handler" else None


def is_handler(actor: str) -> bool:
    """Whether it is a handler, or the lane of one of its items."""
    return attempt_of(actor) is not None


def is_of_second_batch(setting: Setting, actor: str) -> bool:
    """Whether a handler works for a batch that a second call made: in stories "the batch" is the first one."""
    return setting.has_second_batch and (attempt_of(actor) or 0) > MAX_ATTEMPTS
