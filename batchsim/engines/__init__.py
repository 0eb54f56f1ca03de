"""Those who drive the protocol's coroutines."""
