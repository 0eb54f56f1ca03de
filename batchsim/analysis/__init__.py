"""Questions asked of traces: who won a race by how much, why a run failed."""
