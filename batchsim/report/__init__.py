"""Ways to show what was found; nothing is computed here."""
