"""The production race as a system: `system.py` says what engines are given."""
