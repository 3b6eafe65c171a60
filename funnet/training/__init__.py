"""Training as a stream of immutable states."""
