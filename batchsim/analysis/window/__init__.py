"""Windows: the condition on the latencies under which a verdict is given."""
