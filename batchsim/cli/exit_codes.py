"""The exit codes, the same for every command; 0: every expectation held."""

UNEXPECTED = 1
"""A verdict that was not expected."""
BAD_INPUT = 2
"""Bad usage, or bad input."""
INCONCLUSIVE = 3
"""A bound was hit before the answer, or the memory of the machine was not enough for one."""
INTERNAL_ERROR = 70
"""An error of batchsim itself: that of `sysexits.h`."""
INTERRUPTED = 130
"""Ctrl-C; other signals likewise are 128 and their number."""
