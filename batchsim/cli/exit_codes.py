"""The exit codes, the same for every command."""

EXPECTED = 0
"""Every verdict was as expected, and none forbidden; where nothing was asked, it says nothing."""
UNEXPECTED = 1
"""A verdict that was not expected, or is forbidden."""
BAD_INPUT = 2
"""Bad usage, or bad input."""
INCONCLUSIVE = 3
"""The answer is not known: a bound was hit before it, or a pinned fault occurs in no schedule."""
INTERRUPTED = 130
"""Ctrl-C."""
