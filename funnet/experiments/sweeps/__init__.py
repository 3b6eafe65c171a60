"""Run a function with many configurations, each with its own seed, and keep the results."""
