"""One profile for all property tests: the same examples in every run, and no deadline on shared machines."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

from batchsim.report import progress

settings.register_profile(
    "batchsim", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""New examples in every run: `python -m tests.search`."""
settings.load_profile("batchsim")

# However busy the machine is, what is printed to standard error is the same.
progress.ELSEWHERE_S = 1e6

# Whoever runs the tests in the background may have had Ctrl-C ignored, which programs started here would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
