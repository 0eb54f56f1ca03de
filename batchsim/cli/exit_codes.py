"""The exit codes, the same for every command; 0: every expectation held."""

UNEXPECTED = 1
"""A verdict that was not expected."""
BAD_INPUT = 2
"""Bad usage, or bad input."""
INCONCLUSIVE = 3
"""A bound was hit before the answer, or a pinned fault occurs in no schedule."""
INTERRUPTED = 130
"""Ctrl-C."""
