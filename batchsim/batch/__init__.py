"""The production race: its operations, flows and policies, what it comes to, and what engines are given of it."""
