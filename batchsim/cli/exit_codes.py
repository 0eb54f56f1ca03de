"""The exit codes, the same for every command."""

EXPECTED = 0
"""Every verdict was as expected, and none forbidden; where nothing was asked, it says nothing."""
UNEXPECTED = 1
"""A verdict that was not expected, or is forbidden."""
BAD_INPUT = 2
"""Bad usage, or bad input."""
INCONCLUSIVE = 3
"""The answer is not known: a bound was hit, memory was not enough, or a pinned fault occurs in no schedule."""
INTERNAL_ERROR = 70
"""An error of batchsim itself: that of `sysexits.h`."""
INTERRUPTED = 130
"""Ctrl-C; other signals likewise are 128 and their number."""
