"""Timed exploration."""
