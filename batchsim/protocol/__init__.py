"""What happens: the protocol, with no time, no randomness and no input or output."""
