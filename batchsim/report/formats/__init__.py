"""Runs in the formats of other tools: a trace for Perfetto, a sequence diagram for Mermaid, tables as CSV."""
