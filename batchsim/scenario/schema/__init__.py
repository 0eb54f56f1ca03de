"""What a scenario file may hold: the only place that knows pydantic."""
