"""What is said of runs of the batch alone: why an attempt was refused, who won which race, what was decided."""
